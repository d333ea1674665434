"""``pip install .`` in a clone installs the command and all files that it needs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.support import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with f2a alone; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("installed")
    clone = folder / "clone"
    shutil.copytree(ROOT / "f2a", clone / "f2a", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone)
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", folder / "site", clone]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(clone)
    return folder / "site"


@pytest.mark.slow
def test_the_command_relights_outside_the_clone(installed: Path, tmp_path: Path) -> None:
    photo = tmp_path / "party.jpg"
    shutil.copy(ROOT / "f2a/examples/living_room_flash.jpg", photo)
    run = subprocess.run([installed / "bin/f2a", "relight", photo, "-o", tmp_path], cwd=tmp_path,
                         env=os.environ | {"PYTHONPATH": str(installed)}, capture_output=True, text=True)  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    assert Image.open(tmp_path / "party_ambient.jpg").size == Image.open(photo).size


@pytest.mark.slow
def test_every_file_of_the_package_is_installed(installed: Path) -> None:
    tracked = subprocess.run(["git", "ls-files", "f2a"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert [name for name in tracked.splitlines() if not (installed / name).is_file()] == []
