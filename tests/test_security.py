"""One test for each defence in docs/threat_model.md that no other file tests."""

import ast
import hashlib
import json
import pickle
from types import SimpleNamespace

import pytest
import torch
import yaml
from datasets import Dataset, Features, Image
from huggingface_hub import HfApi
from safetensors.torch import save_file

import train_accelerate
from f2a.config import ConfigError
from f2a.data import hub as pairs_of_hub
from f2a.data.cache import DataError
from f2a.data.hub import HubSplit, read_hub_pairs
from f2a.model.checkpoint import Checkpoint, CheckpointError
from f2a.page import text as page_text
from f2a.page.gallery import Gallery, PairPreview, PairScore
from f2a.training.arguments import read_run, without_secrets
from f2a.training.checkpoint import read_state, write_state
from tests.support import ROOT
from tests.support.hub_stub import HubStub
from tests.support.page_server import save_gradient
from tests.support.pairs import write_pairs
from tests.support.trap import Trap

PROGRAMS = [ROOT / "app.py", ROOT / "train_accelerate.py", *sorted((ROOT / "f2a").rglob("*.py"))]


# What runs code


RUNS_CODE = {
    "eval", "exec", "pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "os.system", "os.popen",
    "yaml.load", "yaml.unsafe_load", "yaml.full_load", "accelerator.load_state", "torch.hub",
}  # fmt: skip


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_line_of_the_program_runs_what_a_file_says(path):
    """No pickle, no eval, no loader that creates objects; ``torch.load`` only for plain weights."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = {alias.name for alias in node.names} | {getattr(node, "module", "") or ""}
            assert not modules & RUNS_CODE, modules
        if isinstance(node, ast.Call):
            called, keywords = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            assert called not in RUNS_CODE, called
            assert not {"shell", "trust_remote_code", "allow_pickle"} & {*keywords}, called
            if called in ("torch.load", "load"):
                assert keywords.get("weights_only") == "True", called


@pytest.mark.parametrize(
    "text",
    ["seed: !!python/object/apply:pathlib.Path.touch [{sprung}]", "!!python/object/new:pathlib.Path [{sprung}]",
     "a: &a [!!python/name:os.system ]", "a: !!python/module:os"],
)  # fmt: skip
def test_a_file_of_flags_makes_no_objects(tmp_path, text):
    path, sprung = tmp_path / "run.yaml", tmp_path / "sprung"
    path.write_text(text.format(sprung=sprung))
    with pytest.raises(ConfigError, match=r"run\.yaml: not valid yaml \(could not determine a constructor"):
        read_run(path)
    assert not sprung.exists()


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_a_file_of_flags_without_bottom_is_a_sentence(tmp_path, suffix):
    path = tmp_path / f"run{suffix}"
    path.write_text("[" * 3_000)
    with pytest.raises(ConfigError, match=f"not valid {suffix[1:]}"):
        read_run(path)


@pytest.mark.parametrize(
    "write",
    [lambda trap, path: path.write_bytes(pickle.dumps(trap)), lambda trap, path: torch.save({"a": trap}, path)],
    ids=["pickle", "torch"],
)
def test_a_checkpoint_is_resumed_without_opening_a_pickle(tmp_path, write):
    """Its digest is correct, as an attacker's would be."""
    folder, trap = tmp_path / "checkpoint-000001", Trap(tmp_path / "sprung")
    write_state(folder, {"generator": {"a": torch.zeros(1)}}, {"step": 1})
    part = folder / "generator.safetensors"
    write(trap, part)
    facts = json.loads((folder / "state.json").read_text())
    facts["files"][part.name] = hashlib.sha256(part.read_bytes()).hexdigest()
    (folder / "state.json").write_text(json.dumps(facts))
    with pytest.raises(CheckpointError, match="one of its files is not in the safetensors format"):
        read_state(folder)
    assert not trap.sprung.exists()


def test_a_checkpoint_reads_no_file_outside_its_folder(tmp_path):
    folder, secret = tmp_path / "checkpoint-000001", tmp_path / "secret.safetensors"
    write_state(folder, {}, {"step": 1})
    save_file({"a": torch.zeros(1)}, secret)
    for name in ("../secret.safetensors", str(secret)):
        files = {name: hashlib.sha256(secret.read_bytes()).hexdigest()}
        (folder / "state.json").write_text(json.dumps({"files": files, "step": 1}))
        with pytest.raises(CheckpointError, match="a file outside the folder; do not trust it"):
            read_state(folder)


# The token


