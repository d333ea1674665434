"""The arrows between rooms point one way (see README, "How the code is laid out")."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

MAY_IMPORT = {
    "config": set(),
    "light": set(),
    "attention": set(),
    "losses": set(),
    "photo": set(),
    "metrics": {"light"},
    "encoders": set(),
    "generator": {"encoders", "config", "light"},
    "discriminator": {"config"},
    "perceptual": {"encoders", "generator", "config"},
    "crops": {"data", "light"},
    "training_arguments": {"config"},
    "training_guard": {"config"},
    "training_hub": set(),
    "training_materials": {"checkpoint", "config", "crops", "data", "hub_pairs", "hub_stream", "losses", "perceptual"},
    "training_schedule": {"config"},
    "training_tools": {"config", "generator"},
    "training_trackers": set(),
    "training_state": {"checkpoint"},
    "training_validation": {"attention", "data", "light", "metrics"},
    "training_watch": set(),
    "pair_cache": {"light"},
    "data": {"pair_cache"},
    "hub_pairs": {"pair_cache"},
    "hub_stream": {"hub_pairs", "pair_cache"},
    "dataset_push": {"data", "hub_pairs", "pair_cache"},
    "download": set(),
    "gain": {"light"},
    "checkpoint": {"generator", "config"},
    "relighter": {"checkpoint", "photo", "gain"},
    "bench": {"attention", "config", "crops", "data", "discriminator", "generator", "losses", "training_tools"},
    "evaluation": {"data", "metrics", "photo", "relighter"},
}
FREE = {"cli", "__main__", "__init__"}
FORBIDDEN = {"gradio", "accelerate", "torchvision", "diffusers", "app", "train_accelerate"}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            found |= {f"{node.module}.{name.name}" if node.module == "f2a" else str(node.module) for name in node.names}
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "f2a").glob("*.py")), ids=lambda path: path.stem)
def test_a_room_imports_only_what_the_plan_allows(path):
    found = imports(path)
    assert not {name.split(".")[0] for name in found} & FORBIDDEN
    ours = {name.split(".")[1] for name in found if name.startswith("f2a.")}
    assert path.stem in FREE or ours <= MAY_IMPORT[path.stem]


@pytest.mark.parametrize(("package", "only_in"), [("gradio", "app.py"), ("accelerate", "train_accelerate.py")])
def test_only_one_file_knows_the_framework(package, only_in):
    knowing = [
        p.name
        for p in [*ROOT.glob("*.py"), *ROOT.glob("f2a/*.py")]
        if package in {name.split(".")[0] for name in imports(p)}
    ]
    assert knowing == [only_in]


def test_importing_the_package_loads_no_torch():
    code = "import sys, f2a, f2a.cli; print('torch' in sys.modules, 'PIL' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.split() == ["False", "False"]


def test_every_requirement_has_an_upper_end_and_a_reason():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    assert lines
    for line in lines:
        requirement, _, reason = line.partition("#")
        assert re.search(r"<\d", requirement), line
        assert reason.strip(), line


def test_no_forbidden_requirement():
    text = (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-dev.txt").read_text()
    assert not re.search(r"^(torchvision|diffusers)", text, re.MULTILINE)
