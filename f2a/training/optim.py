"""Small tools of a training: Adam, the moving average, and weights held still for a while."""

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
def frozen(module: nn.Module) -> Iterator[nn.Module]:
    """``module`` without gradients for its weights; what they were is put back."""
    before = [(weight, weight.requires_grad) for weight in module.parameters()]
    module.requires_grad_(False)
    try:
        yield module
    finally:
        for weight, wanted in before:
            weight.requires_grad_(wanted)


def generator_groups(generator: Generator, config: TrainConfig) -> list[dict[str, Any]]:
    """The generator's weights with their learning rates: decoder and head, and the encoder where it moves."""
    encoder = list(generator.encoder.parameters())
    others = [weight for part in (generator.decoder, generator.head) for weight in part.parameters()]
    moving = [] if config.freeze_encoder else encoder
    return [{"params": others, "lr": config.learning_rate}, {"params": moving, "lr": config.encoder_learning_rate}]


def adam(groups: list[dict[str, Any]], config: TrainConfig) -> torch.optim.AdamW:
    """Adam over ``groups`` of ``params`` and ``lr``, with decoupled weight decay where wanted.

    Each group remembers as ``initial_lr`` what the schedule multiplies.
    """
    groups = [group | {"initial_lr": group["lr"]} for group in groups if group["params"]]
    betas, decay = (config.adam_beta1, config.adam_beta2), config.weight_decay
    return torch.optim.AdamW(groups, betas=betas, eps=config.adam_epsilon, weight_decay=decay, fused=True)


def make_ema(model: nn.Module, decay: float) -> AveragedModel:
    """Exponential moving average of the weights; young averages forget faster, so that the start does not linger."""

    @torch.no_grad()
    def update(averages: Tensors, currents: Tensors, count: Tensor | int) -> None:
        weight = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        torch._foreach_lerp_(averages, currents, weight)

    return AveragedModel(model, multi_avg_fn=update)


def all_finite(module: nn.Module) -> bool:
    """Whether no weight is infinite or not a number."""
    return all(bool(weight.isfinite().all()) for weight in module.parameters())
