"""Trained weights on the Hub: a loopback Hub, the real client."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.hub_stub import HubStub
from tests.pairs import write_pairs

ROOT = Path(__file__).resolve().parents[1]
RELIGHT = """
import numpy as np, sys
from PIL import Image
from f2a.relighter import Relighter
photo = Image.open(sys.argv[1])
relit = Relighter.from_pretrained("user/model", device="cpu")(photo)
assert relit.size == photo.size, relit.size
"""


def train(hub, pairs, output, *flags):
    small = ["--resolution", "32", "--train_batch_size", "1", "--max_train_steps", "1", "--lr_warmup_steps", "1"]
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
