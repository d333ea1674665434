"""One test for each defence of docs/threat_model.md that no other test takes out."""

import ast
import hashlib
import http.server
import json
import pickle
import threading
import urllib.error
import urllib.request
from dataclasses import astuple
from pathlib import Path
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
from f2a.relight.controls import Controls
from f2a.training.arguments import read_run, without_secrets
from f2a.training.checkpoint import read_state, write_state
from tests.support.hub_stub import HubStub
from tests.support.page_server import save_gradient, serving
from tests.support.pairs import write_pairs
from tests.support.trap import Trap

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = [ROOT / "app.py", ROOT / "train_accelerate.py", *sorted((ROOT / "f2a").rglob("*.py"))]


# What runs code


RUNS_CODE = {
    "eval", "exec", "pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "os.system", "os.popen",
    "yaml.load", "yaml.unsafe_load", "yaml.full_load", "accelerator.load_state", "torch.hub",
}  # fmt: skip


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_line_of_the_program_runs_what_a_file_says(path):
    """No pickle, no eval, no loader that makes objects; ``torch.load`` only of plain weights."""
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
    """Its digest is right, as a stranger's would be."""
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


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the client's own uploads
def test_a_token_is_printed_nowhere_and_pushed_nowhere(tmp_path, monkeypatch, capfd):
    """Given as a flag, in a file of flags and in the environment; with a push that works and one that is refused."""
    token = "hf_secretsecretsecret"
    run_file = tmp_path / "mine.yaml"
    run_file.write_text(f"hub_token: {token}\nresolution: 32\n")
    where = ["--train_data_dir", str(write_pairs(tmp_path / "pairs", 2)), "--encoder_weights", "none"]
    short = ["--max_train_steps", "1", "--train_batch_size", "1", "--push_to_hub", "--hub_model_id", "user/model"]
    with HubStub(token=token) as hub:
        hub.in_process(monkeypatch)
        flags = [*where, *short, "--config", str(run_file), "--hub_token", token]
        assert train_accelerate.main([*flags, "--output_dir", str(tmp_path / "run")]) == 0
        pushed = hub.repo("user/model").files()
        hub.fail("/api/", status=403)
        assert train_accelerate.main([*flags, "--output_dir", str(tmp_path / "refused")]) == 1
    assert {"README.md", "config.json", "model.safetensors"} <= set(pushed)
    written = [
        path.read_bytes() for run in ("run", "refused") for path in (tmp_path / run).rglob("*") if path.is_file()
    ]
    assert not [content for content in [*pushed.values(), *written] if token.encode() in content]
    assert token not in "".join(capfd.readouterr())
    assert "hub_token" not in yaml.safe_load((tmp_path / "run" / "run.yaml").read_text())
    assert without_secrets([f"--hub_token={token}", "--seed", "1"]) == ["--hub_token=HIDDEN", "--seed", "1"]


@pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # the client's own uploads
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
    """A row without bytes but with a path: the photo of somebody's home folder, to train on or to show to visitors."""
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
    example = PairPreview(name, flash, flash, flash, PairScore(1, 1), PairScore(1, 1))
    shown = page_text.as_html(page_text.describe(example))
    assert shown.count("<") == 2
    assert 'x" ' not in shown


def test_what_weights_say_of_themselves_is_no_markup():
    bad = "<img src=x onerror=alert(1)>"
    for text in (page_text.about(f'user/model@"{bad}', {"licence": bad}), page_text.about(None, {"licence": bad})):
        assert bad not in text


# The page


@pytest.fixture(scope="module")
def server(relighter, tmp_path_factory):
    pytest.importorskip("gradio", reason="needs gradio (requirements.txt)")
    from f2a.page.layout import build_demo
    from f2a.page.server import launch_options

    folder = tmp_path_factory.mktemp("gradio")
    with serving(lambda: build_demo(relighter), folder, launch_options()) as url:
        yield url, folder


