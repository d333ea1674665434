"""Training runs as child processes, one after another; finished runs are not repeated, unfinished ones resume."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from huggingface_hub.constants import CONFIG_NAME

from f2a.errors import F2aError
from f2a.files import write_output
from f2a.training.arguments import SCRIPT
from f2a.training.signals import GracefulShutdown

LOG, ERROR, MINUTES = "log.txt", "lost.txt", "minutes.txt"
"""Files in a run's folder: its output, the error of a diverged training run, and the minutes used so far."""
DIVERGED = 1
"""Exit status of a training run that diverged, which counts as a result."""


class AblationRun(NamedTuple):
    """One training run: its config's name, seed, folder, and all flags except those for its folder and time limit."""

    name: str
    seed: int
    arguments: list[str]
    folder: Path


class RunResult(NamedTuple):
    """Scores on the validation pairs, or the error of a training run that diverged."""

    name: str
    seed: int
    steps: int = 0
    psnr: float = 0.0
    ssim: float = 0.0
    flash_psnr: float = 0.0
    flash_ssim: float = 0.0
    error: str = ""


def result_of(run: AblationRun) -> RunResult | None:
    """Read the result of a finished or diverged run from its folder; None if there is none."""
    error, description = run.folder / ERROR, run.folder / "last" / CONFIG_NAME
    if error.exists():
        return RunResult(run.name, run.seed, error=error.read_text("utf-8"))
    if not description.exists():
        return None
    training = json.loads(description.read_text("utf-8"))["training"]
    scores = {name: value for name, value in training["validation"].items() if name in RunResult._fields}
    return RunResult(run.name, run.seed, training["steps"], **scores)


def train(run: AblationRun, minutes: float) -> RunResult:
    """Start or resume a training run until its ``minutes`` are used up; start-up time counts after a stop.

    Raises:
        F2aError: the run ended without a result, for example because it could not start.
        KeyboardInterrupt: a stop was requested; the run has saved its state.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    clock, log = run.folder / MINUTES, run.folder / LOG
    before = float(clock.read_text()) if clock.exists() else 0.0
    flags = ["--output_dir", str(run.folder), "--resume_from_checkpoint", "latest"]
    flags += ["--max_train_minutes", str(max(0.0, minutes - before))]
    start = time.monotonic()
    try:
        status = run_process([sys.executable, str(SCRIPT), *run.arguments, *flags], log)
    finally:
        write_output(clock, f"{before + (time.monotonic() - start) / 60:.3f}\n".encode())
    if status == DIVERGED:
        write_output(run.folder / ERROR, last_line(log).encode())
    result = result_of(run)
    if not result:
        raise F2aError(f"{run.name}, seed {run.seed} ended with status {status}: {last_line(log)}")
    for folder in [*run.folder.glob("checkpoint-*"), run.folder / "best"]:  # keeps the last weights and the log
        shutil.rmtree(folder, ignore_errors=True)
    return result


def run_process(command: list[str], log: Path) -> int:
    """Run ``command``, write its output to ``log`` and return its status; forward a request to stop, and wait."""
    with GracefulShutdown() as stop, log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
        while process.poll() is None:
            if stop.requested:
                process.terminate()
                process.wait()
                raise KeyboardInterrupt
            time.sleep(0.2)
    return process.returncode


def last_line(log: Path) -> str:
    """Return the last line of a log; a progress bar ends its lines with carriage returns."""
    lines = [line.strip() for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "without a message"
