"""A log-gain found on a small copy of a photo: changed by the controls, then fitted to the photo's edges."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from f2a.color import EXPONENT, LUMA, luminance, normalize_exposure, relight, srgb_to_linear
from f2a.relight.controls import Controls
from f2a.relight.render import LUMINANCE, LocalLinearGain, encode_power

RADIUS, SMOOTHING_RADIUS = 2, 1
"""Of the window in which slope and offset are fitted, and of that over which they are averaged, in pixels of the small
copy. Wide ones would smooth away the step of the gain at a shadow's edge; a second one that is no narrower than the
first would mix in what was fitted on one side of an edge alone."""
EPSILON = 1e-4
"""Variance of the guide (the photo's luma, sRGB in [0, 1]) under which an area counts as flat and keeps its gain
unchanged. Chosen, like the radius, on held-out pairs of about a megapixel (docs/experiments.md, sections 11 and 15)."""
COLOR_CELL = 16
"""Side in pixels of the small copy of the cells over which the gain's colour is averaged."""
SHADOW_STOPS = 2.0
"""By which ``shadows`` at 1 lightens black."""
CONTRAST_POWER = 0.5
"""That ``contrast`` at 1 adds to the exponent of the light."""
MID_GREY, DEEPEST = 0.18, 1e-3
"""Linear light that contrast leaves where it is, but for the brightness that is held; and that below which it counts as
this, so that black stays finite."""
WARMTH_PER_MIRED = (0.0033, -0.0004, -0.0064)
"""Log-gain of red, green and blue for each mired of warmth: the slope of a black body's linear sRGB at 6500 K, its
luminance held (locus of Kim et al., US patent 7024034; nearly straight in mireds, which is what the unit is for)."""


def fit_gain(flash: Tensor, log_gain: Tensor) -> LocalLinearGain:
    """A gain of which the luminance follows the photo's edges, and the colour is smooth.

    The luminance part becomes ``slope * luma + offset`` by the fast guided filter (He and Sun, arXiv 1505.00996), with
    the photo's own luma as its guide: slope and offset are smooth, so they are fitted on the small copy and enlarged
    bilinearly, and the full photo puts the edges back. Kept libraries (OpenCV's ximgproc, kornia's subsampled
    ``guided_blur``) hold several float copies of the full photo, where this holds one strip.

    Args:
        flash: ``(1, C, h, w)``, sRGB in [0, 1]; C is 3, or 1 of a grey photo.
        log_gain: the same shape, natural logarithm, after :func:`apply_controls`.
    """
    gain = luminance(log_gain) if log_gain.shape[1] == 3 else log_gain
    guide, change = mean_power(encode_power(flash[0].numpy())), np.expm1(EXPONENT * gain[0, 0].numpy())
    moments = np.stack([guide, change, guide * change, guide**2])
    mean_guide, mean_change, mean_product, mean_square = _box(moments, RADIUS)
    slope = (mean_product - mean_guide * mean_change) / (mean_square - mean_guide**2 + EPSILON)
    slope, offset = _box(np.stack([slope, mean_change - slope * mean_guide]), SMOOTHING_RADIUS)
    color = _smooth(log_gain - gain)[0].permute(1, 2, 0) if log_gain.shape[1] == 3 else None
    return LocalLinearGain(slope, 1 + offset, None if color is None else np.exp(EXPONENT * color.numpy()))


def mean_power(power: np.ndarray) -> np.ndarray:
    """The guide: ``(C, h, w)`` of :func:`f2a.relight.render.encode_power` to ``(h, w)``, channels by luminance."""
    return power[0] if len(power) == 1 else np.tensordot(LUMINANCE, power, 1)


def _smooth(color: Tensor) -> Tensor:
    """``(1, 3, h, w)`` averaged over cells and enlarged again."""
    size = color.shape[-2:]
    cells = F.adaptive_avg_pool2d(color, (-(-size[0] // COLOR_CELL), -(-size[1] // COLOR_CELL)))
    return F.interpolate(cells, size=size, mode="bilinear", align_corners=False)


def apply_controls(flash: Tensor, log_gain: Tensor, controls: Controls) -> Tensor:
    """The log-gain as the controls want it; see :class:`f2a.relight.controls.Controls` for the formula.

    Args:
        flash: ``(1, 3, h, w)``, sRGB in [0, 1].
        log_gain: the same shape, natural logarithm.
    """
    if controls.keep_colors:
        linear = srgb_to_linear(flash).clamp(min=1e-4)
        log_gain = (luminance(linear * log_gain.exp()) / luminance(linear)).log().expand_as(flash)
    gain = log_gain
    if controls.strength != 1:  # at 1 the brightness is that of the gain as it is
        before, after = flash.mean((1, 2, 3)), relight(flash, log_gain).mean((1, 2, 3))
        gain = normalize_exposure(flash, controls.strength * gain, before.lerp(after, min(1.0, controls.strength)))
    brightness = luminance(gain)
    gain = gain + controls.background * brightness.clamp(min=0) - controls.highlights * brightness.clamp(max=0)
    if controls.shadows:
        below_mid_grey = (1 - 2 * luminance(relight(flash, gain), LUMA)).clamp(min=0)
        gain = gain + controls.shadows * SHADOW_STOPS * math.log(2) * below_mid_grey**2
    if controls.contrast:
        relit = relight(flash, gain)
        tone = (luminance(srgb_to_linear(relit)).clamp(min=DEEPEST) / MID_GREY).log()
        gain = gain + controls.contrast * CONTRAST_POWER * tone
        gain = normalize_exposure(flash, gain, relit.mean((1, 2, 3)))
    warmth = controls.warmth * torch.tensor(WARMTH_PER_MIRED).reshape(1, 3, 1, 1)
    return gain + controls.exposure * math.log(2) + warmth


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
