"""``f2a serve`` before it serves, and f2a where the libraries of the other commands are missing."""

import os
import subprocess
import sys

import pytest

import f2a.page.server
from f2a.cli import main
from f2a.errors import missing_library

EXTRAS = ["gradio", "cachetools", "mcp", "accelerate", "datasets", "watchfiles", "skimage", "matplotlib", "jinja2"]


def without(modules, *arguments):
    """f2a where these modules are not installed."""
    code = (
        f"import sys; sys.modules |= dict.fromkeys({modules}); from f2a.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": os.getcwd()})


@pytest.mark.parametrize("port", ["0", "-1", "65536"])
def test_a_port_that_cannot_be_is_one_sentence(capsys, port):
    assert main(["serve", "--port", port]) == 2
    assert capsys.readouterr().err == f"f2a: --port is {port}: give a number from 1 to 65535\n"


def test_the_library_of_the_tools_is_named_where_it_is_missing(capsys, monkeypatch):
    monkeypatch.setattr(f2a.page.server, "find_spec", lambda name: None)
    assert main(["serve", "--mcp"]) == 2
    assert capsys.readouterr().err == 'f2a: --mcp needs the MCP library: pip install "gradio[mcp]"\n'


def test_relighting_needs_no_library_of_the_other_commands(tmp_path, photo, weights):
    photo.save(tmp_path / "party.png")
    done = without(EXTRAS, "relight", tmp_path / "party.png", "-o", tmp_path, "--weights", weights, "--device", "cpu")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("arguments", "library"), [(["serve"], "gradio"), (["bench", "train"], "accelerate")])
def test_a_command_whose_library_is_missing_says_what_to_install(arguments, library):
    done = without(EXTRAS, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(f"f2a: {library} is missing; run: pip install ")
    assert len(done.stderr.splitlines()) == 1


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
