"""Waiting threads soon sleep: every program sets this before PyTorch reads it."""

import os
import subprocess
import sys

import pytest

from f2a.cli import SPINS, wait_briefly
from tests.support import ROOT

UNTIL_TORCH = """
import os, runpy, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            print("|", os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT"), flush=True)
            os._exit(0)
sys.meta_path.insert(0, Finder())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def environment(**variables: str) -> dict[str, str]:
    """Return this environment without what the test run itself has set, plus ``variables``."""
    ours = {name: value for name, value in os.environ.items() if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    return ours | variables


@pytest.mark.parametrize(
    ("program", "settings", "read"),
    [
        ("f2a/__main__.py relight a.jpg", {}, f"PASSIVE {SPINS}"),
        ("f2a/__main__.py relight a.jpg", {"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE None"),
        ("app.py", {}, f"PASSIVE {SPINS}"),
        ("train_accelerate.py", {}, f"PASSIVE {SPINS}"),
    ],
)
def test_a_program_says_how_threads_wait_before_it_loads_torch(program, settings, read):
    command = [sys.executable, "-c", UNTIL_TORCH, *program.split()]
    variables = environment(**settings, PYTHONPATH=str(ROOT))
    output = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True, env=variables).stdout
    assert output.rpartition("| ")[2].strip() == read


def test_a_number_of_ones_own_is_kept(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY")
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    wait_briefly()
    assert (os.environ["OMP_WAIT_POLICY"], os.environ["GOMP_SPINCOUNT"]) == ("PASSIVE", "7")
