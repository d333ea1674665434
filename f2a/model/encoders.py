"""Pretrained encoders. Each turns an image into a pyramid of features, finest (stride 1) first.

An encoder has ``channels`` (one entry per pyramid level, level ``i`` at stride ``2**i``) and ``stride``, the multiple
to which the sides of its input must be padded.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

BATCH_NORM_EPS = 1e-3
"""Epsilon of EfficientNet-Lite0's batch normalisation (from the metadata of its weight file)."""


class Pyramid(NamedTuple):
    """Features ``(B, C_i, H / 2**i, W / 2**i)``, finest first; ``pool_indices[i]`` unpool level i + 1 to level i."""

    features: list[Tensor]
    pool_indices: list[Tensor]


def convolutions(widths: Sequence[int]) -> nn.Sequential:
    """3x3 convolutions from each number of channels to the next, each followed by a ReLU."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class PooledStages(nn.Module):
    """Five stages of 3x3 convolutions with ReLU, and 2x2 max pooling between the stages."""

    stride = 16
    dense = True
    channels: tuple[int, ...]
    depths: tuple[int, ...]
    """Number of convolutions in each stage."""

    def __init__(self) -> None:
        super().__init__()
        plan = zip((3, *self.channels), self.channels, self.depths, strict=False)
        self.stages = nn.ModuleList(convolutions([before] + [width] * depth) for before, width, depth in plan)

    def forward(self, image: Tensor) -> Pyramid:
        features, pool_indices = [self.stages[0](image)], []
        for stage in self.stages[1:]:
            pooled, indices = F.max_pool2d(features[-1], 2, return_indices=True)
            features.append(stage(pooled))
            pool_indices.append(indices)
        return Pyramid(features, pool_indices)


class VGG16(PooledStages):
    """The 13 convolutions of VGG-16, configuration D (arXiv 1409.1556, table 1)."""

    channels, depths = (64, 128, 256, 512, 512), (2, 2, 3, 3, 3)

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Load weights with torchvision's key names (``features.0.weight`` ...); other keys raise ``KeyError``."""
        pooling = nn.Identity()  # torchvision numbers pooling layers too
        for number, layer in enumerate(layer for stage in self.stages for layer in (*stage.children(), pooling)):
            if isinstance(layer, nn.Conv2d):
                _fill(layer, weights[f"features.{number}.weight"], weights[f"features.{number}.bias"])


