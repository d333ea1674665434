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
    "photo": {"photo.errors", "photo.formats", "photo.pixels", "photo.reading", "photo.writing"},
    "photo.errors": set(),
    "photo.formats": {"photo.errors"},
    "photo.directories": set(),
    "photo.exif": {"photo.directories"},
    "photo.xmp": set(),
    "photo.iptc": set(),
    "photo.metadata": {"photo.directories", "photo.exif", "photo.iptc", "photo.xmp"},
    "photo.profiles": set(),
    "photo.pixels": {"photo.profiles"},
    "photo.png": {"photo.iptc", "photo.metadata"},
    "photo.tiff": {"photo.directories", "photo.formats", "photo.metadata"},
    "photo.heif": {"photo.formats", "photo.metadata"},
    "photo.raw": {"photo.directories", "photo.errors", "photo.formats", "photo.tiff"},
    "photo.reading": {"photo"},
    "photo.writing": {"photo"},
    "metrics": {"light"},
    "encoders": set(),
    "generator": {"encoders", "config", "light"},
    "discriminator": {"config"},
    "perceptual": {"encoders", "generator"},
    "crops": {"data", "light"},
    "winograd": {"encoders"},
    "training": set(),
    "training.arguments": {"config"},
    "training.guard": {"config"},
    "training.hub": set(),
    "training.materials": {
        "checkpoint",
        "config",
        "crops",
        "data",
        "hub_pairs",
        "hub_stream",
        "losses",
        "perceptual",
        "encoders",
        "training.pretrained",
    },
    "training.pretrained": {"config", "encoders", "hub_files"},
    "training.card": {"config"},
    "training.schedule": {"config"},
    "training.tools": {"config", "generator"},
    "training.trackers": set(),
    "training.state": {"checkpoint"},
    "training.validation": {"attention", "data", "light", "metrics"},
    "training.watch": set(),
    "pair_cache": {"light"},
    "data": {"pair_cache"},
    "hub_pairs": {"pair_cache"},
    "hub_stream": {"hub_pairs", "pair_cache"},
    "dataset_push": {"data", "hub_pairs", "pair_cache"},
    "download": set(),
    "space_push": set(),
    "page": set(),
    "page.shelf": set(),
    "page.door": set(),
    "page.traffic": set(),
    "page.premises": set(),
    "page.settings": {"page.darkroom"},
    "page.running": {"checkpoint", "page.darkroom", "page.door", "page.traffic", "relighter"},
    "page.darkroom": {"controls", "explanation", "gain", "page.shelf", "photo", "relighter"},
    "page.examples": {"data", "hub_pairs", "hub_stream", "pair_cache", "photo"},
    "page.gallery": {"metrics", "page.darkroom", "page.examples", "page.shelf", "pair_cache", "photo", "relighter"},
    "page.words": {"page.gallery", "photo"},
    "controls": set(),
    "batch": {"photo"},
    "bench_relight": {"config", "generator", "inference", "relighter"},
    "render": set(),
    "gain": {"controls", "light", "render"},
    "hub_files": set(),
    "checkpoint": {"hub_files", "generator", "config"},
    "inference": {"generator", "winograd"},
    "explanation": {"gain"},
    "relighter": {"checkpoint", "controls", "explanation", "gain", "inference", "photo", "render"},
    "bench": {
        "attention",
        "config",
        "crops",
        "data",
        "discriminator",
        "generator",
        "losses",
        "training.tools",
        "winograd",
    },
    "ablation": set(),
    "ablation.flags": {"ablation.configs"},
    "ablation.configs": {"config"},
    "ablation.runs": {"training.guard"},
    "ablation.table": {"ablation.configs", "ablation.runs"},
    "ablation.command": {"ablation"},
    "evaluation": set(),
    "evaluation.flags": set(),
    "evaluation.scores": {"data", "light", "metrics", "photo"},
    "evaluation.baselines": {"light"},
    "evaluation.systems": {"data", "evaluation.baselines", "evaluation.scores", "photo", "relighter"},
    "evaluation.tables": {"evaluation.scores"},
    "evaluation.pictures": {"evaluation.scores"},
    "evaluation.report": {"evaluation.pictures", "evaluation.scores", "evaluation.tables"},
    "evaluation.command": {"data", "evaluation", "light", "relighter"},
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


def room(path: Path) -> str:
    """``scores.py`` in the folder ``evaluation`` is ``evaluation.scores``."""
    return ".".join(path.relative_to(ROOT / "f2a").with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", sorted((ROOT / "f2a").rglob("*.py")), ids=room)
def test_a_room_imports_only_what_the_plan_allows(path):
    found = imports(path)
    assert not {name.split(".")[0] for name in found} & FORBIDDEN
    if room(path) not in FREE:
        ours = {name.removeprefix("f2a.") for name in found if name.startswith("f2a.")}
        allowed = MAY_IMPORT[room(path)]
        assert {name for name in ours if not {name, name.split(".")[0]} & allowed} == set()


@pytest.mark.parametrize(("package", "only_in"), [("gradio", "app.py"), ("accelerate", "train_accelerate.py")])
def test_only_one_file_knows_the_framework(package, only_in):
    knowing = [
        p.name
        for p in [*ROOT.glob("*.py"), *ROOT.glob("f2a/**/*.py")]
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
