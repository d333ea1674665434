"""Unusable weights, in a folder or on a Hub that fails, give one sentence and leave no partial file; the page runs."""

import json
import math
import pickle
import re
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save, save_file

from f2a.model.checkpoint import Checkpoint, CheckpointError
from tests.conftest import brightening_checkpoint
from tests.support.hub_stub import Blob
from tests.support.trap import Trap

WHOLE = "not a whole safetensors file"


@pytest.fixture
def folder(tmp_path, weights):
    return shutil.copytree(weights, tmp_path / "model")


@pytest.fixture
def hub(hub, weights, monkeypatch):
    """A Hub with complete weights as user/model; its client does not wait between attempts."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    repo = hub.add_repo("user/model")
    repo.commit("Add weights", {path.name: Blob(path.read_bytes()) for path in weights.iterdir()})
    return hub


def sentence(source, revision=None):
    with pytest.raises(CheckpointError) as caught:
        Checkpoint.load(source, revision)
    message = str(caught.value)
    assert "\n" not in message
    return message


# Files of weights


def cut(part):
    def damage(path):
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * part)])

    return damage


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"more")


def claim_a_terabyte_of_header(path):
    path.write_bytes((2**40).to_bytes(8, "little") + path.read_bytes()[8:])


def lead_a_tensor_out_of_the_file(path):
    header = json.dumps({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)


@pytest.mark.parametrize(
    "damage",
    [*map(cut, (0, 4e-7, 1e-6, 1e-3, 0.5, 0.999)), lengthen, claim_a_terabyte_of_header, lead_a_tensor_out_of_the_file],
)
def test_a_damaged_file_of_weights_is_named_and_not_read(folder, damage):
    path = folder / "model.safetensors"
    damage(path)
    message = sentence(folder)
    assert message.startswith(f"{path}: {WHOLE}")
    assert message.endswith("download it again")


@pytest.mark.parametrize(
    ("bias", "message"),
    [
        (torch.zeros(3, dtype=torch.int64), "holds torch.int64, not floats"),
        (torch.zeros(3, dtype=torch.complex64), "holds torch.complex64, not floats"),
        (torch.tensor([0, 0, math.inf]), "holds values that are not finite; the weights are damaged"),
        (torch.full((3,), 1e300, dtype=torch.float64), "holds values that are not finite"),
        (torch.full((3,), float("nan")).to(torch.float8_e4m3fn), "holds values that are not finite"),
        (torch.zeros(3, 1), r"has shape (3, 1), not (3,)"),
        (torch.zeros(0), r"has shape (0,), not (3,)"),
    ],
    ids=["integers", "complex", "infinite", "too large for 32 bits", "8-bit NaN", "shape", "empty"],
)
def test_a_tensor_of_another_kind_is_named(folder, bias, message):
    state = load_file(folder / "model.safetensors") | {"head.color.bias": bias}
    save_file(state, folder / "model.safetensors")
    assert f"model.safetensors: head.color.bias {message}" in sentence(folder)


def test_a_tensor_too_many_or_too_few_is_named(folder):
    state = load_file(folder / "model.safetensors")
    save_file(state | {"head.other": torch.zeros(1)}, folder / "model.safetensors")
    assert "unexpected key head.other" in sentence(folder)
    del state["head.color.bias"]
    save_file(state, folder / "model.safetensors")
    assert "missing key head.color.bias" in sentence(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "pytorch_model.bin"])
@pytest.mark.parametrize("write", [lambda trap: pickle.dumps(trap), None], ids=["pickle", "torch"])
def test_a_pickle_under_any_name_is_never_opened(folder, tmp_path, name, write):
    trap = Trap(tmp_path / "sprung")
    if write:
        (folder / name).write_bytes(write(trap))
    else:
        torch.save({"head.color.bias": trap}, folder / name)
    if name == "pytorch_model.bin":
        Checkpoint.load(folder)
    else:
        assert sentence(folder).startswith(f"{folder / name}: not ")
    assert not trap.sprung.exists()
    pickle.loads(pickle.dumps(trap))
    assert trap.sprung.exists()


@pytest.mark.parametrize("missing", [("model.safetensors",), ("config.json",), ("model.safetensors", "config.json")])
def test_a_folder_without_its_files_names_the_missing_one(folder, missing):
    for name in missing:
        (folder / name).unlink()
        (folder / name).mkdir()
        assert name in sentence(folder)
        (folder / name).rmdir()
    assert f"{folder / missing[-1]}: cannot be read (No such file or directory" in sentence(folder)


# Configs


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "Expecting value"),
        ('{"architecture": {"encoder": "vgg16"', "Expecting"),
        ("[" * 100_000, "recursion"),
        ("null", "NoneType"),
        ("[]", "list indices"),
        ("{}", "it has no 'architecture'"),
        ('{"architecture": []}', "have to be tables"),
        ('{"architecture": {}, "training": "long"}', "have to be tables"),
        ('{"architecture": {"depth": 3}}', "unknown field 'depth': GeneratorConfig has encoder"),
        ('{"architecture": {"encoder": "resnet"}}', "encoder is 'resnet': choose one of"),
        ('{"architecture": {"encoder": ["vgg16"]}}', "encoder is ['vgg16']: expected"),
        ('{"architecture": {"working_pixels": NaN}}', "working_pixels is nan: expected"),
        ('{"architecture": {"working_pixels": -5}}', "working_pixels is -5: give at least"),
        ('{"architecture": {"exposure": Infinity}}', "exposure is inf"),
        ('{"architecture": "\xff\xfe"}', "decode"),
    ],
)
def test_a_config_that_is_none_is_named_with_its_fault(folder, content, message):
    (folder / "config.json").write_text(content, "latin-1")
    assert sentence(folder).startswith(f"{folder / 'config.json'}: not the config of an f2a generator (")
    assert message in sentence(folder)


def test_a_field_that_is_missing_is_the_default(folder):
    (folder / "config.json").write_text('{"architecture": {"head": "gain"}}')
    assert Checkpoint.load(folder).architecture == brightening_checkpoint().architecture


# The Hub


def assert_nothing_half_is_kept_and_the_next_try_works(hub, weights):
    for path in Path(hub.home.name).rglob("snapshots/*/*"):
        assert path.read_bytes() == (weights / path.name).read_bytes()
    state, expected = (Checkpoint.load(source).generator.state_dict() for source in ("user/model", weights))
    assert all(torch.equal(state[key], expected[key]) for key in expected)


FAULTS = {
    "401": ({"status": 401}, "status 401", "run hf auth login"),
    "403": ({"status": 403}, "status 403", "run hf auth login"),
    "gated": ({"status": 403, "code": "GatedRepo"}, "status 403", "run hf auth login"),
    "404": ({"status": 404, "code": "RepoNotFound"}, "status 404", "check the name"),
    "no such file": ({"status": 404, "code": "EntryNotFound"}, "has no", "is it the right model?"),
    "429": ({"status": 429, "retry_after": 0}, "status 429", "wait a few minutes and try again"),
    "500": ({"status": 500}, "status 500", "try again later"),
    "503": ({"status": 503}, "status 503", "try again later"),
    "slow": ({"delay": 0.5}, "could not be fetched", "try again"),
    "cut at half": ({"cut": 0.5}, "could not be fetched from the Hub (", "try again"),
    "cut at the end": ({"cut": 0.999}, "could not be fetched from the Hub (", "try again"),
}


@pytest.fixture
def fails(hub):
    """``fails(path, fault)`` plans one of :data:`FAULTS` until the block ends; the client gives up on a slow Hub after
    a fifth of a second."""

    @contextmanager
    def plan(path, fault):
        with pytest.MonkeyPatch.context() as patch:
            for name in ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT") if fault == "slow" else ():
                patch.setattr(f"huggingface_hub.constants.{name}", 0.2)
            yield hub.fail(path, **FAULTS[fault][0])
        hub.faults.clear()

    return plan


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        pytest.param(fault, name, marks=[pytest.mark.slow] * ((fault, name) == ("slow", "model.safetensors")))
        for fault in FAULTS
        for name in ("config.json", "model.safetensors")
    ],
)
def test_a_hub_that_fails_is_one_sentence_and_the_next_try_works(hub, fails, weights, fault, name):
    _, reason, remedy = FAULTS[fault]
    pattern = f"{name}|/storage/" if fault.startswith("cut") and name == "model.safetensors" else name
    with fails(pattern, fault) as planned:
        message = sentence("user/model")
    assert planned.hits
    assert message.startswith("user/model: ")
    assert reason in message
    assert remedy in message
    assert message.endswith("; or pass a folder of weights")
    assert_nothing_half_is_kept_and_the_next_try_works(hub, weights)


def test_a_hub_that_is_not_there_is_one_sentence_and_leaves_the_weights_that_were_fetched(hub, weights):
    with hub.unreachable():
        assert sentence("user/model").startswith("user/model: the Hub cannot be reached; check the connection")
    assert_nothing_half_is_kept_and_the_next_try_works(hub, weights)
    with hub.unreachable():
        Checkpoint.load("user/model")
    assert_nothing_half_is_kept_and_the_next_try_works(hub, weights)


def test_a_model_without_files_or_revision_is_named(hub):
    hub.add_repo("user/empty")
    assert sentence("user/empty").startswith("user/empty: has no config.json; is it the right model?")
    assert sentence("user/model", "v9").startswith("user/model: has no revision 'v9'; give a branch")


def test_a_push_between_two_downloads_does_not_mix_two_models(hub, weights):
    """Other weights are pushed after the config is fetched: the complete old model is loaded."""
    repo = hub.repo("user/model")
    first = repo.at("main").sha
    other = load_file(weights / "model.safetensors")
    other["head.color.bias"] += 1
    files = {"model.safetensors": Blob(save(other))}
    answer = hub.answer

    def push_after_the_config(call):
        reply = answer(call)
        if call.method == "GET" and "config.json" in call.target and repo.at("main").sha == first:
            repo.commit("Retrain", repo.at("main").files | files)
        return reply

    hub.answer = push_after_the_config
    loaded = Checkpoint.load("user/model").generator.head.color.bias
    assert repo.at("main").sha != first
    assert torch.equal(loaded, Checkpoint.load(weights).generator.head.color.bias)


def test_bad_weights_of_the_hub_name_the_model_and_the_file(hub):
    files = {"config.json": Blob(b"{}"), "model.safetensors": Blob(b"not weights")}
    hub.add_repo("user/bad").commit("Add", files)
    assert re.match(r"user/bad: \S+/config\.json: not the config", sentence("user/bad"))


# The page


@pytest.mark.parametrize("source", ["user/model@main", "{folder}"])
def test_the_page_falls_back_to_the_bundled_weights(fails, folder, source):
    server = pytest.importorskip("f2a.page.server", reason="needs gradio (requirements.txt)")
    (folder / "config.json").write_text("[" * 100_000)
    with fails("model.safetensors|/storage/", "500"):
        relighter, problem = server.load_weights(source.format(folder=folder))
    assert problem.startswith(f"F2A_WEIGHTS: {source.format(folder=folder).removesuffix('@main')}")
    assert "status 500" in problem or "not the config" in problem
    assert problem.endswith("; using the bundled weights")
    assert relighter.training == Checkpoint.load().training
