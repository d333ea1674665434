"""Known vulnerabilities of locked versions: ``python -m tests.support.audit`` asks pip-audit and its index (PyPI's).

Exit status 1 for a vulnerability that ``ACCEPTED`` does not give a reason for. An index that cannot be reached, or that
knows no package, is said and is no failure.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"

ACCEPTED = dict.fromkeys(
    ("CVE-2026-96639", "CVE-2026-112393", "CVE-2026-112395", "CVE-2026-112396", "CVE-2026-112397", "CVE-2026-112398",
     "CVE-2026-112403"),
    "Pillow 13 mends it, which Gradio 6.31 does not allow; README.md says how to have both",
)  # fmt: skip
"""Vulnerabilities (PYSEC, GHSA or CVE number) that do not concern this project, and why."""


def audit(lock: Path = LOCK, flags: Sequence[str] = ()) -> tuple[int, str]:
    """Exit status and what to print for a file of exact versions; ``flags`` go to pip-audit."""
    command = [sys.executable, "-m", "pip_audit", "-r", str(lock), "--no-deps", "--disable-pip", "-f", "json", *flags]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    try:
        return verdict(json.loads(run.stdout)["dependencies"], ACCEPTED)
    except ValueError:
        reason = (run.stderr.strip().splitlines() or ["no answer"])[-1]
        return 0, f"pip-audit: index not reached ({reason})"


def verdict(packages: Sequence[Mapping[str, Any]], accepted: Mapping[str, str]) -> tuple[int, str]:
    """Exit status and what to print for the packages of pip-audit's report."""
    audited = [package for package in packages if "vulns" in package]
    if not audited:
        return 0, "pip-audit: index not reached, nothing audited"
    found = [
        f"pip-audit: {package['name']} {package['version']} has {flaw['id']}, "
        f"mended in {', '.join(flaw['fix_versions']) or 'no version yet'}"
        for package in audited
        for flaw in package["vulns"]
        if not accepted.keys() & {flaw["id"], *flaw["aliases"]}
    ]
    left_out = len(packages) - len(audited)
    clean = f"pip-audit: {len(audited)} packages without known faults, {left_out} not audited"
    return (1, "\n".join(found)) if found else (0, clean)


if __name__ == "__main__":
    status, sentence = audit()
    print(sentence)
    sys.exit(status)
