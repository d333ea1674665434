"""``f2a serve`` before it serves, and f2a where the libraries of the other commands are missing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import f2a.page.server
from f2a.errors import missing_library
from tests.support.commands import sentence

ROOT = Path(__file__).resolve().parents[2]
EXTRAS = ["gradio", "cachetools", "mcp", "accelerate", "datasets", "watchfiles", "skimage", "matplotlib", "jinja2"]


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
def test_a_port_that_cannot_be_is_one_sentence(port):
    assert sentence("serve", "--port", port) == f"f2a: --port is {port}: give a number from 1 to 65535"


def test_the_library_of_the_tools_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setattr(f2a.page.server, "find_spec", lambda name: None)
    assert sentence("serve", "--mcp") == 'f2a: --mcp needs the MCP library: pip install "gradio[mcp]"'


WITHOUT_EXTRAS = """
import json, sys
sys.modules |= dict.fromkeys(json.loads(sys.argv[1]))
from tests.support.commands import run
print(json.dumps([run("f2a", *words) for words in json.loads(sys.argv[2])]))
"""
"""What f2a says where these modules are not installed, in a Python that has imported none of them."""


def test_a_command_whose_library_is_missing_says_what_to_install_and_relighting_needs_none(tmp_path, photo, weights):
    photo.save(tmp_path / "party.png")
    relight = ["relight", tmp_path / "party.png", "-o", tmp_path, "--weights", weights, "--device", "cpu"]
    commands = json.dumps([list(map(str, relight)), ["serve"], ["bench", "train"]])
    run = [sys.executable, "-c", WITHOUT_EXTRAS, json.dumps(EXTRAS), commands]
    done = subprocess.run(run, capture_output=True, text=True, cwd=ROOT, check=True)
    relit, *missing = json.loads(done.stdout)
    assert relit == [0, f"{tmp_path / 'party_ambient.png'}\n", ""]
    for (status, _, said), library in zip(missing, ("gradio", "accelerate"), strict=True):
        assert status == 2
        assert said.startswith(f"f2a: {library} is missing; run: pip install ")
        assert len(said.splitlines()) == 1


def test_the_line_names_all_libraries_of_the_extra_or_in_a_clone_the_requirements(monkeypatch):
    lines = [
        "torch>=2.8",
        'gradio<7,>=6.31; extra == "page"',
        'cachetools>=6; extra == "page"',
        'rawpy; extra == "raw"',
    ]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: lines)
    error = ModuleNotFoundError("No module named 'gradio.blocks'", name="gradio.blocks")
    assert missing_library(error) == 'gradio is missing; run: pip install "gradio<7,>=6.31" "cachetools>=6"'
    with pytest.raises(ModuleNotFoundError, match="torch"):  # no extra's: a fault of the installation
        missing_library(ModuleNotFoundError("No module named 'torch'", name="torch"))
