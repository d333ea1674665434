"""The perceptual term: relit and ambient photo compared by what an ImageNet network sees in them."""

import torch
from torch import Tensor, nn

from f2a.model.encoders import VGG16, EfficientNetLite0, Pyramid
from f2a.model.generator import NORMALIZATIONS

SMALLEST = 1e-6
"""Mean activation under which a stage sees nothing."""


class PerceptualDistance(nn.Module):
    """Mean absolute difference of an encoder's features, averaged over the last layers of its five stages.

    After Johnson et al. (arXiv 1603.08155), each stage over the mean of the ambient photo's own features, so that no
    stage drowns the others however the weights are scaled. The generator learns through the frozen encoder.

    Args:
        encoder: with ImageNet's weights.
    """

    def __init__(self, encoder: VGG16 | EfficientNetLite0) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        mean, deviation = (torch.tensor(values).reshape(1, 3, 1, 1) for values in NORMALIZATIONS["imagenet"])
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    mean: Tensor
    deviation: Tensor

    def forward(self, relit: Tensor, ambient: Tensor) -> Tensor:
        """Both ``(B, 3, H, W)``, sRGB in [0, 1], to a scalar."""
        seen = self._features(relit)
        with torch.no_grad():
            wanted = self._features(ambient)
        stages = [(a - b).abs().mean() / b.abs().mean().clamp(min=SMALLEST) for a, b in zip(seen, wanted, strict=True)]
        return torch.stack(stages).mean()

    def _features(self, image: Tensor) -> list[Tensor]:
        pyramid: Pyramid = self.encoder((image - self.mean) / self.deviation)
        return pyramid.features[-5:]  # EfficientNet-Lite0 has the image itself before its five stages
