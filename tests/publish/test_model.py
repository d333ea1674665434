"""Trained weights on the Hub: a loopback Hub, the real client."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi, ModelCard, RepoUrl
from PIL import Image
from safetensors.torch import load_file, save

from f2a.model.encoders import BATCH_NORM_EPS, EfficientNetLite0
from f2a.publish.model import Pusher
from tests.support.hub_stub import Blob, HubStub
from tests.support.pairs import write_pairs

ROOT = Path(__file__).resolve().parents[2]
RELIGHT = """
import numpy as np, sys
from PIL import Image
from f2a.relight.relighter import Relighter
photo = Image.open(sys.argv[1])
relit = Relighter.from_pretrained("user/model", device="cpu")(photo)
assert relit.size == photo.size, relit.size
"""


ENCODER = "timm/tf_efficientnet_lite0.in1k"


def timm_weights(encoder: EfficientNetLite0) -> dict[str, torch.Tensor]:
    """The folded convolutions of ``encoder`` under timm's names, with batch normalisations that do nothing."""
    weights = {}

    def add(layer, conv, norm):
        weights[f"{conv}.weight"], weights[f"{norm}.bias"] = layer.weight.data, layer.bias.data
        for name, value in (("weight", 1.0), ("running_mean", 0.0), ("running_var", 1 - BATCH_NORM_EPS)):
            weights[f"{norm}.{name}"] = torch.full_like(layer.bias.data, value)

    add(encoder.stem[0], "conv_stem", "bn1")
    places = [
        "0.0",
        "1.0",
        "1.1",
        "2.0",
        "2.1",
        "3.0",
        "3.1",
        "3.2",
        "4.0",
        "4.1",
        "4.2",
        "5.0",
        "5.1",
        "5.2",
        "5.3",
        "6.0",
    ]
    for place, block in zip(places, encoder.blocks, strict=True):
        works = ["pw", "dw", "pwl"] if place != "0.0" else ["dw", "pw"]
        layers = [layer for layer in block.layers if isinstance(layer, torch.nn.Conv2d)]
        for number, (layer, work) in enumerate(zip(layers, works, strict=True), 1):
            add(layer, f"blocks.{place}.conv_{work}", f"blocks.{place}.bn{number}")
    return weights


def train(hub, pairs, output, *flags):
    small = ["--resolution", "32", "--train_batch_size", "1", "--max_train_steps", "1", "--lr_warmup_steps", "1"]
    small += [] if "hub" in flags else ["--encoder_weights", "none"]
    where = ["--train_data_dir", str(pairs), "--validation_dir", str(pairs), "--output_dir", str(output)]
    command = [sys.executable, "train_accelerate.py", *where, *small, "--push_to_hub", *flags]
    return subprocess.run(command, cwd=ROOT, env=hub.environment(), capture_output=True, text=True, timeout=100)


@pytest.mark.timeout(120)
def test_what_was_trained_is_pushed_loaded_and_relights(tmp_path):
    pairs = write_pairs(tmp_path / "pairs", 1)
    with HubStub(token="hf_test") as hub:
        run = train(hub, pairs, tmp_path / "run", "--hub_model_id", "user/model", "--hub_private_repo")
        assert run.returncode == 0, run.stderr
        assert "pushed to " in run.stdout
        files = hub.repo("user/model").files()
        assert hub.repo("user/model").private
        assert {"config.json", "model.safetensors", "README.md", "validation.png"} <= set(files)
        assert files["model.safetensors"] == (tmp_path / "run" / "best" / "model.safetensors").read_bytes()
        card = ModelCard(files["README.md"].decode())
        assert card.data.pipeline_tag == "image-to-image"
        scores = {result.metric_type: result.metric_value for result in card.data.eval_results}
        assert set(scores) == {"psnr", "ssim", "flash_psnr", "flash_ssim"}
        assert f"train_accelerate.py --train_data_dir {pairs}" in card.text
        assert 'Relighter.from_pretrained("user/model")' in card.text
        assert "(validation.png)" in card.text
        photo = str(pairs / "p0_flash.png")
        subprocess.run([sys.executable, "-c", RELIGHT, photo], cwd=ROOT, env=hub.environment(), check=True, timeout=100)


@pytest.mark.timeout(120)
def test_a_hub_that_refuses_loses_no_weights_and_the_way_to_try_again_is_printed(tmp_path):
    pairs = write_pairs(tmp_path / "pairs", 1)
    with HubStub(token="hf_test") as hub:
        run = train(hub, pairs, tmp_path / "run", "--hub_model_id", "user/model", "--hub_token", "hf_wrong")
    assert run.returncode == 1
    (sentence,) = [line for line in run.stderr.splitlines() if line.startswith("train_accelerate.py: ")]
    assert f"hf upload user/model {tmp_path}/run/best ." in sentence
    assert "hf_wrong" not in run.stdout + run.stderr
    assert (tmp_path / "run" / "best" / "model.safetensors").exists()
    assert Image.open(tmp_path / "run" / "best" / "validation.png").size == (960, 196)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_encoder_starts_from_the_hubs_weights_and_offline_the_flag_is_named(tmp_path):
    torch.manual_seed(0)
    encoder = EfficientNetLite0()
    pairs = write_pairs(tmp_path / "pairs", 1)
    still = ("--encoder_weights", "hub", "--freeze_encoder", "--no-push_to_hub")
    with HubStub(token="hf_test") as hub:
        run = train(hub, pairs, tmp_path / "none", *still)
        assert run.returncode == 2
        assert f"encoder_weights: {ENCODER}: the Hub does not show model.safetensors (status 4" in run.stderr
        assert "pass a file of them as --encoder_weights FILE" in run.stderr
        hub.add_repo(ENCODER).commit("weights", {"model.safetensors": Blob(save(timm_weights(encoder)))})
        run = train(hub, pairs, tmp_path / "run", *still)
        assert run.returncode == 0, run.stderr
    trained = load_file(tmp_path / "run" / "last" / "model.safetensors")
    for name, weight in encoder.state_dict().items():
        torch.testing.assert_close(trained[f"encoder.{name}"].float(), weight, rtol=2e-3, atol=1e-5)


@pytest.mark.timeout(120)
def test_a_push_in_the_background_reads_a_copy_and_its_failure_is_only_reported(tmp_path, monkeypatch):
    folder = tmp_path / "best"
    folder.mkdir()
    (folder / "config.json").write_text("first")
    sent, said, may_go = [], [], threading.Event()

    def upload(self, *, folder_path, **ignored):
        may_go.wait(10)
        sent.append((Path(folder_path) / "config.json").read_text())
        if len(sent) == 2:
            raise OSError("cut off")

    monkeypatch.setattr(HfApi, "create_repo", lambda self, name, **ignored: RepoUrl(f"https://huggingface.co/{name}"))
    monkeypatch.setattr(HfApi, "upload_folder", upload)
    pusher = Pusher("user/model", tmp_path / "copy")
    pusher.offer(folder, said.append)
    (folder / "config.json").write_text("second")
    pusher.offer(folder, said.append)  # one is on its way
    may_go.set()
    pusher._upload.result()
    pusher.offer(folder, said.append)
    assert pusher.push(folder) == "https://huggingface.co/user/model"
    assert sent == ["first", "second", "second"]
    assert said == ["an interim push failed, training goes on: cut off"]
    assert not (tmp_path / "copy").exists()
