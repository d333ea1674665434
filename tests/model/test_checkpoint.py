"""Checkpoints: strict loading, no pickles, and conversion of the published file."""

from dataclasses import replace

import pytest
import torch

from f2a.config import ARCHITECTURES
from f2a.model.checkpoint import BUNDLED, Checkpoint, CheckpointError, convert_published, published_name
from tests.conftest import brightening_checkpoint
from tests.support.commands import run, sentence
from tests.support.trap import Trap


def test_what_is_saved_comes_back(tmp_path):
    saved = brightening_checkpoint()
    saved.training = {"minutes": 3, "data": ["ours"]}
    saved.save(tmp_path)
    loaded = Checkpoint.load(tmp_path)
    assert loaded.architecture == saved.architecture
    assert loaded.training == saved.training
    for key, tensor in saved.generator.state_dict().items():
        assert torch.equal(loaded.generator.state_dict()[key], tensor.half().float()), key
    assert not loaded.generator.training


def test_a_source_that_is_neither_folder_nor_hub_id_is_named():
    with pytest.raises(CheckpointError, match="no/such/folder"):
        Checkpoint.load("no/such/folder")


def test_the_average_of_three_runs_holds_the_mean_of_each_weight(tmp_path):
    for name, log_gain in (("a", 0.5), ("b", 0.6), ("c", 1.0)):
        brightening_checkpoint(log_gain).save(tmp_path / name)
    names = [str(tmp_path / name) for name in "abc"]
    assert run("f2a", "average", *names, "-o", tmp_path / "mean").status == 0
    mean, *parts = [Checkpoint.load(tmp_path / name) for name in ("mean", "a", "b", "c")]
    biases = [part.generator.head.convolution.bias for part in parts]
    assert mean.generator.head.convolution.bias.tolist() == pytest.approx((sum(biases) / 3).tolist(), rel=1e-3)
    assert mean.training["average_of"] == names


def test_weights_of_two_architectures_have_no_average(tmp_path):
    brightening_checkpoint().save(tmp_path / "a")
    Checkpoint(replace(brightening_checkpoint().architecture, working_pixels=4096)).save(tmp_path / "b")
    refusal = sentence("average", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "mean")
    assert "b: its architecture is not that of" in refusal
    assert not (tmp_path / "mean").exists()


def test_the_published_file_is_converted_exactly(tmp_path):
    """30 million parameters under the authors' names."""
    torch.manual_seed(0)
    ours = Checkpoint(ARCHITECTURES["vgg16"]).generator.state_dict()
    torch.save({published_name(key): tensor for key, tensor in ours.items()}, tmp_path / "model-1000.pth")
    assert run("f2a", "convert", tmp_path / "model-1000.pth", tmp_path / "out").status == 0
    converted = Checkpoint.load(tmp_path / "out").generator.state_dict()
    assert all(torch.equal(tensor, ours[key]) for key, tensor in converted.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [(lambda s: s.pop("enc5.conv3_2.weight"), "missing key enc5.conv3_2.weight"),
     (lambda s: s.update({"enc5.conv9_1.weight": torch.zeros(1)}), "unexpected key enc5.conv9_1.weight"),
     (lambda s: s.update({"dec5.convToCh.bias": torch.zeros(4)}), "dec5.convToCh.bias has shape (4,)")],
)  # fmt: skip
def test_a_key_that_does_not_fit_ends_the_conversion_with_its_name(tmp_path, change, message):
    with torch.device("meta"):
        ours = Checkpoint(ARCHITECTURES["vgg16"]).generator.state_dict()
    state = {published_name(key): torch.zeros(1).expand(t.shape) for key, t in ours.items()}  # one number each on disk
    change(state)
    torch.save(state, tmp_path / "model-1000.pth")
    assert message in sentence("convert", tmp_path / "model-1000.pth", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_with_code_in_it_is_not_run(tmp_path):
    torch.save({"a": Trap(tmp_path / "sprung")}, tmp_path / "model-1000.pth")
    assert "model-1000.pth" in sentence("convert", tmp_path / "model-1000.pth", tmp_path / "out")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(("name", "message"), [("a.pth", "not a PyTorch file"), ("b.pth", "cannot be read")])
def test_not_a_checkpoint_at_all(tmp_path, name, message):
    (tmp_path / "a.pth").write_text("text")
    with pytest.raises(CheckpointError, match=f"{name}: {message}"):
        convert_published(tmp_path / name)


def test_the_bundled_weights_ship_and_say_what_they_are():
    checkpoint = Checkpoint.load()
    assert (BUNDLED / "model.safetensors").stat().st_size <= 12_000_000
    assert checkpoint.architecture == replace(
        ARCHITECTURES["compact"], upsampling="bilinear_fine", working_pixels=256 * 192
    )
    assert {"data", "minutes", "scores", "command"} <= set(checkpoint.training)
