"""Adam, the moving average of the weights, and weights that are frozen for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from f2a.config import TrainConfig
from f2a.model.generator import Generator

Tensors = tuple[Tensor, ...] | list[Tensor]


@contextmanager
def frozen(module: nn.Module | None) -> Iterator[nn.Module | None]:
    """``module``, if any, without gradients for its weights until the end of the block."""
    before = [(weight, weight.requires_grad) for weight in module.parameters()] if module else []
    for weight, _ in before:
        weight.requires_grad_(False)
    try:
        yield module
    finally:
        for weight, requires_grad in before:
            weight.requires_grad_(requires_grad)


def generator_groups(generator: Generator, config: TrainConfig) -> list[dict[str, Any]]:
    """The generator's weights with their learning rates: decoder and head, and the encoder unless it is frozen."""
    others = [weight for part in (generator.decoder, generator.head) for weight in part.parameters()]
    encoder = [] if config.freeze_encoder else list(generator.encoder.parameters())
    return [{"params": others, "lr": config.learning_rate}, {"params": encoder, "lr": config.encoder_learning_rate}]


def adam(groups: list[dict[str, Any]], config: TrainConfig) -> torch.optim.AdamW:
    """Adam over ``groups`` of ``params`` and ``lr``, with decoupled weight decay.

    The ``initial_lr`` of each group is what the schedule multiplies.
    """
    groups = [group | {"initial_lr": group["lr"]} for group in groups if group["params"]]
    betas, decay = (config.adam_beta1, config.adam_beta2), config.weight_decay
    return torch.optim.AdamW(groups, betas=betas, eps=config.adam_epsilon, weight_decay=decay, fused=True)


def make_ema(model: nn.Module, decay: float) -> AveragedModel:
    """Exponential moving average of the weights; young averages forget faster, so that the first weights fade soon."""

    @torch.no_grad()
    def update(averages: Tensors, currents: Tensors, count: Tensor | int) -> None:
        weight = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averages, currents, weight)

    return AveragedModel(model, multi_avg_fn=update)


def all_finite(module: nn.Module) -> bool:
    """Whether no weight is infinite or not a number."""
    return all(bool(weight.isfinite().all()) for weight in module.parameters())