def test_a_token_is_printed_nowhere_and_pushed_nowhere(tmp_path, monkeypatch, capfd):
    """Give it as a flag, in a file of flags and in the environment; with a push that works and one that is refused."""
    token = "hf_secretsecretsecret"
    run_file = tmp_path / "mine.yaml"
    run_file.write_text(f"hub_token: {token}\nresolution: 32\n")
    data = ["--train_data_dir", str(write_pairs(tmp_path / "pairs", 2)), "--encoder_weights", "none"]
    short = ["--max_train_steps", "1", "--train_batch_size", "1", "--push_to_hub", "--hub_model_id", "user/model"]
    with HubStub(token=token) as hub:
        hub.in_process(monkeypatch)
        flags = [*data, *short, "--config", str(run_file), "--hub_token", token]
        assert train_accelerate.main([*flags, "--output_dir", str(tmp_path / "run")]) == 0
        pushed = hub.repo("user/model").files()
        hub.fail("/preupload/", status=403)
        assert train_accelerate.main([*flags, "--output_dir", str(tmp_path / "refused")]) == 1
    assert {"README.md", "config.json", "model.safetensors"} <= set(pushed)
    written = [
        path.read_bytes() for run in ("run", "refused") for path in (tmp_path / run).rglob("*") if path.is_file()
    ]
    assert not [content for content in [*pushed.values(), *written] if token.encode() in content]
    assert token not in "".join(capfd.readouterr())
    assert "hub_token" not in yaml.safe_load((tmp_path / "run" / "run.yaml").read_text())
    assert without_secrets([f"--hub_token={token}", "--seed", "1"]) == ["--hub_token=HIDDEN", "--seed", "1"]


def test_the_token_goes_to_the_hub_and_never_to_the_storage_behind_it(hub, weights):
    HfApi().create_repo("user/model", private=True)
    HfApi().upload_folder(repo_id="user/model", folder_path=weights)
    Checkpoint.load("user/model")
    storage = [request for request in hub.requests if request.path.startswith("/storage/")]
    assert {request.method for request in storage} == {"PUT", "GET"}
    assert not any(request.token for request in storage)
    assert all(request.token for request in hub.requests if request.path.startswith("/api/models/"))


# Names and paths


def test_a_dataset_names_no_file_of_this_machine(tmp_path, monkeypatch):
    """A row has a path instead of bytes: a photo in the user's home folder, to be trained on or shown to visitors."""
    home = write_pairs(tmp_path / "home", 1)
    features = Features({"flash": Image(decode=False), "ambient": Image(decode=False)})

    def load(*paths):
        rows = {half: [{"bytes": None, "path": str(path)}] for half, path in zip(features, paths, strict=True)}
        monkeypatch.setattr(pairs_of_hub, "_load", lambda source: Dataset.from_dict(rows, features))
        return read_hub_pairs(HubSplit("user/data"), tmp_path / "cache", lambda sentence: None)

    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")
    photos = home / "p0_flash.png", home / "p0_ambient.png"
    roundabout = tmp_path / "datasets" / ".." / "home" / "p0_flash.png"
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "link.png").symlink_to(photos[0])
    for flash in (photos[0], roundabout, tmp_path / "datasets" / "link.png"):
        with pytest.raises(DataError, match="which is not part of the dataset; do not trust it"):
            load(flash, photos[1])
    assert not list((tmp_path / "cache").iterdir())
    for photo in photos:
        photo.rename(tmp_path / "datasets" / photo.name)
    assert len(load(*(tmp_path / "datasets" / photo.name for photo in photos))) == 1


NAMES = ["../../up", "/etc/passwd", "<script>alert(1)</script>", "..", "a\nb", 'x" onerror="y']


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_datasets_pair_is_no_path_and_no_markup(tmp_path, relighter, name):
    flash = save_gradient(tmp_path / "flash.png")
    photos = SimpleNamespace(names=[name], photos=lambda name: SimpleNamespace(flash=flash, ambient=flash))
    (tmp_path / "visitor").mkdir()
    copy = Gallery(photos, relighter).copy_flash(name, tmp_path / "visitor")
    assert copy.resolve().parent == (tmp_path / "visitor").resolve()
    example = PairPreview(name, flash, flash, flash, PairScore(1, 1), PairScore(1, 1), changes=flash)
    shown = page_text.as_html(page_text.describe(example))
    assert shown.count("<") == 2
    assert 'x" ' not in shown


def test_what_weights_say_of_themselves_is_no_markup():
    bad = "<img src=x onerror=alert(1)>"
    for text in (page_text.about(f'user/model@"{bad}', {"licence": bad}), page_text.about(None, {"licence": bad})):
        assert bad not in text
