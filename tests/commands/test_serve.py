"""``f2a serve`` before it serves, and f2a without the libraries of its other commands."""

import json
import subprocess
import sys

import pytest

import app
import f2a.page.server
from f2a.errors import missing_library
from f2a.page import STARTING
from tests.support import ROOT
from tests.support.commands import run, sentence

EXTRAS = ["gradio", "cachetools", "mcp", "accelerate", "datasets", "watchfiles", "skimage", "matplotlib", "jinja2"]


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
def test_a_port_that_cannot_be_is_one_sentence(port):
    assert sentence("serve", "--port", port) == f"f2a: --port is {port}: give a number from 1 to 65535"


def test_the_library_of_the_tools_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setattr(f2a.page.server, "find_spec", lambda name: None)
    assert sentence("serve", "--mcp") == 'f2a: --mcp needs the MCP library: pip install "gradio[mcp]"'


def test_the_first_line_comes_before_the_libraries_which_take_seconds(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "f2a.page.server")
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert run("f2a", "serve").out == f"{STARTING}\n"
    monkeypatch.setattr(sys, "argv", ["app.py"])
    with pytest.raises(SystemExit, match="gradio is missing"):
        app.main()
    assert capsys.readouterr().out == f"{STARTING}\n"


WITHOUT_EXTRAS = """
import json, runpy, sys
sys.modules |= dict.fromkeys(json.loads(sys.argv.pop(1)))
from tests.support.commands import sentence
print(json.dumps([sentence("serve"), sentence("bench", "train")]))
runpy.run_module("f2a", run_name="__main__")
"""
"""Program that prints what two commands say without the given modules, then runs ``python -m f2a``."""


def test_a_command_whose_library_is_missing_says_what_to_install_and_relighting_needs_none(tmp_path, photo, weights):
    photo.save(tmp_path / "party.png")
    relight = ["relight", tmp_path / "party.png", "-o", tmp_path, "--weights", weights, "--device", "cpu"]
    command = [sys.executable, "-c", WITHOUT_EXTRAS, json.dumps(EXTRAS), *relight]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    messages, relit = done.stdout.splitlines()
    assert relit == str(tmp_path / "party_ambient.png")
    for line, library in zip(json.loads(messages), ("gradio", "accelerate"), strict=True):
        assert line.startswith(f"f2a: {library} is missing; run: pip install ")


def test_the_line_names_all_libraries_of_the_extra_or_in_a_clone_the_requirements(monkeypatch):
    of_page = ['gradio<7,>=6.31; extra == "page"', 'cachetools>=6; extra == "page"']
    lines = ["torch>=2.8", *of_page, 'rawpy; extra == "raw"']
    monkeypatch.setattr("importlib.metadata.requires", lambda name: lines)
    error = ModuleNotFoundError("No module named 'gradio.blocks'", name="gradio.blocks")
    assert missing_library(error) == 'gradio is missing; run: pip install "gradio<7,>=6.31" "cachetools>=6"'
    with pytest.raises(ModuleNotFoundError, match="torch"):  # in none of the extras: a broken installation
        missing_library(ModuleNotFoundError("No module named 'torch'", name="torch"))
