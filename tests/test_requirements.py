"""The requirements, the lock and pyproject.toml agree; what the audit of the locked versions says."""

import json
import re
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from packaging.requirements import Requirement

from tests.support.audit import audit, verdict

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]


def requirements(name: str) -> list[Requirement]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


DIRECT = requirements("requirements.txt") + requirements("requirements-dev.txt")
LOCKED = requirements("requirements.lock")


def locked(name: str, python: str) -> list[str]:
    """The versions that the lock holds of a package for one Python."""
    machine = {"python_version": python, "python_full_version": f"{python}.0"}
    pins = [pin for pin in LOCKED if canonical(pin.name) == canonical(name)]
    fitting = [pin for pin in pins if not pin.marker or pin.marker.evaluate(machine)]
    return [specifier.version for pin in fitting for specifier in pin.specifier]


@pytest.mark.parametrize("python", PYTHONS)
def test_every_requirement_is_locked_once_for_every_python_inside_its_range(python):
    found = {str(wanted): locked(wanted.name, python) for wanted in DIRECT}
    wrong = {line: pins for line, pins in found.items() if len(pins) != 1 or pins[0] not in Requirement(line).specifier}
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
    ranges = {requirement.name: requirement for requirement in DIRECT}
    for extra in project["optional-dependencies"].values():
        for line in extra:
            assert Requirement(line) == ranges[Requirement(line).name]
    assert tools["setuptools"]["dynamic"]["dependencies"] == {"file": ["requirements.txt"]}
    oldest = PYTHONS[0]
    assert project["requires-python"] == f">={oldest}"
    assert tools["uv"]["pip"]["python-version"] == oldest
    assert tools["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"


def package(name: str, *flaws: str) -> dict:
    """A row of pip-audit's report."""
    return {
        "name": name,
        "version": "1.0",
        "vulns": [{"id": flaw, "aliases": [], "fix_versions": []} for flaw in flaws],
    }


def test_a_known_vulnerability_fails_unless_it_is_accepted_with_a_reason():
    rows = [package("good"), package("bad", "PYSEC-1")]
    assert verdict(rows, {}) == (1, "pip-audit: bad 1.0 has PYSEC-1, mended in no version yet")
    assert verdict(rows, {"PYSEC-1": "not called"})[0] == 0
    assert verdict(rows, {"PYSEC-2": "not called"})[0] == 1
    known_as = rows[1]["vulns"][0] | {"aliases": ["CVE-1"]}
    assert verdict([rows[1] | {"vulns": [known_as]}], {"CVE-1": "not called"})[0] == 0


def test_an_index_that_knows_no_package_is_not_taken_for_a_clean_report():
    unknown = {"name": "good", "skip_reason": "not found"}
    assert verdict([unknown, unknown], {}) == (0, "pip-audit: index not reached, nothing audited")
    assert verdict([], {}) == (0, "pip-audit: index not reached, nothing audited")
    assert verdict([unknown, package("other")], {}) == (0, "pip-audit: 1 packages without known faults, 1 not audited")


class Index(BaseHTTPRequestHandler):
    """A vulnerability service that knows one fault, of everything."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        fixed = {"ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]}
        affected = fixed | {"package": {"name": "pillow", "ecosystem": "PyPI"}}
        row = {"id": "PYSEC-1", "modified": "2026-01-01T00:00:00Z", "summary": "a hole", "affected": [affected]}
        body = json.dumps({"vulns": [row]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Nothing is printed."""


def test_the_real_audit_says_what_a_service_answers_and_when_none_does(tmp_path):
    pytest.importorskip("pip_audit", reason="needs pip-audit (requirements-dev.txt)")
    (tmp_path / "one.txt").write_text("pillow==1.0\n")
    server = HTTPServer(("127.0.0.1", 0), Index)
    Thread(target=server.serve_forever, daemon=True).start()
    service = ["-s", "osv", "--osv-url", f"http://127.0.0.1:{server.server_port}/v1/query"]
    try:
        assert audit(tmp_path / "one.txt", service) == (1, "pip-audit: pillow 1.0 has PYSEC-1, mended in 2.0")
    finally:
        server.shutdown()
        server.server_close()
    status, line = audit(tmp_path / "one.txt", service)
    assert (status, line.startswith("pip-audit: index not reached")) == (0, True)
