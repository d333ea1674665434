"""The generator: a pretrained encoder, a decoder with skips, and a head that defines what is predicted."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from f2a.color import log_gain_between, luminance, normalize_exposure, refine_gain, relight
from f2a.config import KEEP, GeneratorConfig
from f2a.model.encoders import ENCODERS, Pyramid, convolutions

NORMALIZATIONS = {
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "signed": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
"""Mean and standard deviation (RGB) for normalising the encoder's input."""

MAX_LOG_GAIN = 4.0
"""The gain head's bound, natural logarithm: a factor of 55 either way, nearly six stops."""

COLOR_CELL = 16
"""Side of a cell of the gain head's colour grid, in pixels of the copy that the network sees."""


class DeconvDecoder(nn.Module):
    """The paper's decoder: VGG-16 mirrored, each level enlarged by a 3x3 stride-2 transposed convolution.

    From coarse to fine, the levels have 3, 2, 2, 2 convolutions of 512, 256, 128, 64 channels. In each, the enlarged
    features come first and the encoder's skip second (arXiv 1912.08813, section 3; order as in the 2020 code).
    """

    depths = (2, 2, 2, 3)

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        below = (*channels[1:-1], channels[-1])
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(coarse, fine, 3, stride=2, padding=1, output_padding=1)
            for coarse, fine in zip(below, channels, strict=False)
        )
        self.blocks = nn.ModuleList(
            convolutions([2 * width] + [width] * depth) for width, depth in zip(channels, self.depths, strict=False)
        )
        self.out_channels = channels[0]

    def forward(self, pyramid: Pyramid) -> Tensor:
        current = pyramid.features[-1]
        for level in reversed(range(len(self.blocks))):
            enlarged = self.enlarge[level](current)
            current = self.blocks[level](torch.cat([enlarged, pyramid.features[level]], 1))
        return current


class UnpoolDecoder(nn.Module):
    """The paper's other decoder: max-unpooling with the encoder's indices instead of transposed convolutions.

    The last convolution of a level outputs as many channels as the next finer pooling has, whose indices come next.
    """

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        finer = (channels[0], *channels)
        self.blocks = nn.ModuleList(
            convolutions([2 * width] + [width] * (depth - 1) + [narrow])
            for width, narrow, depth in zip(channels, finer, DeconvDecoder.depths, strict=False)
        )
        self.out_channels = channels[0]

    def forward(self, pyramid: Pyramid) -> Tensor:
        current = pyramid.features[-1]
        for level in reversed(range(len(self.blocks))):
            enlarged = F.max_unpool2d(current, pyramid.pool_indices[level], [2, 2])
            current = self.blocks[level](torch.cat([enlarged, pyramid.features[level]], 1))
        return current


class BilinearDecoder(nn.Module):
    """A small decoder: bilinear enlargement, the encoder's skip, two convolutions per level (one at the finest)."""

    widths: tuple[int, ...] = (16, 32, 64, 96, 160)
    finest_depth = 1

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        levels = len(channels) - 1
        widths = self.widths[:levels]
        self.reduce = nn.Conv2d(channels[-1], widths[-1], 1)
        coarser = (*widths[1:], widths[-1])
        self.blocks = nn.ModuleList(
            convolutions([coarser[level] + channels[level]] + [widths[level]] * (2 if level else self.finest_depth))
            for level in range(levels)
        )
        self.out_channels = widths[0]

    def forward(self, pyramid: Pyramid) -> Tensor:
        current = self.reduce(pyramid.features[-1])
        for level in reversed(range(len(self.blocks))):
            skip = pyramid.features[level]
            enlarged = F.interpolate(current, size=skip.shape[-2:], mode="bilinear", align_corners=False)
            current = self.blocks[level](torch.cat([enlarged, skip], 1))
        return current


class FineBilinearDecoder(BilinearDecoder):
    """:class:`BilinearDecoder` with a larger finest level: more channels, and features computed from the image itself.

    The edges of hard shadows are only visible at full working size.
    """

    widths = (32, 48, 64, 96, 160)
    finest_depth = 2
    image_features = 32

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__((self.image_features, *channels[1:]))
        self.image = convolutions([channels[0]] + [self.image_features] * 2)

    def forward(self, pyramid: Pyramid) -> Tensor:
        finest, *coarser = pyramid.features
        return super().forward(Pyramid([self.image(finest), *coarser], pyramid.pool_indices))


DECODERS: dict[str, type[DeconvDecoder] | type[UnpoolDecoder] | type[BilinearDecoder]] = {
    "deconv": DeconvDecoder,
    "unpool": UnpoolDecoder,
    "bilinear": BilinearDecoder,
    "bilinear_fine": FineBilinearDecoder,
}
"""Decoders by their names in the config (``upsampling``)."""


class GainHead(nn.Module):
    """Predicts a log-gain in linear light: luminance per pixel, and colour on a coarse grid.

    Texture is kept by construction, and a gain found on a small copy can be applied to the full photo. The colour part
    has no luminance, and is smooth so that walls do not become blotchy. Both parts start at zero, so training begins
    with the photo itself.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, 1, 3, padding=1)
        self.color = nn.Conv2d(channels, 3, 1)
        for layer in (self.convolution, self.color):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def log_gain(self, flash: Tensor, features: Tensor) -> Tensor:
        """``(B, 3, H, W)``, natural logarithm, from features ``(B, C, H, W)`` of the flash image."""
        luminance_gain = MAX_LOG_GAIN * torch.tanh(self.convolution(features) / MAX_LOG_GAIN)
        color = torch.tanh(self.color(F.avg_pool2d(features, COLOR_CELL, ceil_mode=True)))
        color = color - luminance(color)
        color = F.interpolate(color, size=features.shape[-2:], mode="bilinear", align_corners=False)
        return luminance_gain + color

    def relit(self, flash: Tensor, features: Tensor) -> Tensor:
        """The relit image, ``(B, 3, H, W)`` sRGB in [0, 1]."""
        return relight(flash, self.log_gain(flash, features))


class SigmoidHead(nn.Module):
    """Predicts the relit image itself, through a sigmoid: the paper's head."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, 3, 3, padding=1)

    def relit(self, flash: Tensor, features: Tensor) -> Tensor:
        """As :meth:`GainHead.relit`."""
        return torch.sigmoid(self.convolution(features))

    def log_gain(self, flash: Tensor, features: Tensor) -> Tensor:
        """As :meth:`GainHead.log_gain`: the gain between the flash image and the relit one."""
        return log_gain_between(flash, self.relit(flash, features))


