"""Training runs as child processes, one after another; finished ones are not repeated, unfinished ones resume."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from f2a.errors import F2aError
from f2a.training.arguments import SCRIPT
from f2a.training.signals import GracefulShutdown

LOG, RESULTS, MINUTES = "log.txt", "runs.jsonl", "minutes.txt"
DIVERGED = 1
"""Exit status of a training that diverged; that is a result too."""


class AblationError(F2aError):
    """An ablation that cannot run; the message says why and what to do."""


class AblationRun(NamedTuple):
    """One training: its config's name, its seed, and all flags but those of its folder and its minutes."""

    name: str
    seed: int
    arguments: list[str]
    folder: Path


class RunResult(NamedTuple):
    """A line of ``runs.jsonl``: scores on the validation pairs, or (``lost``) the error of a training that diverged.

    ``minutes`` are those of its processes, with start-up and the validation at the end.
    """

    name: str
    seed: int
    steps: int = 0
    minutes: float = 0.0
    psnr: float = 0.0
    ssim: float = 0.0
    flash_psnr: float = 0.0
    flash_ssim: float = 0.0
    lost: str = ""


def finished_runs(out: Path) -> list[RunResult]:
    """The results in ``runs.jsonl``; a damaged line raises :class:`AblationError`."""
    path = out / RESULTS
    try:
        return [RunResult(**json.loads(line)) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    except (ValueError, TypeError, OSError) as error:
        raise AblationError(f"{path}: cannot be used ({error}); repair or delete it") from None


def run_all(runs: list[AblationRun], minutes: float, out: Path) -> Iterator[RunResult]:
    """Do the runs one after another, and yield each result once its line is in ``runs.jsonl``.

    Raises:
        AblationError: a training cannot start.
        KeyboardInterrupt: on request; the current training has saved its state.
    """
    for run in runs:
        result = result_of(run) or train(run, minutes)
        with (out / RESULTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(result._asdict(), ensure_ascii=False) + "\n")
        for folder in [*run.folder.glob("checkpoint-*"), run.folder / "best"]:  # the last weights and the log are kept
            shutil.rmtree(folder, ignore_errors=True)
        yield result


def train(run: AblationRun, minutes: float) -> RunResult:
    """Start or resume a training run until its ``minutes`` are used up; the start-up after a stop counts."""
    run.folder.mkdir(parents=True, exist_ok=True)
    clock = run.folder / MINUTES
    before = float(clock.read_text()) if clock.exists() else 0.0
    where = ["--output_dir", str(run.folder), "--resume_from_checkpoint", "latest"]
    limit = ["--max_train_minutes", str(max(0.0, minutes - before))]
    start = time.monotonic()
    try:
        status = run_process([sys.executable, str(SCRIPT), *run.arguments, *where, *limit], run.folder / LOG)
    finally:
        clock.write_text(f"{before + (time.monotonic() - start) / 60:.3f}\n")
    if status == DIVERGED:
        return RunResult(run.name, run.seed, lost=last_line(run.folder / LOG))
    if result := result_of(run):
        return result._replace(minutes=float(clock.read_text()))
    raise AblationError(f"{run.name}, seed {run.seed} ended with status {status}: {last_line(run.folder / LOG)}")


def run_process(command: list[str], log: Path) -> int:
    """Run ``command`` to its end; when asked to stop, pass that on and wait for it."""
    with GracefulShutdown() as stop, log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
        while process.poll() is None:
            if stop.requested:
                process.terminate()
                process.wait()
                raise KeyboardInterrupt
            time.sleep(0.2)
    return process.returncode


def result_of(run: AblationRun) -> RunResult | None:
    """The result of a run that ended by itself, from the config of its last weights."""
    description = run.folder / "last" / "config.json"
    if not description.exists():
        return None
    training: dict[str, Any] = json.loads(description.read_text("utf-8"))["training"]
    scores = {name: value for name, value in training["validation"].items() if name in RunResult._fields}
    return RunResult(run.name, run.seed, training["steps"], **scores)


def last_line(log: Path) -> str:
    """The last line of a log; a progress bar ends its lines with carriage returns."""
    lines = [line.strip() for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "without a message"
