"""The perceptual loss: relit and ambient photo compared by the features of an ImageNet network."""

import torch
from torch import Tensor, nn

from f2a.model.encoders import VGG16, EfficientNetLite0, Pyramid
from f2a.model.generator import NORMALIZATIONS

EPSILON = 1e-6
"""Minimum of the mean activation that a stage is divided by."""


class PerceptualDistance(nn.Module):
    """Mean absolute difference of an encoder's features, averaged over the last layers of its five stages.

    After Johnson et al. (arXiv 1603.08155). Each stage is divided by the mean of the ambient photo's features, so that
    none outweighs the others, however the encoder's weights are scaled. The encoder is frozen.

    Args:
        encoder: with ImageNet weights.
    """

    def __init__(self, encoder: VGG16 | EfficientNetLite0) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        mean, std = (torch.tensor(values).reshape(1, 3, 1, 1) for values in NORMALIZATIONS["imagenet"])
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    mean: Tensor
    std: Tensor

    def forward(self, relit: Tensor, ambient: Tensor) -> Tensor:
        """Both ``(B, 3, H, W)``, sRGB in [0, 1], to a scalar."""
        features = self._features(relit)
        with torch.no_grad():
            targets = self._features(ambient)
        stages = [
            (a - b).abs().mean() / b.abs().mean().clamp(min=EPSILON) for a, b in zip(features, targets, strict=True)
        ]
        return torch.stack(stages).mean()

    def _features(self, image: Tensor) -> list[Tensor]:
        pyramid: Pyramid = self.encoder((image - self.mean) / self.std)
        return pyramid.features[-5:]  # EfficientNet-Lite0 has the image itself before its five stages
