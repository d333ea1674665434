"""HDR photos (ITU-R BT.2100) converted to standard range in their own primaries; BT.2408's reference white is white."""

import numpy as np
import torch

from f2a.color import linear_to_srgb, srgb_to_linear
from f2a.photo.chromaticity import rgb_to_xyz
from f2a.photo.color_space import PQ, HdrProfile
from f2a.photo.icc import srgb_encoded
from f2a.photo.photo import Photo

REFERENCE_WHITE = 203.0
"""Luminance of HDR's reference white, in candela per square metre (BT.2408, table 1)."""
PQ_PEAK, HLG_PEAK = 10_000.0, 1_000.0
HLG_GAMMA = 1.2
"""HLG's system gamma for a display whose peak is :data:`HLG_PEAK`."""
KNEE = 0.9
"""sRGB value at which the roll-off of highlights above white begins."""
ROWS = 256
"""Number of rows that are converted at once."""

NOTE = "is an HDR photo (PQ or HLG) and comes back in standard range, its highlights rolled off"


def standard_range(photo: Photo, notes: list[str]) -> Photo:
    """An HDR photo with sRGB's curve and a profile that says so; any other photo unchanged.

    Light up to :data:`KNEE` is kept; light above it is rolled off so that the brightest in the photo becomes white. A
    photo without light above the reference white keeps all of its light.
    """
    colors = photo.colors
    if not isinstance(colors, HdrProfile):
        return photo
    notes.append(NOTE)
    top = np.iinfo(photo.dtype).max
    table = _light_of_levels(np.linspace(0, 1, top + 1), colors.space.transfer == PQ)
    weights = rgb_to_xyz(colors.space.primaries)[1] if photo.shape[2] == 3 else np.ones(1)
    peak = max(float(table[photo.rows(at, at + ROWS)].max()) for at in range(0, photo.shape[0], ROWS))
    if colors.space.transfer != PQ:
        peak = _displayed(np.full((1, 1, 1), peak), np.ones(1)).item()
    result = photo.blank_copy()
    result.colors = colors.standard
    for at in range(0, photo.shape[0], ROWS):
        light = table[photo.rows(at, at + ROWS)]
        if colors.space.transfer != PQ:
            light = _displayed(light, weights)
        codes = srgb_encoded(_rolled_off(light, peak)) * top
        result.set_rows(at, codes.round().astype(photo.dtype))
    return result


def _light_of_levels(signal: np.ndarray, is_pq: bool) -> np.ndarray:
    """For PQ, light relative to the reference white; for HLG, scene light in [0, 1] (BT.2100, tables 4 and 5)."""
    if is_pq:
        power = signal ** (32 / 2523)
        c1, c2, c3 = 107 / 128, 2413 / 128, 2392 / 128
        pq: np.ndarray = ((power - c1).clip(0) / (c2 - c3 * power)) ** (8192 / 1305) * PQ_PEAK / REFERENCE_WHITE
        return pq
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)


def _displayed(scene: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """HLG's scene light ``(H, W, C)`` as a display shows it, relative to the reference white."""
    luminance = scene @ weights
    shown: np.ndarray = scene * luminance[..., None] ** (HLG_GAMMA - 1) * HLG_PEAK / REFERENCE_WHITE
    return shown


def _rolled_off(light: np.ndarray, peak: float) -> np.ndarray:
    """Light ``(H, W, C)``, all channels scaled by one factor, so that hues are kept and ``peak`` becomes 1."""
    brightest = torch.from_numpy(light.max(-1, keepdims=True))
    encoded = linear_to_srgb(brightest)
    highest = float(linear_to_srgb(torch.tensor(max(peak, 1.0))))
    excess = (encoded - KNEE).clamp(min=0)
    rolled = KNEE + excess / (1 + excess * (1 / (1 - KNEE) - 1 / (highest - KNEE)))
    factor = torch.where(excess > 0, srgb_to_linear(rolled) / brightest, 1.0)
    dimmed: np.ndarray = light * factor.numpy()
    return dimmed
