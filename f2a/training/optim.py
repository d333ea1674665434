"""Adam, learning rates as functions of the step alone (a resume needs no state of them), the moving average of the
weights, and freezing."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel

from f2a.config import TrainConfig
from f2a.model.generator import Generator

TensorList = tuple[Tensor, ...] | list[Tensor]


@contextmanager
def frozen(module: nn.Module | None) -> Iterator[nn.Module | None]:
    """``module``, if any, without gradients for its weights until the end of the block."""
    if module:
        module.requires_grad_(False)
    try:
        yield module
    finally:
        if module:
            module.requires_grad_(True)


Group = tuple[float, Iterable[nn.Parameter]]
"""A learning rate, and the weights that have it."""


def generator_groups(generator: Generator, config: TrainConfig) -> list[Group]:
    """Decoder and head, and the encoder unless it is frozen."""
    others = [weight for part in (generator.decoder, generator.head) for weight in part.parameters()]
    encoder = [] if config.freeze_encoder else list(generator.encoder.parameters())
    return [(config.learning_rate, others), (config.encoder_learning_rate, encoder)]


def adam(config: TrainConfig, *groups: Group) -> torch.optim.AdamW:
    """Adam with decoupled weight decay; the ``initial_lr`` of each group is what the schedule multiplies."""
    parameters = [{"params": p, "lr": lr, "initial_lr": lr} for lr, weights in groups if (p := list(weights))]
    betas, decay = (config.adam_beta1, config.adam_beta2), config.weight_decay
    return torch.optim.AdamW(parameters, betas=betas, eps=config.adam_epsilon, weight_decay=decay, fused=True)


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
    """One scheduler per optimiser, as it is at ``step``."""
    factor = partial(lr_factor, config, steps=steps)
    return [LambdaLR(optimizer, factor, last_epoch=step - 1) for optimizer in optimizers]


def make_ema(model: nn.Module, decay: float) -> AveragedModel:
    """Exponential moving average of the weights; its memory is shorter at first, so that the initial weights fade."""

    @torch.no_grad()
    def update(averages: TensorList, currents: TensorList, count: Tensor | int) -> None:
        weight = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averages, currents, weight)

    return AveragedModel(model, multi_avg_fn=update)
