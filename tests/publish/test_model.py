"""Pushing trained weights with the real client to a loopback Hub."""

import threading
from pathlib import Path

import pytest
import torch
from huggingface_hub import HfApi, ModelCard, RepoUrl
from PIL import Image
from safetensors.torch import load_file, save

from f2a.config import TrainConfig
from f2a.model.encoders import BATCH_NORM_EPS, EfficientNetLite0
from f2a.publish.model import Pusher
from f2a.relight.relighter import Relighter
from tests.support.commands import SMALL, run
from tests.support.hub_stub import Blob
from tests.support.pairs import write_pairs

ENCODER = "timm/tf_efficientnet_lite0.in1k"


def timm_weights(encoder: EfficientNetLite0) -> dict[str, torch.Tensor]:
    """Return the folded convolutions of ``encoder`` under timm's names, with batch normalisation that does nothing."""
    weights = {}

    def add(layer, conv, norm):
        weights[f"{conv}.weight"], weights[f"{norm}.bias"] = layer.weight.data, layer.bias.data
        for name, value in (("weight", 1.0), ("running_mean", 0.0), ("running_var", 1 - BATCH_NORM_EPS)):
            weights[f"{norm}.{name}"] = torch.full_like(layer.bias.data, value)

    add(encoder.stem[0], "conv_stem", "bn1")
    places = [f"{stage}.{block}" for stage, blocks in enumerate((1, 2, 2, 3, 3, 4, 1)) for block in range(blocks)]
    for place, block in zip(places, encoder.blocks, strict=True):
        works = ["pw", "dw", "pwl"] if place != "0.0" else ["dw", "pw"]
        layers = [layer for layer in block.layers if isinstance(layer, torch.nn.Conv2d)]
        for number, (layer, work) in enumerate(zip(layers, works, strict=True), 1):
            add(layer, f"blocks.{place}.conv_{work}", f"blocks.{place}.bn{number}")
    return weights


@pytest.fixture
def pairs(tmp_path):
    return write_pairs(tmp_path / "pairs", 1)


def train(pairs, output, *flags):
    data = ("--train_data_dir", pairs, "--validation_dir", pairs, "--output_dir", output)
    return run("train", *data, *SMALL, "--hub_model_id", "user/model", "--push_to_hub", *flags)


def test_what_was_trained_is_pushed_loaded_and_relights(hub, pairs, tmp_path):
    done = train(pairs, tmp_path / "run", "--hub_private_repo")
    assert done.status == 0, done.err
    assert "pushed to " in done.out
    files = hub.repo("user/model").files()
    assert hub.repo("user/model").private
    assert {"config.json", "model.safetensors", "README.md", "validation.png"} <= set(files)
    assert files["model.safetensors"] == (tmp_path / "run" / "best" / "model.safetensors").read_bytes()
    card = ModelCard(files["README.md"].decode())
    assert card.data.pipeline_tag == "image-to-image"
    scores = {result.metric_type: result.metric_value for result in card.data.eval_results}
    assert set(scores) == {"psnr", "ssim", "flash_psnr", "flash_ssim"}
    assert f"train_accelerate.py --train_data_dir {pairs}" in card.text
    assert 'from f2a import Relighter\n\nRelighter.from_pretrained("user/model")' in card.text
    assert "(validation.png)" in card.text
    photo = Image.open(pairs / "p0_flash.png")
    assert Relighter.from_pretrained("user/model", device="cpu")(photo).size == photo.size


def test_weights_that_should_be_private_are_not_pushed_where_all_can_read_them(hub, pairs, tmp_path):
    hub.add_repo("user/model", "model", private=False)
    before = dict(hub.repo("user/model").files())
    done = train(pairs, tmp_path / "run", "--hub_private_repo")
    assert done.status == 2
    assert "user/model: exists already and is public; make it private on its page" in done.err
    assert not list((tmp_path / "run").rglob("*.safetensors"))  # before training
    assert hub.repo("user/model").files() == before


def test_a_token_that_the_hub_does_not_take_is_told_before_the_training(hub, pairs, tmp_path):
    done = train(pairs, tmp_path / "run", "--hub_token", "hf_wrong")
    assert done.status == 2
    assert "the Hub did not accept user/model (" in done.sentence
    assert "hf_wrong" not in done.out + done.err
    assert not list((tmp_path / "run").rglob("*.safetensors"))


def test_a_hub_that_refuses_loses_no_weights_and_the_way_to_try_again_is_printed(hub, pairs, tmp_path):
    hub.fail("/preupload/", status=403)
    done = train(pairs, tmp_path / "run")
    assert done.status == 1
    (sentence,) = [line for line in done.err.splitlines() if line.startswith("train_accelerate.py: ")]
    assert f"hf upload user/model {tmp_path}/run/best ." in sentence
    assert (tmp_path / "run" / "best" / "model.safetensors").exists()
    assert Image.open(tmp_path / "run" / "best" / "validation.png").size == (960, 196)


def test_the_encoder_starts_from_the_hubs_weights_and_offline_the_flag_is_named(hub, pairs, tmp_path):
    torch.manual_seed(0)
    encoder = EfficientNetLite0()
    still = ("--encoder_weights", "hub", "--freeze_encoder", "--no-push_to_hub")
    done = train(pairs, tmp_path / "none", *still)
    assert done.status == 2
    assert f"encoder_weights: {ENCODER}: the Hub answered the request for model.safetensors with status 4" in done.err
    assert "pass a file as --encoder_weights FILE" in done.err
    hub.add_repo(ENCODER).commit("weights", {"model.safetensors": Blob(save(timm_weights(encoder)))})
    done = train(pairs, tmp_path / "run", *still)
    assert done.status == 0, done.err
    trained = load_file(tmp_path / "run" / "last" / "model.safetensors")
    for name, weight in encoder.state_dict().items():
        torch.testing.assert_close(trained[f"encoder.{name}"].float(), weight, rtol=2e-3, atol=1e-5)


def test_a_push_in_the_background_reads_a_copy_and_its_failure_is_only_reported(tmp_path, monkeypatch):
    folder = tmp_path / "best"
    folder.mkdir()
    (folder / "config.json").write_text("first")
    sent, messages, may_go = [], [], threading.Event()

    def upload(self, *, folder_path, **ignored):
        may_go.wait(10)
        sent.append((Path(folder_path) / "config.json").read_text())
        if len(sent) == 2:
            raise OSError("cut off")

    monkeypatch.setenv("HF_TOKEN", "hf_test")
    monkeypatch.setattr(HfApi, "create_repo", lambda self, name, **ignored: RepoUrl(f"https://huggingface.co/{name}"))
    monkeypatch.setattr(HfApi, "upload_folder", upload)
    pusher = Pusher(TrainConfig(output_dir=str(tmp_path), hub_model_id="user/model"))
    pusher.push_in_background(folder, messages.append)
    (folder / "config.json").write_text("second")
    pusher.push_in_background(folder, messages.append)  # one is still running
    may_go.set()
    pusher._upload.result()
    pusher.push_in_background(folder, messages.append)
    assert pusher.push(folder) == "https://huggingface.co/user/model"
    assert sent == ["first", "second", "second"]
    assert messages == ["an interim push failed, training continues: cut off"]
    assert [*tmp_path.iterdir()] == [folder]
