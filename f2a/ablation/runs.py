"""Trainings as processes of their own, one after another: what has finished is not repeated, what has not goes on."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from f2a.errors import F2aError
from f2a.training.signals import GracefulShutdown

SCRIPT = Path(__file__).resolve().parents[2] / "train_accelerate.py"
LOG, FINISHED, SPENT = "log.txt", "runs.jsonl", "minutes.txt"
LOST = 1
"""Exit status of a training whose losses ran away; that is a result too."""


class AblationError(F2aError):
    """An ablation cannot be done as asked; the message says why and what to do."""


class AblationRun(NamedTuple):
    """One training: a config's name, a seed, all its flags but those that say where it is and how long it may take."""

    name: str
    seed: int
    arguments: list[str]
    folder: Path


class Result(NamedTuple):
    """A line of ``runs.jsonl``: the scores on the validation pairs, or the sentence with which a training was lost.

    ``minutes`` are those of its processes, start-up and the validation at the end included.
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


def finished_runs(out: Path) -> list[Result]:
    """What ``runs.jsonl`` holds.

    Raises:
        AblationError: a line of it is damaged.
    """
    path = out / FINISHED
    try:
        return [Result(**json.loads(line)) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    except (ValueError, TypeError, OSError) as error:
        raise AblationError(f"{path}: cannot be used ({error}); mend or delete it") from None


def do_runs(runs: list[AblationRun], minutes: float, out: Path) -> Iterator[Result]:
    """Train what ``runs.jsonl`` does not hold yet, and yield each result as its line is written.

    Raises:
        AblationError: a training cannot begin.
        KeyboardInterrupt: asked to stop; the training at work has kept its state.
    """
    done = {(result.name, result.seed) for result in finished_runs(out)}
    for run in runs:
        if (run.name, run.seed) in done:
            continue
        result = result_of(run) or train(run, minutes)
        with (out / FINISHED).open("a", encoding="utf-8") as file:
            file.write(json.dumps(result._asdict(), ensure_ascii=False) + "\n")
        tidy(run)
        yield result


def train(run: AblationRun, minutes: float) -> Result:
    """One training from where it stands to the end of its ``minutes``, in which a start-up after a stop counts."""
    run.folder.mkdir(parents=True, exist_ok=True)
    spent = run.folder / SPENT
    before = float(spent.read_text()) if spent.exists() else 0.0
    where = ["--output_dir", str(run.folder), "--resume_from_checkpoint", "latest"]
    left = ["--max_train_minutes", str(max(0.0, minutes - before))]
    began = time.monotonic()
    try:
        status = run_process([sys.executable, str(SCRIPT), *run.arguments, *where, *left], run.folder / LOG)
    finally:
        spent.write_text(f"{before + (time.monotonic() - began) / 60:.3f}\n")
    if status == LOST:
        return Result(run.name, run.seed, lost=last_line(run.folder / LOG))
    if result := result_of(run):
        return result._replace(minutes=float(spent.read_text()))
    raise AblationError(f"{run.name}, seed {run.seed} ended with status {status}: {last_line(run.folder / LOG)}")


def run_process(command: list[str], log: Path) -> int:
    """Run ``command`` to its end; when this process is asked to stop, so is that one, and is waited for."""
    with GracefulShutdown() as stop, log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
        while process.poll() is None:
            if stop.requested:
                process.terminate()
                process.wait()
                raise KeyboardInterrupt
            time.sleep(0.2)
    return process.returncode


def result_of(run: AblationRun) -> Result | None:
    """The result of a training that has ended by itself, which it says in the description of its last weights."""
    description = run.folder / "last" / "config.json"
    if not description.exists():
        return None
    made: dict[str, Any] = json.loads(description.read_text("utf-8"))["training"]
    scores = {name: value for name, value in made["validation"].items() if name in Result._fields}
    return Result(run.name, run.seed, made["steps"], **scores)


def tidy(run: AblationRun) -> None:
    """Delete what only an unfinished training needs; the last weights and the log stay."""
    for folder in [*run.folder.glob("checkpoint-*"), run.folder / "best"]:
        shutil.rmtree(folder, ignore_errors=True)


def last_line(log: Path) -> str:
    """The last sentence of a log; a progress bar ends its states by carriage returns."""
    lines = [line.strip() for line in log.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
