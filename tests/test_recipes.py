"""The script for external editors in docs/recipes.md, exactly as printed there."""

import os
import re
import subprocess
import sys

import pytest

from tests.support import ROOT
from tests.support.page_server import save_gradient


@pytest.fixture
def edit(tmp_path):
    """Run the script on files; ``f2a`` is this checkout's command."""
    script = re.search(r"(?ms)^```sh\n(#!/bin/sh\n.*?)^```", (ROOT / "docs/recipes.md").read_text())[1]
    (tmp_path / "f2a-edit").write_text(script)
    (tmp_path / "f2a").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m f2a "$@"\n')
    for program in ("f2a-edit", "f2a"):
        (tmp_path / program).chmod(0o755)
    path = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    return lambda *photos: subprocess.run(["f2a-edit", *photos], env=os.environ | path, capture_output=True, text=True)


@pytest.mark.slow
def test_the_external_editor_relights_a_photo_in_its_place_or_leaves_it_as_it_was(edit, tmp_path):
    photo, damaged = save_gradient(tmp_path / "my party.png"), tmp_path / "damaged.png"
    before = photo.read_bytes()
    damaged.write_bytes(before[:40])
    assert edit(photo).returncode == 0
    assert photo.read_bytes() not in (before, b"")
    refused = edit(damaged)
    assert refused.returncode != 0
    assert len(refused.stderr.splitlines()) == 1
    assert damaged.read_bytes() == before[:40]
    assert not list(tmp_path.glob("*.relit"))
