"""The requirements, the lock and pyproject.toml agree."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.support import ROOT

PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


def requirements(name: str) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


DIRECT = requirements("requirements.txt") + requirements("requirements-dev.txt")
SERVED = ("page", "train")
"""The extras that requirements.txt contains in addition to what relighting needs; the others are for developers."""
LOCKED = requirements("requirements.lock")


def locked(name: str, python: str) -> list[str]:
    """Return the versions of a package that the lock pins for one Python."""
    machine = {"python_version": python, "python_full_version": f"{python}.0"}
    pins = [pin for pin in LOCKED if canonicalize_name(pin.name) == canonicalize_name(name)]
    fitting = [pin for pin in pins if not pin.marker or pin.marker.evaluate(machine)]
    return [specifier.version for pin in fitting for specifier in pin.specifier]


def test_every_requirement_has_an_upper_end_and_a_reason_and_none_is_forbidden():
    lines = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and line[0] != "#"]
    assert lines
    assert [line for line in lines if not re.search(r"<\d.*#\s*\S", line)] == []
    assert not {canonicalize_name(requirement.name) for requirement in DIRECT} & {"torchvision", "diffusers"}


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_is_locked_once_for_every_python_inside_its_range(python):
    locks = {str(requirement): locked(requirement.name, python) for requirement in DIRECT}
    wrong = {line: pins for line, pins in locks.items() if len(pins) != 1 or pins[0] not in Requirement(line).specifier}
    assert not wrong, f"renew the lock: {(ROOT / 'requirements.lock').read_text().splitlines()[1].strip('# ')}"


def test_the_lock_holds_exact_versions_and_leaves_the_build_of_pytorch_to_the_machine():
    for pin in LOCKED:
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), pin
        assert not pin.url
        assert not pin.name.startswith(("nvidia", "cuda", "triton")), f"{pin}: add it to no-emit-package"


def test_pyproject_names_the_same_ranges_and_the_same_oldest_python():
    tomllib = pytest.importorskip("tomllib", reason="needs Python 3.11, whose library reads TOML")
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, tools = whole["project"], whole["tool"]
    extras = {name: set(map(Requirement, lines)) for name, lines in project["optional-dependencies"].items()}
    served = set(map(Requirement, project["dependencies"])).union(*(extras.pop(name) for name in SERVED))
    assert served == set(requirements("requirements.txt"))
    assert set().union(*extras.values()) <= set(requirements("requirements-dev.txt"))
    oldest = PYTHONS[0]
    assert project["requires-python"] == f">={oldest}"
    assert tools["uv"]["pip"]["python-version"] == oldest
    assert tools["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
