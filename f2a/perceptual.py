"""The perceptual term: relit and ambient photo compared by what VGG-16 sees in them."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from f2a.config import ConfigError
from f2a.encoders import VGG16, Pyramid
from f2a.generator import NORMALIZATIONS


class PerceptualDistance(nn.Module):
    """Mean absolute difference of VGG-16 features, averaged over the last layers of its five stages.

    After Johnson et al. (arXiv 1603.08155). The encoder is frozen; the generator learns through it. Weights should be
    scaled so that every layer's mean activation is about 1, so that no stage drowns the others.

    Args:
        weights: safetensors file with torchvision's names (``features.0.weight`` ...).

    Raises:
        ConfigError: the file cannot be read or is not of VGG-16.
    """

    def __init__(self, weights: str | Path) -> None:
        super().__init__()
        self.encoder = VGG16()
        try:
            self.encoder.load_imagenet(load_file(weights))
        except (OSError, SafetensorError, KeyError, RuntimeError) as error:
            raise ConfigError(f"perceptual_encoder is {str(weights)!r}: not VGG-16 weights ({error})") from None
        self.encoder.requires_grad_(False)
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
        return torch.stack([(a - b).abs().mean() for a, b in zip(seen, wanted, strict=True)]).mean()

    def _features(self, image: Tensor) -> list[Tensor]:
        pyramid: Pyramid = self.encoder((image - self.mean) / self.deviation)
        return pyramid.features
