"""Messages of a training run: its scores, why it stopped, and what to do next."""

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from f2a.config import TrainConfig
from f2a.errors import counted, system_error
from f2a.images import EXAMPLE
from f2a.training.arguments import RUN_FILE, SCRIPT
from f2a.training.signals import StopReason


def scores_sentence(scores: dict[str, Any], best: bool) -> str:
    """Return one line about a validation; ``scores`` has the names of :mod:`f2a.training.validation`."""
    flash = f"the flash photos {scores['flash_psnr']:.2f} dB, {scores['flash_ssim']:.3f}"
    figures = f"PSNR {scores['psnr']:.2f} dB, SSIM {scores['ssim']:.3f} ({flash})"
    return f"step {scores['step']}, {scores['minutes']} min: {figures}" + ("; the best so far" if best else "")


def stop_sentence(config: TrainConfig, reason: StopReason, step: int, steps: int, processes: int) -> str:
    """Say where and why a run ended before its last step, with the command that continues it."""
    run = shlex.quote(str(Path(config.output_dir) / RUN_FILE))
    launcher = "python" if processes == 1 else f"(launched in {processes} processes as before)"
    command = f"{launcher} {SCRIPT.name} --config {run} --resume_from_checkpoint latest"
    if reason.time_up and config.max_train_minutes is not None:
        minutes = counted(config.max_train_minutes, "minute")
        return f"stopped at step {step}, after {minutes} as asked; to go on for as long again: {command}"
    return f"stopped at step {step} of {steps}; continue with: {command}"


def result_lines(output: Path, best: dict[str, Any]) -> Iterator[str]:
    """Yield where weights and pictures are, and a command to try them; ``best`` scores are empty without validation."""
    weights = output / "best" if best else output / "last"
    yield f"weights: {weights}" + (f" (step {best['step']}, PSNR {best['psnr']:.2f} dB)" if best else "")
    if best:
        yield f"pictures: {output / 'pictures'}"
    photo = os.path.relpath(EXAMPLE) if EXAMPLE.is_relative_to(Path.cwd()) else str(EXAMPLE)
    command = ["python", "-m", "f2a", "relight", photo, "-o", str(output / "relit.jpg"), "--weights", str(weights)]
    yield f"try them: {shlex.join(command)}"


def error_sentence(error: Exception) -> str:
    """Return what went wrong and what to do about it."""
    if not isinstance(error, OSError):
        return str(error)
    return f"{system_error(error)}; fix that, then continue with --resume_from_checkpoint latest"