@pytest.fixture
def internal():
    """A server that only this machine should reach, and the paths that it was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"secret")

        do_HEAD = do_POST = do_GET

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listener.server_port}", asked
        listener.shutdown()


def answer(url, content=None):
    """Status and text of an answer."""
    body = None if content is None else json.dumps(content).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as reply:
            return reply.status, reply.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def relit(server, photo):
    """What a program is told that gives this as its photo."""
    status, text = answer(f"{server}/gradio_api/call/relight", {"data": [photo, *astuple(Controls()), False]})
    return (
        answer(f"{server}/gradio_api/call/relight/{json.loads(text)['event_id']}") if status == 200 else (status, text)
    )


def test_the_page_serves_no_path_outside_its_folders(server, tmp_path):
    url, folder = server
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (folder / "link.txt").symlink_to(secret)
    up = "../" * 30
    tries = [f"file={secret}", f"file={folder}/../{secret}", f"file={folder}/{up}{secret}", f"file=/{up}{secret}",
             f"file={folder}/%2e%2e/%2e%2e/%2e%2e/{secret}", f"file=file://{secret}", f"file={ROOT}/f2a/page/page.js",
             f"file={ROOT}/.git/config", f"file={folder}/link.txt", "file=.", f"static/{up}{secret}",
             f"custom_component/{up}{secret}", f"upload_progress/{up}{secret}", f"file/{secret}"]  # fmt: skip
    for path in tries:
        for prefix in ("/gradio_api/", "/", "//"):
            status, text = answer(f"{url}{prefix}{path}")
            assert (status, "secret" in text) != (200, True), path
            assert "import " not in text[:2000] or status != 200, path


def uploaded(server, photo):
    """The path that the page gives to an uploaded photo."""
    head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{photo.name}"\r\n\r\n'
    body = head.encode() + photo.read_bytes() + b"\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    with urllib.request.urlopen(urllib.request.Request(f"{server}/gradio_api/upload", body, kind)) as reply:
        return json.load(reply)[0]


def test_the_page_opens_no_file_for_a_visitor_that_was_not_given(server, tmp_path):
    url, _ = server
    mine = save_gradient(tmp_path / "mine.png")
    _, text = relit(url, {"path": uploaded(url, mine), "meta": {"_type": "gradio.FileData"}})
    assert "event: complete" in text
    assert "mine_ambient" in text
    for photo in ({"path": str(mine), "meta": {"_type": "gradio.FileData"}}, str(mine), {"path": "/etc/passwd"}):
        _, text = relit(url, photo)
        assert "event: error" in text or "event: complete" not in text
        assert "mine_ambient" not in text


def test_the_page_fetches_no_address_for_a_visitor(server, internal):
    url, _ = server
    address, asked = internal
    kind = {"_type": "gradio.FileData"}
    photos = [
        f"{address}/a.png",
        {"path": f"{address}/b.png", "meta": kind},
        {"path": "c.png", "url": f"{address}/c.png", "meta": kind},
        {"path": "", "url": f"{address}/d.png"},
    ]
    for photo in photos:
        assert "event: complete" not in relit(url, photo)[1]
    for path in (f"proxy={address}/e", f"file={address}/f"):
        assert "secret" not in answer(f"{url}/gradio_api/{path}")[1]
    assert asked == []


def test_the_page_logs_no_photo_and_no_name(server, tmp_path, capfd):
    client = pytest.importorskip("gradio_client")
    url, _ = server
    good, bad = save_gradient(tmp_path / "my secret party.png"), tmp_path / "my secret text.jpg"
    bad.write_text("secret")
    program = client.Client(url, verbose=False, download_files=tmp_path / "downloads")
    program.predict(client.handle_file(good), api_name="/relight")
    with pytest.raises(Exception, match="my secret text"):
        program.predict(client.handle_file(bad), api_name="/relight")
    assert "secret" not in "".join(capfd.readouterr())
