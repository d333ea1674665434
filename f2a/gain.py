"""A log-gain found on a small copy of a photo, applied to the full photo without blurring its edges."""

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from f2a.light import GAIN_FLOOR, linear_to_srgb, srgb_to_linear

LUMA = (0.299, 0.587, 0.114)
RADIUS = 16
"""Of the window in which slope and offset are fitted, in pixels of the small copy."""
EPSILON = 1e-3
"""Variance of the guide (sRGB luma, [0, 1]) under which an area counts as flat and keeps its gain unchanged. Chosen,
like the radius, on held-out pairs of about a megapixel (docs/experiments.md)."""
STRIP_PIXELS = 400_000
"""Pixels of the full photo that are worked on at a time: the working set stays near the processor's caches."""


@dataclass(frozen=True)
class GuidedGain:
    """A gain that follows the photo's edges: ``log_gain = slope * luma(photo) + offset`` at every pixel.

    This is the fast guided filter (He and Sun, arXiv 1505.00996): slope and offset are smooth, so they are fitted on
    the small copy and enlarged bilinearly, and the full photo's own luma puts the edges back. It
    also takes the network's own grain out. Kept libraries (OpenCV's ximgproc, kornia) filter at full size only: at 12
    megapixels they would hold several float copies of the photo where this holds one strip.

    Attributes:
        coefficients: ``(h, w, 6)`` float32: slopes of red, green, blue, then offsets.
    """

    coefficients: Tensor

    @staticmethod
    def fit(flash: Tensor, log_gain: Tensor) -> "GuidedGain":
        """Fit to the small copy.

        Args:
            flash: ``(1, 3, h, w)``, sRGB in [0, 1].
            log_gain: the same shape, natural logarithm.
        """
        guide = luma(flash, dim=1)
        mean_guide, mean_gain = _box(guide), _box(log_gain)
        covariance = _box(guide * log_gain) - mean_guide * mean_gain
        variance = _box(guide * guide) - mean_guide**2
        slope = _box(covariance / (variance + EPSILON))
        offset = _box(log_gain - slope * guide)
        return GuidedGain(torch.cat([slope, offset], 1)[0].permute(1, 2, 0).contiguous().cpu())

    def apply(self, values: np.ndarray, strength: float) -> np.ndarray:
        """The relit pixels: ``(flash + 0.01) * exp(strength * log_gain)`` in linear light.

        Of the 0.01 that lets black be lit, the share ``1 - strength`` is taken away again, so that the photo changes
        continuously from strength 0 on.

        Args:
            values: ``(H, W, 1 or 3)``, uint8 or uint16, sRGB-encoded; one channel gets the mean gain of the three.
            strength: 0 (the photo) to 1 (the full effect).

        Returns:
            the same shape and type.
        """
        height, width = values.shape[:2]
        relit = np.empty_like(values)
        rows = max(1, STRIP_PIXELS // width)
        for top in range(0, height, rows):
            strip = values[top : top + rows]
            coefficients = self._enlarge(top, strip.shape[0], height, width)
            relit[top : top + rows] = _relight(strip, coefficients, strength)
        return relit

    def _enlarge(self, top: int, rows: int, height: int, width: int) -> Tensor:
        """Rows ``top`` to ``top + rows`` of the coefficients, bilinearly enlarged to ``height`` x ``width``."""
        small = self.coefficients.shape[0]
        centres = ((torch.arange(top, top + rows) + 0.5) * (small / height) - 0.5).clamp(0, small - 1)
        above = centres.floor().long()
        below = (above + 1).clamp(max=small - 1)
        strip = torch.lerp(self.coefficients[above], self.coefficients[below], (centres - above)[:, None, None])
        image = strip.permute(2, 0, 1)[None]  # channels last in memory, which interpolate keeps
        return F.interpolate(image, size=(rows, width), mode="bilinear", align_corners=False)[0].permute(1, 2, 0)


def luma(image: Tensor, dim: int) -> Tensor:
    """Weighted mean of red, green and blue along ``dim``, which is kept (ITU-R BT.601)."""
    red, green, blue = image.unbind(dim)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).unsqueeze(dim)


def _box(image: Tensor) -> Tensor:
    """Mean over a window of radius ``RADIUS``, cut off at the borders."""
    return F.avg_pool2d(image, 2 * RADIUS + 1, stride=1, padding=RADIUS, count_include_pad=False)


_LINEAR_8BIT = srgb_to_linear(torch.arange(256) / 255)


def _relight(strip: np.ndarray, coefficients: Tensor, strength: float) -> np.ndarray:
    full = float(np.iinfo(strip.dtype).max)
    image = torch.from_numpy(strip.astype(np.float32)) / full
    if strip.dtype == np.uint8:
        linear = _LINEAR_8BIT.index_select(0, torch.from_numpy(strip.reshape(-1).astype(np.int32))).reshape(strip.shape)
    else:
        linear = srgb_to_linear(image)
    guide = luma(image, dim=2) if strip.shape[-1] == 3 else image
    gain = torch.addcmul(coefficients[..., 3:], coefficients[..., :3], guide)
    if strip.shape[-1] == 1:
        gain = gain.mean(-1, keepdim=True)
    relit = (linear + GAIN_FLOOR) * gain.mul_(strength).exp_() - (1 - strength) * GAIN_FLOOR
    encoded = linear_to_srgb(relit).mul_(full).round_().clamp_(0, full)
    return encoded.numpy().astype(strip.dtype)
