"""The length of a run and its learning rates: functions of the step alone, so that a resume needs no state."""

import math
from collections.abc import Callable, Iterable
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from f2a.config import TrainConfig

DEFAULT_STEPS = 3000

DECAYS: dict[str, Callable[[float], float]] = {
    "cosine": lambda progress: (1 + math.cos(math.pi * progress)) / 2,
    "linear": lambda progress: 1 - progress,
    "constant": lambda progress: 1.0,
}
"""Factor of the learning rate by progress, [0, 1] to [1, 0]."""


def planned_steps(config: TrainConfig, pairs: int, global_batch_size: int) -> int:
    """Optimisation steps of a run; ``max_train_steps`` takes precedence over ``num_train_epochs``."""
    if config.max_train_steps is not None:
        return config.max_train_steps
    if config.num_train_epochs is not None:
        return math.ceil(config.num_train_epochs * pairs / global_batch_size)
    return DEFAULT_STEPS


def lr_factor(config: TrainConfig, step: int, steps: int) -> float:
    """The factor of all learning rates at ``step`` (from 0) of ``steps``: linear warm-up, then the decay."""
    if step < config.lr_warmup_steps:
        return (step + 1) / config.lr_warmup_steps
    progress = (step - config.lr_warmup_steps) / max(1, steps - config.lr_warmup_steps)
    return DECAYS[config.lr_scheduler](min(1.0, progress))


def lr_schedulers(config: TrainConfig, optimizers: Iterable[Optimizer], step: int, steps: int) -> list[LambdaLR]:
    """One for each optimiser, as it is at ``step``."""
    factor = partial(lr_factor, config, steps=steps)
    return [LambdaLR(optimizer, factor, last_epoch=step - 1) for optimizer in optimizers]