class TanhHead(SigmoidHead):
    """Predicts the relit image through a tanh, mapped from [-1, 1] to [0, 1]."""

    def relit(self, flash: Tensor, features: Tensor) -> Tensor:
        return (torch.tanh(self.convolution(features)) + 1) / 2


class DifferenceHead(SigmoidHead):
    """Predicts what is added to the flash image, through a tanh, as in DeepFlash (arXiv 1901.04252).

    It starts at zero. The sum may leave [0, 1] until it is written.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        nn.init.zeros_(self.convolution.weight)
        nn.init.zeros_(self.convolution.bias)  # type: ignore[arg-type]

    def relit(self, flash: Tensor, features: Tensor) -> Tensor:
        return flash + torch.tanh(self.convolution(features))


HEADS: dict[str, type[GainHead] | type[SigmoidHead]] = {
    "gain": GainHead,
    "difference": DifferenceHead,
    "sigmoid": SigmoidHead,
    "tanh": TanhHead,
}
"""Heads by their names in the config (``head``)."""


class Generator(nn.Module):
    """Maps a flash image to the relit image, any size: ``(B, 3, H, W)`` sRGB in [0, 1] to the same shape.

    Sides are padded to the encoder's stride by repeating the border, then cropped again, so 1x1 and odd sizes work.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, config: GeneratorConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = ENCODERS[config.encoder]()
        self.dropout = nn.Dropout2d(0)  # on the deepest features; training may set a rate
        self.decoder = DECODERS[config.upsampling](self.encoder.channels)
        self.head = HEADS[config.head](self.decoder.out_channels)
        mean, std = NORMALIZATIONS[config.normalization]
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(1, 3, 1, 1), persistent=False)

    def forward(self, flash: Tensor) -> Tensor:
        """The relit image, sRGB; with the difference head it may leave [0, 1]."""
        if self.config.exposure is not None:
            return relight(flash, self.log_gain(flash))
        padded, features = self._features(flash)
        return _crop(self.head.relit(padded, features), flash)

    def log_gain(self, flash: Tensor) -> Tensor:
        """Natural log-gain in linear light, ``(B, 3, H, W)``; heads that predict an image compare it with the input.

        With ``config.exposure`` the gain is refined and blacks are not lifted, except in training: a loss would undo
        the refinement, and pixels that must not be lifted teach the network nothing.
        """
        padded, features = self._features(flash)
        log_gain = _crop(self.head.log_gain(padded, features), flash)
        if self.config.exposure is None:
            return log_gain
        means = self.target_means(flash)
        if not self.training:
            log_gain = refine_gain(flash, log_gain, means)
        return normalize_exposure(flash, log_gain, means, keeps_blacks=not self.training)

    def target_means(self, flash: Tensor) -> Tensor:
        """``(B,)``: mean sRGB values to which ``config.exposure`` brings the relit images."""
        if self.config.exposure == KEEP:
            return flash.mean((1, 2, 3)).clamp(min=self.config.min_exposure)
        return flash.new_full((len(flash),), float(self.config.exposure or 0))

    def _features(self, flash: Tensor) -> tuple[Tensor, Tensor]:
        height, width = flash.shape[-2:]
        stride = self.encoder.stride
        padded = F.pad(flash, (0, -width % stride, 0, -height % stride), mode="replicate")
        image = ((padded - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        encoder, decoder = (next(part.parameters()).dtype for part in (self.encoder, self.decoder))
        pyramid = self.encoder(image.to(encoder))
        if encoder != decoder:
            pyramid = Pyramid([feature.to(decoder) for feature in pyramid.features], pyramid.pool_indices)
        pyramid.features[-1] = self.dropout(pyramid.features[-1])
        return padded, self.decoder(pyramid).to(flash.dtype)

    def for_inference(self, device: torch.device) -> "Generator":
        """Prepare this generator for inference on ``device``, in the fastest memory format and precision there.

        On a CPU with fast bfloat16, the decoder uses it, and so does an encoder of dense convolutions; the head, which
        computes the result, stays float32. A relit photo then differs by at most two 8-bit levels.
        """
        self.eval().requires_grad_(False)
        if device.type == "cpu" and has_fast_bfloat16():
            for part in (self.encoder, self.decoder) if self.encoder.dense else (self.decoder,):
                part.to(torch.bfloat16)
        return self.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def has_fast_bfloat16() -> bool:
    """Whether this processor has AMX, whose tiles multiply bfloat16 five times as fast as float32.

    AVX512-BF16 alone does not count: on such a processor bfloat16 convolutions took 1.7 times as long as float32 ones
    in channels_last (``vgg16``; ``compact`` 1.1 times). Older versions of PyTorch cannot tell and count as without.
    """
    return getattr(torch.cpu, "get_capabilities", dict[str, bool])().get("amx_bf16", False)


def _crop(image: Tensor, like: Tensor) -> Tensor:
    return image[..., : like.shape[-2], : like.shape[-1]]
