"""Adjusts a log-gain found on a small copy of a photo by the controls, then fits it to the photo's edges."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from f2a.color import (
    DEEPEST,
    EXPONENT,
    FINE_SIGMA,
    LUMA,
    exposure_gain,
    gaussian_blur,
    luminance,
    normalize_exposure,
    relight,
    srgb_to_linear,
)
from f2a.relight.controls import Controls
from f2a.relight.render import SCALE, LocalLinearGain

RADIUS, SMOOTHING_RADIUS = 2, 1
"""Radii, in pixels of the small copy, of the window in which slope and offset are fitted and of the window over which
they are averaged. Wide windows would smooth away the step of the gain at a shadow's edge. The second must be narrower
than the first, or it would mix in values fitted on one side of an edge only."""
EPSILON = 1e-4
"""Variance of the guide (the photo's luma, sRGB in [0, 1]) below which an area counts as flat and keeps its gain
unchanged. Chosen, like the radius, on held-out pairs of about a megapixel (docs/experiments.md, sections 11 and 15)."""
COLOR_CELL = 16
"""Side, in pixels of the small copy, of the cells over which the gain's colour is averaged."""
SHADOW_STOPS = 2.0
"""Stops by which ``shadows`` at 1 lightens black."""
CONTRAST_POWER = 0.5
"""Amount that ``contrast`` at 1 adds to the exponent of the light."""
MID_GREY = 0.18
"""Linear light that contrast leaves unchanged before the mean brightness is restored."""
WARMTH_PER_MIRED = (0.0033, -0.0004, -0.0064)
"""Log-gain of red, green and blue per mired of warmth: the slope of a black body's linear sRGB at 6500 K at constant
luminance (locus of Kim et al., US patent 7024034; nearly straight in mireds, which is why the unit exists)."""


def fit_gain(flash: Tensor, log_gain: Tensor) -> LocalLinearGain:
    """A gain whose luminance follows the photo's edges and whose colour is smooth.

    The fast guided filter (He and Sun, arXiv 1505.00996) expresses the luminance part as ``slope * luma + offset``,
    guided by the photo's own luma. Slope and offset are smooth, so they are fitted on the small copy and enlarged
    bilinearly; the full photo's luma restores the edges. Library implementations (OpenCV's ximgproc, kornia's
    subsampled ``guided_blur``) need several float copies of the full photo; this needs one strip.

    Args:
        flash: ``(1, C, h, w)``, sRGB in [0, 1]; C is 3, or 1 for a grey photo.
        log_gain: the same shape, natural logarithm, after :func:`apply_controls`.
    """
    power, gain = SCALE * srgb_to_linear(flash) ** EXPONENT, log_gain
    color = None
    if log_gain.shape[1] == 3:
        power, gain = luminance(power), luminance(log_gain)
        color = torch.exp(EXPONENT * _smooth(log_gain - gain))[0].permute(1, 2, 0).numpy()
    change = torch.expm1(EXPONENT * gain)
    moments = torch.cat([power, change, power * change, power**2])
    mean_power, mean_change, mean_product, mean_square = _box(moments, RADIUS)
    slope = (mean_product - mean_power * mean_change) / (mean_square - mean_power**2 + EPSILON)
    slope, offset = _box(torch.stack([slope, mean_change - slope * mean_power]), SMOOTHING_RADIUS)
    return LocalLinearGain(slope[0].numpy(), 1 + offset[0].numpy(), color)


def _smooth(color: Tensor) -> Tensor:
    """``(1, 3, h, w)`` averaged over cells and enlarged again."""
    size = color.shape[-2:]
    cells = F.adaptive_avg_pool2d(color, (-(-size[0] // COLOR_CELL), -(-size[1] // COLOR_CELL)))
    return F.interpolate(cells, size=size, mode="bilinear", align_corners=False)


def apply_controls(flash: Tensor, log_gain: Tensor, controls: Controls) -> Tensor:
    """The log-gain with the controls applied; see :class:`f2a.relight.controls.Controls` for the formula.

    Args:
        flash: ``(1, 3, h, w)``, sRGB in [0, 1].
        log_gain: the same shape, natural logarithm.
    """
    if controls.keep_colors:
        linear = srgb_to_linear(flash).clamp(min=1e-4)
        log_gain = (luminance(linear * log_gain.exp()) / luminance(linear)).log().expand_as(flash)
    gain = log_gain
    if controls.strength != 1:  # at 1 the gain has the right brightness already
        before, after = flash.mean((1, 2, 3)), relight(flash, log_gain).mean((1, 2, 3))
        gain = normalize_exposure(flash, controls.strength * gain, before.lerp(after, min(1.0, controls.strength)))
    if controls.background or controls.highlights:
        overall = math.log(exposure_gain(flash, float(relight(flash, gain).mean())))
        uneven = luminance(gain) - overall
        broad = gaussian_blur(uneven, FINE_SIGMA)  # adding more at an edge would draw a halo along it
        lifted = (broad if controls.background > 0 else uneven).clamp(min=0)
        lowered = (broad if controls.highlights < 0 else uneven).clamp(max=0)
        gain = gain + controls.background * lifted - controls.highlights * lowered
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


def _box(images: Tensor, radius: int) -> Tensor:
    """Mean over a window of ``radius`` pixels to each side, cut off at the borders."""
    return F.avg_pool2d(images, 2 * radius + 1, 1, radius, count_include_pad=False)
