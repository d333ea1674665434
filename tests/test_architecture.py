"""The layers of f2a: imports only go down, ``import f2a`` is light, and only listed modules import each framework."""

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support import ROOT

GROUND = {"config", "errors", "files", "hub", "color", "images", "metrics"}
"""Modules that every folder may import; they import only one another."""

LAYERS = {
    "photo": set(),
    "model": {"photo"},
    "relight": {"model", "photo"},
    "data": {"photo"},
    "training": {"data", "model"},
    "ablation": {"training"},
    "evaluation": {"data", "relight", "model", "photo"},
    "publish": {"data", "model", "photo"},
    "page": {"data", "relight", "model", "photo"},
    "bench": {"training", "data", "relight", "model", "photo"},
    "commands": {"ablation", "bench", "data", "evaluation", "model", "page", "photo", "publish", "relight"},
}
"""The folders that each folder may import."""

ENTRANCES = {"__init__", "__main__", "cli"}
"""Entry points, which may import everything."""

FRAMEWORKS = {
    "gradio": {"f2a.page"},
    "accelerate": {"train_accelerate", "f2a.training"},
    **{name: set() for name in ("torchvision", "diffusers", "app", "train_accelerate", "tests")},
}
"""The only files and folders that may import each framework or entry point."""

FILES = [*ROOT.glob("*.py"), *(ROOT / "f2a").rglob("*.py")]


def module(path: Path) -> str:
    """``f2a/photo/reading.py`` is ``f2a.photo.reading``, ``f2a/photo/__init__.py`` is ``f2a.photo.__init__``."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@cache
def imports(path: Path) -> set[str]:
    """Every module that a file imports, at its top or later; a name imported from a package counts as a module."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: imports are absolute"
            names |= {f"{node.module}.{name.name}" for name in node.names}
    return names


def layer(name: str) -> str:
    """``f2a.photo.codecs.png`` is in ``photo``."""
    return name.split(".")[1]


@pytest.mark.parametrize("below", [*LAYERS, *sorted(GROUND)])
def test_a_layer_imports_only_what_lies_below_it(below):
    allowed = LAYERS.get(below, set()) | GROUND | {below}
    for path in FILES:
        if module(path).split(".")[:2] == ["f2a", below]:
            ours = {layer(name) for name in imports(path) if name.startswith("f2a.")}
            assert ours <= allowed, path


def test_every_module_has_its_layer():
    modules = {layer(module(path)) for path in FILES if module(path).startswith("f2a.")}
    assert modules <= GROUND | ENTRANCES | LAYERS.keys()
    assert LAYERS.keys() <= modules


def test_photo_is_entered_only_by_the_names_that_it_exports():
    exported = {name.rpartition(".")[2] for name in imports(ROOT / "f2a/photo/__init__.py")}
    for path in FILES:
        if not module(path).startswith("f2a.photo."):
            ours = {name.removeprefix("f2a.photo.") for name in imports(path) if name.startswith("f2a.photo.")}
            assert ours <= exported, path


def test_no_folders_import_one_another_in_a_circle():
    TopologicalSorter(LAYERS).prepare()


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_framework_is_known_only_where_it_belongs(framework):
    knowing = {module(path) for path in FILES if framework in {name.split(".")[0] for name in imports(path)}}
    places = FRAMEWORKS[framework]
    assert {name for name in knowing if name not in places and ".".join(name.split(".")[:2]) not in places} == set()


def test_importing_the_package_loads_no_framework():
    heavy = ["torch", "PIL", "gradio", "accelerate"]
    code = f"import sys, f2a, f2a.cli; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.strip() == "[]"


def test_a_library_for_one_task_is_imported_when_that_task_is_begun():
    """They are imported inside functions, so that nothing else waits for them or needs them."""
    optional = {"datasets", "gdown", "matplotlib", "skimage", "rawpy", "pillow_heif"}
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = [node.module] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
                assert not {name.split(".")[0] for name in modules} & optional, path
