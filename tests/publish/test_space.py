"""``f2a space push`` to the loopback Hub; the pushed Space runs on its own (slow)."""

import os
import re
import subprocess
import sys
import venv
from importlib.metadata import distribution
from modulefinder import ModuleFinder
from pathlib import Path

import pillow_heif
import pytest
import yaml
from huggingface_hub import HfApi
from packaging.requirements import Requirement
from PIL import Image

from f2a.cli import main
from f2a.hub import HubError
from f2a.publish.space import REQUIREMENTS, ROOT, Space, plan_space, requirements
from tests.support.commands import sentence
from tests.support.page_server import browsing, started, visiting

HUB_COLORS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


@pytest.fixture
def model(hub, weights):
    """Id of the commit that adds weights to the Hub as user/model."""
    api = HfApi()
    api.create_repo("user/model")
    return api.upload_folder(repo_id="user/model", folder_path=weights).oid


@pytest.fixture
def examples(hub):
    """Id of the first commit of user/faid, a dataset on the Hub."""
    api = HfApi()
    api.create_repo("user/faid", repo_type="dataset")
    return api.dataset_info("user/faid").sha


def settings_of(hub, repo_id="user/f2a"):
    """The YAML at the head of the Space's README."""
    return yaml.safe_load(hub.repo(repo_id, "space").files()["README.md"].decode().split("---\n")[1])


def test_the_space_holds_what_the_page_needs_and_no_more(hub, capsys):
    assert main(["space", "push", "user/f2a"]) == 0
    assert capsys.readouterr().out == f"{hub.endpoint}/spaces/user/f2a\n"
    files = hub.repo("user/f2a", "space").files()
    assert files["app.py"] == (ROOT / "app.py").read_bytes()
    assert files["f2a/weights/model.safetensors"] == (ROOT / "f2a/weights/model.safetensors").read_bytes()
    assert {"f2a/__init__.py", "f2a/relight/relighter.py", "f2a/examples/shoe_rack_flash.jpg", "LICENSE"} <= set(files)
    unneeded = re.compile(r"train|tests/|docs/|ablation|evaluation|bench|commands/|__pycache__|publish")
    assert [name for name in files if unneeded.search(name)] == []


def test_the_card_names_weights_and_examples_at_their_commits(hub, model, examples):
    assert main(f"space push user/f2a --weights user/model --examples user/faid@{examples}".split()) == 0
    space = hub.repo("user/f2a", "space")
    settings = settings_of(hub)
    assert settings["models"] == ["user/model"]
    assert settings["datasets"] == ["user/faid"]
    assert settings["preload_from_hub"] == [f"user/model config.json,model.safetensors {model}"]
    assert (settings["sdk"], settings["python_version"], settings["app_file"]) == ("gradio", "3.12", "app.py")
    assert {settings["colorFrom"], settings["colorTo"]} <= HUB_COLORS
    assert len(settings["short_description"]) <= 60
    assert {name: row["value"] for name, row in space.variables.items()} == {
        "F2A_WEIGHTS": f"user/model@{model}",
        "F2A_EXAMPLES": f"user/faid@{examples}",
    }


def test_a_second_push_changes_nothing_and_a_third_takes_back(hub, model):
    command = ["space", "push", "user/f2a", "--weights", "user/model", "--hardware", "zero-a10g", "--private"]
    assert main(command) == 0
    space = hub.repo("user/f2a", "space")
    assert (space.hardware, space.private) == ("zero-a10g", True)
    commits, already = len(space.commits), len(hub.requests)
    assert main(command) == 0
    assert len(space.commits) == commits
    again = [(request.method, request.path.rpartition("/")[2]) for request in hub.requests[already:]]
    assert not {("POST", "variables"), ("POST", "hardware"), ("DELETE", "variables")} & set(again)

    assert main(["space", "push", "user/f2a", "--private"]) == 0
    assert space.variables == {}
    assert "models" not in settings_of(hub)
    assert space.hardware == "zero-a10g"  # not named, so unchanged


def test_files_of_an_earlier_version_go_and_the_owners_own_stay(hub):
    assert main(["space", "push", "user/f2a"]) == 0
    api = HfApi()
    for name in ("f2a/outdated.py", "notes.md"):
        api.upload_file(path_or_fileobj=b"#", path_in_repo=name, repo_id="user/f2a", repo_type="space")
    assert main(["space", "push", "user/f2a"]) == 0
    files = hub.repo("user/f2a", "space").files()
    assert "f2a/outdated.py" not in files
    assert {"notes.md", ".gitattributes"} <= set(files)


