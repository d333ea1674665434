"""Checkpoints: strict, never a pickle, and what the published file becomes."""

import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from f2a.cli import main
from f2a.config import PRESETS
from f2a.model.checkpoint import BUNDLED, Checkpoint, CheckpointError, convert_published, published_name
from tests.conftest import brightening_checkpoint


def test_what_is_saved_comes_back(tmp_path):
    saved = brightening_checkpoint()
    saved.training = {"minutes": 3, "data": ["ours"]}
    saved.save(tmp_path)
    loaded = Checkpoint.from_pretrained(tmp_path)
    assert loaded.architecture == saved.architecture
    assert loaded.training == saved.training
    for key, tensor in saved.generator.state_dict().items():
        assert torch.equal(loaded.generator.state_dict()[key], tensor.half().float()), key
    assert not loaded.generator.training


def damage_missing(state):
    del state["head.color.bias"]


def damage_extra(state):
    state["head.other"] = torch.zeros(1)


def damage_shape(state):
    state["head.color.bias"] = torch.zeros(4)


def damage_nan(state):
    state["head.color.bias"][1] = float("nan")


@pytest.mark.parametrize(
    ("damage", "said"),
    [(damage_missing, "missing key head.color.bias"), (damage_extra, "unexpected key head.other"),
     (damage_shape, r"head.color.bias has shape \(4,\)"), (damage_nan, "head.color.bias .* not finite")],
)  # fmt: skip
def test_weights_that_do_not_fit_are_refused_by_name(tmp_path, damage, said):
    brightening_checkpoint().save(tmp_path)
    state = load_file(tmp_path / "model.safetensors")
    damage(state)
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match=said):
        Checkpoint.load(tmp_path)


def test_damaged_or_missing_files_are_named(tmp_path):
    brightening_checkpoint().save(tmp_path)
    weights, config = tmp_path / "model.safetensors", tmp_path / "config.json"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match=r"model\.safetensors: not a whole safetensors file"):
        Checkpoint.load(tmp_path)
    weights.unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        Checkpoint.load(tmp_path)
    config.write_text(json.dumps({"architecture": {"encoder": "vgg16", "depth": 3}}))
    with pytest.raises(CheckpointError, match=r"config\.json.*depth"):
        Checkpoint.load(tmp_path)
    config.write_text("{")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        Checkpoint.load(tmp_path)


def test_a_pickle_is_never_opened(tmp_path):
    brightening_checkpoint().save(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save({"a": torch.zeros(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        Checkpoint.load(tmp_path)
    torch.save({"a": torch.zeros(1)}, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="not a whole safetensors file"):
        Checkpoint.load(tmp_path)


def test_a_source_that_is_neither_folder_nor_hub_id_is_named():
    with pytest.raises(CheckpointError, match="no/such/folder"):
        Checkpoint.load("no/such/folder")


@pytest.fixture(scope="module")
def published():
    """The published file's content: 30 million parameters under its authors' names."""
    torch.manual_seed(0)
    state = Checkpoint(PRESETS["vgg16"]).generator.state_dict()
    return {published_name(key): tensor for key, tensor in state.items()}


def test_the_published_file_is_converted_exactly(tmp_path, published, capsys):
    torch.save(published, tmp_path / "model-1000.pth")
    assert main(["convert", str(tmp_path / "model-1000.pth"), str(tmp_path / "out")]) == 0
    state = Checkpoint.load(tmp_path / "out").generator.state_dict()
    assert all(torch.equal(tensor, published[published_name(key)]) for key, tensor in state.items())


@pytest.mark.parametrize(
    ("change", "said"),
    [(lambda s: s.pop("enc5.conv3_2.weight"), "missing key enc5.conv3_2.weight"),
     (lambda s: s.update({"enc5.conv9_1.weight": torch.zeros(1)}), "unexpected key enc5.conv9_1.weight"),
     (lambda s: s.update({"dec5.convToCh.bias": torch.zeros(4)}), "dec5.convToCh.bias has shape (4,)")],
)  # fmt: skip
def test_a_key_that_does_not_fit_ends_the_conversion_with_its_name(tmp_path, published, capsys, change, said):
    state = dict(published)
    change(state)
    torch.save(state, tmp_path / "model-1000.pth")
    assert main(["convert", str(tmp_path / "model-1000.pth"), str(tmp_path / "out")]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


class Trap:
    """Unpickling this would write a file."""

    def __reduce__(self):
        return exec, ("open('sprung', 'w')",)


def test_a_file_with_code_in_it_is_not_run(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Trap()}, "model-1000.pth")
    assert main(["convert", "model-1000.pth", "out"]) == 2
    assert "model-1000.pth" in capsys.readouterr().err
    assert not (tmp_path / "sprung").exists()


def test_not_a_checkpoint_at_all(tmp_path):
    (tmp_path / "a.pth").write_text("text")
    with pytest.raises(CheckpointError, match=r"a\.pth"):
        convert_published(tmp_path / "a.pth", PRESETS["vgg16"])
    with pytest.raises(CheckpointError, match=r"b\.pth"):
        convert_published(tmp_path / "b.pth", PRESETS["vgg16"])


def test_the_bundled_weights_ship_and_say_what_they_are():
    checkpoint = Checkpoint.load()
    assert (BUNDLED / "model.safetensors").stat().st_size <= 12_000_000
    assert checkpoint.architecture == replace(PRESETS["compact"], upsampling="bilinear_fine", working_pixels=240 * 180)
    assert {"data", "minutes", "scores", "command"} <= set(checkpoint.training)
