"""The losses of generator and discriminator: pure functions from a batch to a scalar.

Images are ``(B, 3, H, W)`` sRGB in [0, 1]; ``attention`` is ``(B, 1, H, W)`` in [0, 1] and multiplies the images that
``config.guided`` names before they are compared or judged (arXiv 1912.08813, section 3). ``discriminator`` maps images
to logits.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from f2a.color import luminance, srgb_to_linear
from f2a.config import TrainConfig
from f2a.metrics import structural_similarity
from f2a.model.encoders import VGG16, EfficientNetLite0
from f2a.model.generator import NORMALIZATIONS

Network = Callable[[Tensor], Tensor]
"""A discriminator, or a function in its place."""


def attention_map(flash: Tensor, ambient: Tensor) -> Tensor:
    """Return ``1 - mean over channels of |flash - ambient|``, ``(B, 1, H, W)`` in [0, 1] (arXiv 1912.08813, eq. 2).

    It is 1 where the two photos are equal: where they agree, the pair can be trusted.
    """
    return 1 - (flash - ambient).abs().mean(dim=1, keepdim=True)


def cauchy(relit: Tensor, ambient: Tensor, c: float = 0.1) -> Tensor:
    """Return the mean of ``c log(1 + (difference / c)^2)``, scaled as in the 2020 code; robust to misaligned pairs."""
    return c * torch.log1p(((relit - ambient) / c) ** 2).mean()


def structural_dissimilarity(relit: Tensor, ambient: Tensor) -> Tensor:
    """Return ``1 - SSIM`` of the grey images, which depends more on texture than on brightness."""
    return 1 - structural_similarity(relit.mean(1, keepdim=True), ambient.mean(1, keepdim=True))


GRADIENT_DISTANCES = (1, 2, 4)
"""Distances, in pixels, over which the gradient loss takes differences of luminance."""
DARKEST_LIGHT = 0.004
"""Linear light added before taking the logarithm, so that noise in black areas has little weight."""


def gradient_difference(relit: Tensor, ambient: Tensor) -> Tensor:
    """Return the mean absolute error of luminance differences, in stops, across and down, over 1, 2 and 4 pixels.

    The edge of a hard shadow is a step that the ambient photo lacks; a gain that is right only on average keeps it.
    After the gradient matching term of Li and Snavely (MegaDepth, arXiv 1804.00607, section 4).
    """
    difference = _stops(relit) - _stops(ambient)
    both = (difference, difference.mT)
    steps = [image[..., n:] - image[..., :-n] for image in both for n in GRADIENT_DISTANCES]
    return torch.stack([step.abs().mean() for step in steps]).mean()


def _stops(image: Tensor) -> Tensor:
    return (luminance(srgb_to_linear(image)) + DARKEST_LIGHT).log2()


MIN_MEAN = 1e-6
"""Lower limit on the mean activation that a stage is divided by."""


class PerceptualDistance(nn.Module):
    """Mean absolute difference of an encoder's features, averaged over the last layers of its five stages.

    After Johnson et al. (arXiv 1603.08155). Each stage is divided by the mean magnitude of the ambient photo's
    features, so that none dominates, whatever the scale of the weights. The encoder has ImageNet weights and is frozen.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, encoder: VGG16 | EfficientNetLite0) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in NORMALIZATIONS["imagenet"])
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, relit: Tensor, ambient: Tensor) -> Tensor:
        """Return a scalar for two batches of ``(B, 3, H, W)``, sRGB in [0, 1]."""
        features = self._features(relit)
        with torch.no_grad():
            targets = self._features(ambient)
        stages = [
            (a - b).abs().mean() / b.abs().mean().clamp(min=MIN_MEAN) for a, b in zip(features, targets, strict=True)
        ]
        return torch.stack(stages).mean()

    def _features(self, image: Tensor) -> list[Tensor]:
        # the features of EfficientNet-Lite0 begin with the image itself, before its five stages
        return self.encoder((image - self.mean) / self.std).features[-5:]


RECONSTRUCTIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": F.l1_loss, "cauchy": cauchy}
"""Reconstruction losses by their name in a config."""


def discriminator_loss(
    config: TrainConfig, relit: Tensor, ambient: Tensor, attention: Tensor, discriminator: Network
) -> Tensor:
    """Return the discriminator's loss (labels: relit 0, ambient 1), which gives the generator no gradient."""
    mask = attention if config.guides("judged") else 1.0
    on_relit, on_ambient = discriminator(relit.detach() * mask), discriminator(ambient * mask)
    return cross_entropy(on_relit, 0.0) + cross_entropy(on_ambient, 1.0)


def cross_entropy(logits: Tensor, label: float) -> Tensor:
    """Return the mean binary cross-entropy of logits whose label is ``label``, 0 or 1."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def generator_losses(
    config: TrainConfig,
    relit: Tensor,
    ambient: Tensor,
    attention: Tensor,
    discriminator: Network | None = None,
    perceptual: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> dict[str, Tensor]:
    """Return the unweighted terms of the generator's loss by name; terms of weight 0 are not computed.

    Args:
        discriminator: frozen; required for the adversarial loss.
        perceptual: distance between two images; required for the perceptual loss.
    """
    images = (relit * attention, ambient * attention) if config.guides("compared") else (relit, ambient)
    losses = {}
    if config.reconstruction_weight:
        losses["reconstruction"] = RECONSTRUCTIONS[config.reconstruction](*images)
    if config.adversarial_weight and discriminator:
        # the label is 1: the generator learns to make the discriminator take relit photos for ambient ones
        judged = relit * attention if config.guides("judged") else relit
        losses["adversarial"] = cross_entropy(discriminator(judged), 1.0)
    if config.perceptual_weight and perceptual:
        losses["perceptual"] = perceptual(*images)
    if config.structural_weight:
        losses["structural"] = structural_dissimilarity(*images)
    if config.gradient_weight:
        losses["gradient"] = gradient_difference(*images)
    return losses


def weighted_sum(config: TrainConfig, losses: dict[str, Tensor]) -> Tensor:
    """Return the generator's loss: the sum of its terms, each times ``config.NAME_weight``."""
    return torch.stack([getattr(config, f"{name}_weight") * loss for name, loss in losses.items()]).sum()