def test_a_dry_run_prints_the_list_and_changes_nothing(hub, model, capsys):
    already = len(hub.requests)
    assert main(["space", "push", "user/f2a", "--weights", "user/model", "--hardware", "zero-a10g", "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert ("space", "user/f2a") not in hub.repos
    assert {request.method for request in hub.requests[already:]} == {"GET"}
    for line in (f"variable F2A_WEIGHTS=user/model@{model}", "torch>=2.8,<2.12", "python_version: '3.12'"):
        assert line in printed
    listed = re.findall(r"^ *([\d,]+) ([\w./]+)$", printed, re.MULTILINE)
    assert {name: size for size, name in listed}["app.py"] == f"{(ROOT / 'app.py').stat().st_size:,}"


def test_the_space_holds_every_module_that_the_page_imports():
    finder = ModuleFinder(path=[str(ROOT)])
    finder.run_script(str(ROOT / "app.py"))
    modules = {Path(module.__file__) for module in finder.modules.values() if module.__file__}
    assert len(modules) > 30
    assert modules <= set(plan_space(Space("user/f2a")).files.values())


def requirements_in(text: str) -> set[Requirement]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return {Requirement(line) for line in lines if line}


def test_the_spaces_requirements_are_ours_for_all_that_the_page_imports():
    needed, ours = requirements_in(REQUIREMENTS), requirements_in((ROOT / "requirements.txt").read_text())
    assert {requirement.name for requirement in needed - ours} == {"torch", "pillow-heif"}
    files = plan_space(Space("user/f2a")).files
    reached = ("app.py", "f2a/photo/", "f2a/model/", "f2a/relight/re", "f2a/relight/gain", "f2a/page/", "f2a/data/")
    code = "\n".join(files[name].read_text() for name in files if name.startswith(reached) and name.endswith(".py"))
    modules = {"pillow": "PIL", "pyyaml": "yaml"}
    for name in {requirement.name for requirement in ours - needed} - {"torch"}:
        module = modules.get(name, name.replace("-", "_"))
        assert not re.search(rf"^\s*(from|import) {module}\b|[\"']{module}[\"']", code, re.MULTILINE), name


def test_a_cpu_space_gets_torch_without_cuda_and_any_space_one_that_zerogpu_offers():
    on_cpu, on_gpu = requirements(None), requirements("zero-a10g")
    assert on_cpu.splitlines()[0].startswith("--extra-index-url https://download.pytorch.org/whl/cpu")
    assert on_cpu.splitlines()[1:] == on_gpu.splitlines()
    lines = [line.split()[0] for line in on_gpu.splitlines()]
    assert {"torch>=2.8,<2.12", "pillow-heif>=1.1,<2"} <= set(lines)
    assert not any(line.startswith("accelerate") for line in lines)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("user/f2a --weights user/nothing", r"user/nothing: the Hub shows no such model \(.+\); check name"),
        ("user/f2a --weights user/empty", "user/empty: has no config.json, so these are no weights of f2a"),
        ("other/f2a", r"other/f2a: the Hub did not accept it \(.+\); check name, token"),
        ("user/public --private", "user/public: exists already and is public; make it private on its page"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(hub, command, expected):
    hub.add_repo("user/empty")
    hub.add_repo("user/public", "space")
    message = sentence("space", "push", *command.split())
    assert re.match(f"f2a: {expected}", message)
    assert hub.token not in message
    assert set(hub.repo("user/public", "space").files()) == {".gitattributes", "README.md"}


def test_weights_that_only_the_owner_sees_need_a_secret_and_are_not_preloaded(hub, model, capsys):
    hub.repo("user/model").private = True
    assert main(["space", "push", "user/f2a", "--weights", "user/model"]) == 0
    assert "user/model: is private: give the Space a secret HF_TOKEN" in capsys.readouterr().err
    assert "preload_from_hub" not in settings_of(hub)
    assert not [request for request in hub.requests if request.path.endswith("/secrets")]  # f2a's own is never copied


def test_an_installed_f2a_without_the_page_says_so(tmp_path):
    with pytest.raises(HubError, match=r"has no app\.py; run this in a clone"):
        plan_space(Space("user/f2a"), tmp_path)


def test_planning_imports_neither_torch_nor_gradio():
    plan = "import sys; from f2a.publish.space import *; plan_space(Space('user/f2a'))"
    code = f"{plan}; print({{'torch', 'gradio'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "set()"


@pytest.fixture
def fresh_python(tmp_path):
    """A virtual environment that shares only torch, whose wheels are larger than all others together."""
    venv.create(tmp_path / "venv")
    (packages,) = tmp_path.glob("venv/lib/python*/site-packages")
    for name in ("torch", "torchgen", "functorch"):
        (packages / name).symlink_to(distribution("torch").locate_file(name))
    return tmp_path / "venv" / "bin" / "python"


@pytest.mark.slow
def test_what_was_pushed_runs_in_a_fresh_environment(hub, fresh_python, tmp_path):
    assert main(["space", "push", "user/f2a"]) == 0
    space = tmp_path / "space"
    for name, content in hub.repo("user/f2a", "space").files().items():
        (space / name).parent.mkdir(parents=True, exist_ok=True)
        (space / name).write_bytes(content)
    lines = (space / "requirements.txt").read_text().splitlines()
    needed = [line.partition("#")[0].strip() for line in lines if not line.startswith(("torch", "--extra-index-url"))]
    of_torch = [line.partition(";")[0].strip() for line in distribution("torch").requires or () if ";" not in line]
    gradio = f"gradio=={settings_of(hub)['sdk_version']}"
    pip = [sys.executable, "-m", "pip", "--python", fresh_python, "install", "-q", "--no-compile"]
    command = [*pip, gradio, *needed, *of_torch]
    subprocess.run(command, check=True, capture_output=True)

    pillow_heif.from_pillow(Image.new("RGB", (64, 48), (200, 60, 20))).save(photo := tmp_path / "party.heic")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "F2A_", "HF_"))}
    page_there = started([fresh_python, space / "app.py"], clean)
    with page_there as (url, _), browsing() as browser, visiting(browser, url) as page:
        page.locator("#photo input[type=file]").set_input_files(photo)
        page.get_by_text("party.heic: 64 x 48 pixels, relit in").wait_for()
        with page.expect_download() as download:
            page.get_by_role("button", name="Download at full size").click()
        assert download.value.suggested_filename == "party_ambient.heic"
