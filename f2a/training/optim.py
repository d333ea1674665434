"""Adam, learning rates that depend on the step alone (so that resuming needs no scheduler state), the moving average of
the weights, and freezing."""

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
"""Weights as PyTorch hands them to the function that averages them."""


@contextmanager
def frozen(module: nn.Module | None) -> Iterator[nn.Module | None]:
    """Disable gradients for the weights of ``module``, if there is one, until the end of the block."""
    if module:
        module.requires_grad_(False)
    try:
        yield module
    finally:
        if module:
            module.requires_grad_(True)


Group = tuple[float, Iterable[nn.Parameter]]
"""A learning rate and its weights."""


def generator_groups(generator: Generator, config: TrainConfig) -> list[Group]:
    """Return a group for the decoder and head and one for the encoder, which is empty if the encoder is frozen."""
    others = [weight for part in (generator.decoder, generator.head) for weight in part.parameters()]
    encoder = [] if config.freeze_encoder else list(generator.encoder.parameters())
    return [(config.learning_rate, others), (config.encoder_learning_rate, encoder)]


def adam(config: TrainConfig, *groups: Group) -> torch.optim.AdamW:
    """Return Adam with decoupled weight decay; the schedule multiplies each group's ``initial_lr``."""
    parameters = [{"params": p, "lr": lr, "initial_lr": lr} for lr, weights in groups if (p := list(weights))]
    betas, decay = (config.adam_beta1, config.adam_beta2), config.weight_decay
    return torch.optim.AdamW(parameters, betas=betas, eps=config.adam_epsilon, weight_decay=decay, fused=True)


DEFAULT_STEPS = 3000
"""Optimisation steps of a run whose flags give neither steps nor epochs."""

DECAYS: dict[str, Callable[[float], float]] = {
    "cosine": lambda progress: (1 + math.cos(math.pi * progress)) / 2,
    "linear": lambda progress: 1 - progress,
    "constant": lambda progress: 1.0,
}
"""Learning-rate factor as a function of progress in [0, 1], by the name of the schedule; it begins at 1."""


def planned_steps(config: TrainConfig, pairs: int, global_batch_size: int) -> int:
    """Return a run's number of optimisation steps; ``max_train_steps`` takes precedence over ``num_train_epochs``."""
    if config.max_train_steps is not None:
        return config.max_train_steps
    if config.num_train_epochs is not None:
        return math.ceil(config.num_train_epochs * pairs / global_batch_size)
    return DEFAULT_STEPS


def lr_factor(config: TrainConfig, step: int, steps: int) -> float:
    """Return the factor for all learning rates at ``step`` (from 0) of ``steps``: linear warm-up, then decay."""
    if step < config.lr_warmup_steps:
        return (step + 1) / config.lr_warmup_steps
    progress = (step - config.lr_warmup_steps) / max(1, steps - config.lr_warmup_steps)
    return DECAYS[config.lr_scheduler](min(1.0, progress))


def lr_schedulers(config: TrainConfig, optimizers: Iterable[Optimizer], step: int, steps: int) -> list[LambdaLR]:
    """Return one scheduler per optimiser, positioned at ``step``."""
    factor = partial(lr_factor, config, steps=steps)
    return [LambdaLR(optimizer, factor, last_epoch=step - 1) for optimizer in optimizers]


def make_ema(model: nn.Module, decay: float) -> AveragedModel:
    """Return an exponential moving average of the weights, with faster decay at first so that initial weights fade."""

    @torch.no_grad()
    def update(averages: TensorList, currents: TensorList, count: Tensor | int) -> None:
        weight = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averages, currents, weight)

    return AveragedModel(model, multi_avg_fn=update)
