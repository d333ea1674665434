"""What the two players learn from: pure functions that say who learns, over a batch to a scalar.

Images are ``(B, 3, H, W)`` sRGB in [0, 1]; ``attention`` is ``(B, 1, H, W)`` in [0, 1] and multiplies an image before
it is compared or judged (arXiv 1912.08813, section 3). ``judge`` is the discriminator, images to logits.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

Judge = Callable[[Tensor], Tensor]
Term = Callable[[Tensor, Tensor, Tensor], Tensor]
"""``(relit, ambient, attention)`` to a scalar."""


def l1(relit: Tensor, ambient: Tensor) -> Tensor:
    """Mean absolute difference."""
    return (relit - ambient).abs().mean()


def cauchy(relit: Tensor, ambient: Tensor, c: float = 0.1) -> Tensor:
    """Mean of ``c log(1 + (difference / c)^2)``, robust against pairs that moved (as the 2020 code scales it)."""
    return c * torch.log1p(((relit - ambient) / c) ** 2).mean()


def structural_dissimilarity(relit: Tensor, ambient: Tensor) -> Tensor:
    """``1 - SSIM`` of the grey images, 7x7 uniform window (Wang et al. 2004): texture more than brightness."""
    x, y = (image.mean(1, keepdim=True) for image in (relit, ambient))
    moments = F.avg_pool2d(torch.cat([x, y, x * x, y * y, x * y], 1), 7, 1)
    mean_x, mean_y, square_x, square_y, product = moments.unbind(1)
    variances = (square_x - mean_x**2) + (square_y - mean_y**2)
    covariance = product - mean_x * mean_y
    brightness = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    return 1 - (brightness * (2 * covariance + 0.03**2) / (variances + 0.03**2)).mean()


RECONSTRUCTIONS = {"l1": l1, "cauchy": cauchy}


class DiscriminatorLosses(NamedTuple):
    """Binary cross-entropy of the two verdicts, scalars; the discriminator learns from their sum."""

    relit: Tensor
    ambient: Tensor

    @property
    def total(self) -> Tensor:
        return self.relit + self.ambient


def discriminator_losses(judge: Judge, relit: Tensor, ambient: Tensor, attention: Tensor) -> DiscriminatorLosses:
    """The discriminator learns: relit photos should get 0 and ambient ones 1; the generator gets no gradient."""
    on_relit, on_ambient = judge(relit.detach() * attention), judge(ambient * attention)
    return DiscriminatorLosses(_verdict(on_relit, 0.0), _verdict(on_ambient, 1.0))


def adversarial(judge: Judge) -> Term:
    """The generator learns: the discriminator should take a relit photo for an ambient one."""
    return lambda relit, ambient, attention: _verdict(judge(relit * attention), 1.0)


def guided(compare: Callable[[Tensor, Tensor], Tensor]) -> Term:
    """The generator learns: ``compare`` the relit with the ambient photo, both times the attention map."""
    return lambda relit, ambient, attention: compare(relit * attention, ambient * attention)


def unguided(term: Term) -> Term:
    """``term`` of the images as they are, whatever the attention map."""
    return lambda relit, ambient, attention: term(relit, ambient, torch.ones_like(attention))


def _verdict(logits: Tensor, wanted: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, wanted))


class GeneratorLosses(NamedTuple):
    """The terms that the generator learns from, scalars."""

    reconstruction: Tensor
    adversarial: Tensor
    perceptual: Tensor
    structural: Tensor


class Weights(NamedTuple):
    """How much each of :class:`GeneratorLosses` counts; 0 removes the term and its cost."""

    reconstruction: float = 1.0
    adversarial: float = 0.0
    perceptual: float = 0.0
    structural: float = 0.0

    def total(self, losses: GeneratorLosses) -> Tensor:
        return torch.stack([weight * loss for weight, loss in zip(self, losses, strict=True)]).sum()


class GeneratorTerms(NamedTuple):
    """How each of :class:`GeneratorLosses` is computed."""

    reconstruction: Term
    adversarial: Term
    perceptual: Term
    structural: Term


def no_term(relit: Tensor, ambient: Tensor, attention: Tensor) -> Tensor:
    """The term of weight 0."""
    return relit.new_zeros(())


def generator_losses(terms: GeneratorTerms, relit: Tensor, ambient: Tensor, attention: Tensor) -> GeneratorLosses:
    """The generator learns from all of ``terms``."""
    return GeneratorLosses(*(term(relit, ambient, attention) for term in terms))
