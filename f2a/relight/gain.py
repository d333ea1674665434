"""A log-gain found on a small copy of a photo: changed by the controls, then fitted to the photo's edges."""

import math

import numpy as np
import torch
from torch import Tensor

from f2a.color import GAIN_FLOOR, linear_to_srgb, srgb_to_linear
from f2a.relight.controls import Controls
from f2a.relight.render import EXPONENT, EncodedGain, power_of

LUMA = (0.299, 0.587, 0.114)
RADIUS = 0.058
"""Of the window in which slope and offset are fitted, as a part of the small copy's side (the root of its area): 16
pixels of 320x240."""
EPSILON = 1e-3
"""Variance of the guide (a channel of the photo, sRGB in [0, 1]) under which an area counts as flat and keeps its gain
unchanged. Chosen, like the radius, on held-out pairs of about a megapixel (docs/experiments.md)."""
SHADOW_STOPS = 2.0
"""By which ``shadows`` at 1 lightens black."""
WARMTH_PER_MIRED = (0.0033, -0.0004, -0.0064)
"""Log-gain of red, green and blue for each mired of warmth: the slope of a black body's linear sRGB at 6500 K, its
luminance held (locus of Kim et al., US patent 7024034; nearly straight in mireds, which is what the unit is for)."""


def fit_gain(flash: Tensor, log_gain: Tensor, strength: float = 1.0) -> EncodedGain:
    """A gain that follows the photo's edges: at every pixel and channel ``slope * power + offset``.

    This is the fast guided filter (He and Sun, arXiv 1505.00996), each channel guided by itself: slope and offset are
    smooth, so they are fitted on the small copy and enlarged bilinearly, and the full photo puts the edges back. It
    also takes the network's own grain out. Kept libraries (OpenCV's ximgproc, kornia) filter at full size only: at 12
    megapixels they would hold several float copies of the photo where this holds one strip.

    Args:
        flash: ``(1, C, h, w)``, sRGB in [0, 1].
        log_gain: the same shape, natural logarithm, after :func:`controlled`.
        strength: of the effect; that share of the 0.01 that lets black be lit is added before the gain multiplies.
    """
    floor = strength * GAIN_FLOOR
    guide, gain = power_of(flash[0].numpy(), floor), np.exp(EXPONENT * log_gain[0].numpy())
    radius = max(1, round(RADIUS * math.sqrt(guide[0].size)))
    moments = np.stack([guide, gain, guide * gain, guide**2])
    mean_guide, mean_gain, mean_product, mean_square = _box(moments, radius)
    slope = (mean_product - mean_guide * mean_gain) / (mean_square - mean_guide**2 + EPSILON)
    slope, offset = np.moveaxis(_box(np.stack([slope, mean_gain - slope * mean_guide]), radius), 1, -1)
    return EncodedGain(np.ascontiguousarray(slope), np.ascontiguousarray(offset), floor)


def controlled(flash: Tensor, log_gain: Tensor, controls: Controls) -> Tensor:
    """The log-gain as the controls want it; see :class:`f2a.relight.controls.Controls` for the formula.

    Args:
        flash: ``(1, 3, h, w)``, sRGB in [0, 1].
        log_gain: the same shape, natural logarithm.
    """
    lit = srgb_to_linear(flash) + GAIN_FLOOR
    if controls.keep_colors:
        log_gain = (_luminance(lit * log_gain.exp()) / _luminance(lit)).log().expand_as(flash)
    wanted = controls.strength * log_gain
    if controls.shadows:
        relit = linear_to_srgb((lit - (1 - controls.strength) * GAIN_FLOOR) * wanted.exp())
        below_mid_grey = (1 - 2 * luma(relit, dim=1)).clamp(min=0)
        wanted = wanted + controls.shadows * SHADOW_STOPS * math.log(2) * below_mid_grey**2
    warmth = controls.warmth * torch.tensor(WARMTH_PER_MIRED).reshape(1, 3, 1, 1)
    return wanted + controls.exposure * math.log(2) + warmth


def _luminance(linear: Tensor) -> Tensor:
    """Of linear sRGB, ``(1, 3, h, w)`` to ``(1, 1, h, w)`` (IEC 61966-2-1)."""
    return (linear * torch.tensor((0.2126, 0.7152, 0.0722)).reshape(1, 3, 1, 1)).sum(1, keepdim=True)


def luma(image: Tensor, dim: int) -> Tensor:
    """Weighted mean of red, green and blue along ``dim``, which is kept (ITU-R BT.601)."""
    red, green, blue = image.unbind(dim)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).unsqueeze(dim)


def _box(images: np.ndarray, radius: int) -> np.ndarray:
    """Mean over a window of so many pixels to each side, cut off at the borders; along the last two axes."""
    for axis in (-1, -2):
        length = images.shape[axis]
        count = _window_sum(np.ones(length, np.float32), radius, 0)
        images = _window_sum(images, radius, axis) / (count if axis == -1 else count[:, None])
    return images


def _window_sum(values: np.ndarray, radius: int, axis: int) -> np.ndarray:
    around = [(0, 0)] * values.ndim
    around[axis] = (radius + 1, radius)
    sums = np.moveaxis(np.pad(values, around).cumsum(axis), axis, 0)
    return np.moveaxis(sums[2 * radius + 1 :] - sums[: -2 * radius - 1], 0, axis)
