"""README.md and the pages that it links to, checked against the program: links, flags, and all commands (slow)."""

import os
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from f2a.cli import COMMANDS, main
from f2a.training.arguments import TrainConfig
from tests.support import ROOT
from tests.support.hub_stub import HubStub
from tests.support.page_server import started
from tests.support.pairs import write_pairs

PAGES = [
    ROOT / "README.md",
    *(ROOT / f"docs/{name}.md" for name in ("usage", "training", "model", "how_it_works", "speed")),
]
README = "\n".join(page.read_text() for page in PAGES)
BLOCKS = [text for _, text in re.findall(r"^```(bash|python)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)]
TRIED = ["f2a import Relighter", "f2a serve", "relight party.jpg holiday", "import Client", "curl", "space push",
         "pairs/train", "f2a/examples"]  # fmt: skip
NOT_TRIED = {"--multi_gpu": "needs GPUs", "python -m pytest": "runs this very file"}
ELSEWHERE = {"--no-deps", "--quiet", "--num_processes", "--num_machines", "--machine_rank", "--main_process_ip",
             "--main_process_port", "--multi_gpu", "--nproc_per_node", "--mcp", "--no_such_flag"}  # fmt: skip
"""Flags of accelerate, torchrun and the page."""


def block(fragment: str) -> str:
    """Return the only block of commands or Python that contains ``fragment``."""
    (match,) = [text for text in BLOCKS if fragment in text]
    return match


def inline(fragment: str) -> str:
    """Return the only command in backquotes that begins with ``fragment``."""
    (match,) = {text for text in re.findall(r"`([^`\n]+)`", README) if text.startswith(fragment)}
    return match


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_or_a_heading(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text()):
        if not target.startswith("http"):
            path, _, heading = target.partition("#")
            assert (page.parent / path).exists(), target
            assert not heading or heading in headings(page.parent / path if path else page), target


def test_every_file_and_every_test_that_a_document_names_is_there():
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        text = page.read_text()
        assert [
            name for name in re.findall(r"`((?:f2a|tests|docs)/[\w/]+\.\w+)`", text) if not (ROOT / name).exists()
        ] == []
        assert [
            name for name in re.findall(r"`\.\.\.(_\w+)", text) if not re.search(rf"def test\w*{name}", tests)
        ] == []


def headings(page):
    """Return the anchors of the headings, as links name them."""
    lines = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line).strip().lower().replace(" ", "-") for line in lines}


def test_every_flag_is_one_of_the_programs(capsys):
    known = {f"--{name}" for name in TrainConfig.__dataclass_fields__} | {"--config"} | ELSEWHERE
    pushes = [["dataset", "push"], ["space", "push"], ["bench", "relight"], ["bench", "train"]]
    for command in [[name] for name in COMMANDS] + pushes:
        with pytest.raises(SystemExit):
            main([*command, "--help"])
        known |= set(re.findall(r"--[a-z][\w-]*", capsys.readouterr().out))
    assert set(re.findall(r"(?<![\w.-])--[a-z][\w-]*(?!\w*\.\.\.)", README)) - known == set()


def test_every_block_of_commands_is_tried_here_or_has_a_reason_why_not():
    for text in BLOCKS:
        assert sum(fragment in text for fragment in [*TRIED, *NOT_TRIED]) == 1, text


@pytest.fixture(scope="module")
def hub() -> Iterator[HubStub]:
    with HubStub() as stub:
        yield stub


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a new user has: the repository's files, a photo, a folder of photos and some pairs."""
    folder = tmp_path_factory.mktemp("newcomer")
    for name in ("app.py", "train_accelerate.py", "requirements.txt", "README.md"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "f2a", folder / "f2a", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "holiday").mkdir()
    shutil.copy(folder / "f2a/examples/shoe_rack_flash.jpg", folder / "party.jpg")
    shutil.copy(folder / "f2a/examples/living_room_flash.jpg", folder / "holiday/sofa.jpg")
    write_pairs(folder / "pairs/train", 2)
    write_pairs(folder / "pairs/val", 1)
    return folder


def paste(text: str, clone: Path, hub: HubStub) -> str:
    """Run commands in bash, assert that all succeed, and return the output."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = hub.environment() | {"PATH": path}
    command = f'f2a() {{ python -m f2a "$@"; }}\n{text}'  # what pip would install
    shell = ["bash", "-euo", "pipefail", "-c", command]
    run = subprocess.run(shell, cwd=clone, env=environment, text=True, capture_output=True)
    assert run.returncode == 0, f"{text}\n{run.stderr[-3000:]}"
    assert "Traceback" not in run.stderr
    return run.stdout


def python(text: str, clone: Path, hub: HubStub) -> str:
    return paste(f"python - <<'END'\n{text}\nEND", clone, hub)


@pytest.mark.slow
def test_photos_are_relit_in_python_and_on_the_command_line(clone, hub):
    size = Image.open(clone / "party.jpg").size
    assert python(block("f2a import Relighter") + "print(relit.size)", clone, hub) == f"{size}\n"
    paste(block("relight party.jpg holiday"), clone, hub)
    made = [clone / name for name in ("relit/party_ambient.jpg", "relit/sofa_ambient.jpg", "party2.png")]
    assert [Image.open(path).format for path in made] == ["JPEG", "JPEG", "PNG"]


@pytest.mark.slow
def test_the_page_starts_and_answers_programs(clone, hub):
    assert block("f2a serve").endswith('pip install ".[page]" && f2a serve\n')
    size = Image.open(clone / "party.jpg").size
    with started([sys.executable, str(clone / "app.py")], hub.environment()) as (url, _):
        program = block("import Client").replace("http://127.0.0.1:7860", url)
        file, sentence = python(program + "print(file, sentence, sep='\\n')", clone, hub).splitlines()[-2:]
        assert Image.open(file).size == size
        assert sentence.startswith("party_ambient.jpg: ")
        if not shutil.which("curl"):
            pytest.skip("needs curl for the requests by hand")
        answer = paste(block("curl").replace("http://127.0.0.1:7860", url), clone, hub)
        relit = urllib.request.urlopen(re.search(r'"url": "([^"]+)"', answer)[1]).read()
        assert Image.open(BytesIO(relit)).size == size


@pytest.mark.slow
def test_the_first_training_leaves_weights_that_relight(clone, hub):
    install, text = block("f2a/examples").split("\n", 1)
    assert install == 'pip install ".[train]"'
    assert "--max_train_minutes 2 " in text
    paste(text.replace("--max_train_minutes 2 ", "--max_train_steps 1 --train_batch_size 2 "), clone, hub)
    assert Image.open(clone / "party_try.jpg").size == Image.open(clone / "party.jpg").size


@pytest.mark.slow
def test_a_training_is_pushed_and_what_was_pushed_makes_a_space(clone, hub):
    short = "--encoder_weights none --resolution 32 --max_train_steps 1 --lr_warmup_steps 1"
    paste(f"{block('pairs/train').strip()} {short} {inline('--push_to_hub --hub_model_id')}", clone, hub)
    assert "model.safetensors" in hub.repo("user/model").files()
    paste("python -m f2a relight party.jpg -o pushed.jpg --weights user/model", clone, hub)
    paste(inline("python -m f2a dataset push").replace("FOLDER", "pairs"), clone, hub)
    plain = block("space push")
    assert "f2a/weights/model.safetensors" in paste(plain, clone, hub)
    assert "F2A_WEIGHTS=user/model@" in paste(f"{plain.strip()} {inline('--weights user/model')}", clone, hub)
