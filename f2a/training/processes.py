"""Coordination of a run's processes through ``accelerate``: device, order of work, and shared decisions."""

import importlib.util
from collections.abc import Callable
from typing import TypeVar

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object

from f2a.config import ConfigError, TrainConfig
from f2a.data.augment import DataLoaderWorkerError
from f2a.data.cache import DataError
from f2a.hub import HubError
from f2a.model.checkpoint import CheckpointError
from f2a.training.monitor import DivergenceError

MISTAKES = (ConfigError, DataError, CheckpointError)
"""Errors in the command or its inputs."""
FAILURES = (DivergenceError, DataLoaderWorkerError, HubError, OSError)
"""Errors of the run itself."""
COMMON = (ConfigError, DivergenceError)
"""Errors that occur in every process, so that only one process reports them."""

T = TypeVar("T")


def make_accelerator(config: TrainConfig) -> Accelerator:
    """Return the accelerator for ``config``; :class:`ConfigError` for a missing tracker or an unsupported precision."""
    if config.report_to != "none" and not importlib.util.find_spec(config.report_to):
        raise ConfigError(f"report_to is {config.report_to!r}: install it (pip install {config.report_to})")
    try:
        return Accelerator(
            cpu=not torch.accelerator.is_available(),  # otherwise several processes on a CPU would not communicate
            mixed_precision=config.mixed_precision,
            gradient_accumulation_steps=config.gradient_accumulation_steps,
            log_with=None if config.report_to == "none" else config.report_to,
            project_dir=config.output_dir,
        )
    except ValueError as error:
        raise ConfigError(f"mixed_precision is {config.mixed_precision!r}: {error}") from None


def precision_notes(accelerator: Accelerator) -> list[str]:
    """Return a sentence if the device will not compute in the requested precision, else an empty list."""
    ignored = accelerator.mixed_precision == "fp16" and accelerator.device.type == "cpu"
    return ["mixed_precision fp16 is ignored on a CPU, which computes in float32; bf16 is not"] if ignored else []


def main_process_first(accelerator: Accelerator, work: Callable[[], T]) -> T:
    """Run ``work`` in each machine's first process, then in the others, which reuse its files; a mistake ends all."""
    result, mistake = None, None
    with accelerator.local_main_process_first():
        try:
            result = work()
        except MISTAKES as error:
            mistake = str(error)
    for sentence in gather_object([mistake]):
        if sentence:
            raise ConfigError(sentence)
    return result  # type: ignore[return-value]


def any_process(*flags: bool) -> list[bool]:
    """Return which of ``flags`` are set in any process; every process must call this at the same step."""
    return [any(votes) for votes in zip(*gather_object([flags]), strict=True)]