class UNet(PooledStages):
    """U-Net's contracting path (arXiv 1505.04597, figure 1), trained from scratch: a baseline to compare with."""

    channels, depths = (64, 128, 256, 512, 1024), (2, 2, 2, 2, 2)

    def __init__(self) -> None:
        super().__init__()
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d) and layer.bias is not None:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Raise ``KeyError``, since U-Net has none."""
        raise KeyError("U-Net starts from random weights; leave out its ImageNet weights")


LITE0_BLOCKS = (
    (16, 3, 1),
    (24, 3, 2), (24, 3, 1),
    (40, 5, 2), (40, 5, 1),
    (80, 3, 2), (80, 3, 1), (80, 3, 1),
    (112, 5, 1), (112, 5, 1), (112, 5, 1),
    (192, 5, 2), (192, 5, 1), (192, 5, 1), (192, 5, 1),
    (320, 3, 1),
)  # fmt: skip
"""Output channels, kernel size and stride of each inverted bottleneck; the first has expansion 1, the others 6."""

LITE0_DEPTHS = (1, 2, 2, 3, 3, 4, 1)
"""Number of blocks in each of the network's seven stages."""


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's SAME padding, for sides that the stride divides (asymmetric at stride 2)."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels_in, channels_out, kernel, stride, kernel // 2 if stride == 1 else 0, groups=groups)
        total = kernel - stride
        self.extra = (total // 2, total - total // 2) * 2 if stride > 1 else None

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(F.pad(input, self.extra) if self.extra else input)


class InvertedBottleneck(nn.Module):
    """EfficientNet-Lite's block: expand, depthwise, project; ReLU6 after the first two, no squeeze-and-excitation."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        width = channels_in * expansion
        expand = [SameConv(channels_in, width, 1), nn.ReLU6(inplace=True)] if expansion > 1 else []
        depthwise = [SameConv(width, width, kernel, stride, groups=width), nn.ReLU6(inplace=True)]
        self.layers = nn.Sequential(*expand, *depthwise, SameConv(width, channels_out, 1))
        self.residual = stride == 1 and channels_in == channels_out

    def forward(self, features: Tensor) -> Tensor:
        out = self.layers(features)
        return features + out if self.residual else out


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 up to its last block, with each batch normalisation folded into the convolution before it.

    Folding is exact if batch normalisation stays in evaluation mode, which is how the network is fine-tuned here.
    Level 0 of the pyramid is the image itself.
    """

    channels = (3, 16, 24, 40, 112, 320)
    stride = 32
    dense = False  # weights of separable convolutions differ by orders of magnitude: bfloat16 was off by up to 7 levels

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(SameConv(3, 32, 3, 2), nn.ReLU6(inplace=True))
        self.blocks = nn.ModuleList()
        before = 32
        for number, (width, kernel, stride) in enumerate(LITE0_BLOCKS):
            self.blocks.append(InvertedBottleneck(before, width, kernel, stride, 6 if number else 1))
            before = width

    def forward(self, image: Tensor) -> Pyramid:
        features, current = [image], self.stem(image)
        for block, (_, _, stride) in zip(self.blocks, LITE0_BLOCKS, strict=True):
            if stride == 2:
                features.append(current)
            current = block(current)
        return Pyramid([*features, current], [])

    def load_imagenet(self, weights: dict[str, Tensor]) -> None:
        """Load weights with key names of ``efficientnet_lite0_pytorch`` or timm; ``KeyError`` if one is missing."""
        names = timm_names() if "conv_stem.weight" in weights else lite0_pytorch_names()
        convolutions = (layer for layer in self.modules() if isinstance(layer, nn.Conv2d))
        for layer, (conv, norm) in zip(convolutions, names, strict=True):
            scale = weights[f"{norm}.weight"] / (weights[f"{norm}.running_var"] + BATCH_NORM_EPS).sqrt()
            bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
            _fill(layer, weights[f"{conv}.weight"] * scale.reshape(-1, 1, 1, 1), bias)


def lite0_pytorch_names() -> Iterator[tuple[str, str]]:
    """Yield the names in ``efficientnet_lite0_pytorch`` of each convolution and the batch normalisation after it."""
    yield "_conv_stem", "_bn0"
    layers = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
    for number in range(len(LITE0_BLOCKS)):
        for conv, norm in layers if number else layers[1:]:
            yield f"_blocks.{number}.{conv}", f"_blocks.{number}.{norm}"


def timm_names() -> Iterator[tuple[str, str]]:
    """Yield these names in timm, which counts blocks within stages and names convolutions by their function."""
    yield "conv_stem", "bn1"
    for stage, depth in enumerate(LITE0_DEPTHS):
        for block in (f"blocks.{stage}.{place}" for place in range(depth)):
            for number, conv in enumerate(("conv_pw", "conv_dw", "conv_pwl") if stage else ("conv_dw", "conv_pw"), 1):
                yield f"{block}.{conv}", f"{block}.bn{number}"


def _fill(layer: nn.Conv2d, weight: Tensor, bias: Tensor) -> None:
    assert layer.bias is not None
    layer.weight.data.copy_(weight)
    layer.bias.data.copy_(bias)


ENCODERS: dict[str, type[VGG16] | type[UNet] | type[EfficientNetLite0]] = {
    "vgg16": VGG16,
    "unet": UNet,
    "efficientnet_lite0": EfficientNetLite0,
}
"""Encoders by their name in a config."""
