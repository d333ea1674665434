"""The inner loop: a gain found on a small copy, multiplied into the pixels of a large photo.

sRGB's curve is a power but for its darkest four per cent, and a power of a product is the product of the powers. So the
encoded photo can be multiplied by the encoded gain, and no pixel needs an exponential or a root:

``relit + 0.055 = power * gain ** (1 / 2.4)`` with ``power = 1.055 * flash_linear ** (1 / 2.4)``

``power`` depends on the pixel's value only and is looked up; the other factor is ``(slope * luma + offset) * color``,
where ``luma`` is the mean of the three channels' powers, by luminance.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch

from f2a import color
from f2a.color import CEILING, EXPONENT, OFFSET, SHOULDER, SPARED
from f2a.photo import Photo

SCALE = 1.055
DARKEST_POWER = SCALE * 0.0031308**EXPONENT
"""Of IEC 61966-2-1: below this value (offset included) the curve is a straight line."""
LUMINANCE = np.array(color.LUMINANCE, np.float32)

STRIP_VALUES = 200_000
"""Values of the full photo that are worked on at a time: few calls a photo, yet near the processor's caches."""


class LocalLinearGain(NamedTuple):
    """``gain ** (1 / 2.4) = (slope * luma + offset) * color`` at every pixel; for ``luma`` see the module.

    Attributes:
        slope: ``(h, w)`` float32, of the small copy.
        offset: the same.
        color: ``(h, w, 3)`` float32, or None for a grey photo.
    """

    slope: np.ndarray
    offset: np.ndarray
    color: np.ndarray | None = None

    def apply(self, photo: Photo, in_place: bool = False, threads: int | None = None) -> Photo:
        """The relit photo, its values as :func:`f2a.color.relight` computes them, to a level.

        Args:
            photo: whose rows the gain multiplies; grey where ``color`` is None.
            in_place: write over the photo's own rows, which halves the memory.
            threads: that share the work; None for one per processor.
        """
        relit = photo if in_place else photo.blank_copy()
        renderer = Renderer(self, photo, relit)
        threads = threads or min(8, os.cpu_count() or 1)
        parts = np.array_split(np.arange(len(self.slope)), min(len(self.slope), 4 * threads))
        if threads == 1:
            for part in parts:
                renderer.relight(part)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(renderer.relight, parts))
        return relit


class Renderer:
    """What the threads share: the photo, its coefficients as wide as the photo, and the table of its values.

    Light is counted in the photo's own steps: 255 or 65535 is white.
    """

    def __init__(self, gain: LocalLinearGain, photo: Photo, relit: Photo) -> None:
        height, width, self.channels = photo.shape
        self.photo, self.relit, self.width = photo, relit, width
        self.full = np.float32(np.iinfo(photo.dtype).max)
        self.slope = upsample_columns(gain.slope[..., None] / self.full, width)
        self.offset = upsample_columns(gain.offset[..., None], width)
        self.color = None if gain.color is None else upsample_columns(gain.color, width)
        light = photo.colors.light(int(self.full) + 1)
        self.tables = (SCALE * light**EXPONENT * self.full).astype(np.float32)
        self.codes = None if photo.colors.has_srgb_curve else [_inverse(table, self.full) for table in self.tables]
        centres = ((np.arange(height) + 0.5) * (len(self.slope) / height) - 0.5).clip(0, len(self.slope) - 1)
        self.above = np.floor(centres).astype(np.intp)
        self.below_share = (centres - self.above).astype(np.float32)[:, None]

    def relight(self, part: np.ndarray) -> None:
        """Relight the photo's rows that lie at or below these rows of the small copy, and above the next ones."""
        values_per_row = self.width * self.channels
        max_rows = max(1, STRIP_VALUES // values_per_row)
        buffers = np.empty((2, max_rows, values_per_row), np.float32)
        for above in part:
            first, end = np.searchsorted(self.above, (above, above + 1))
            strips = max(1, -(-(end - first) // max_rows))
            step = max(1, -(-(end - first) // strips))
            for top in range(first, end, step):
                rows = slice(top, min(end, top + step))
                values = self.photo.rows(rows.start, rows.stop)
                power, relit = buffers[:, : len(values)]
                self._look_up(values.reshape(power.shape), power)
                self._multiply(above, rows, power, relit)
                self._protect_highlights(power, relit)
                self.relit.set_rows(top, self._encoded(relit).reshape(values.shape))

    def _look_up(self, levels: np.ndarray, out: np.ndarray) -> None:
        """Their powers, ``(rows, W * C)``."""
        if len(self.tables) == 1:
            self.tables[0].take(levels, out=out, mode="clip")
        else:
            for n, table in enumerate(self.tables):
                out[:, n :: self.channels] = table.take(levels[:, n :: self.channels])

    def _multiply(self, above: int, rows: slice, power: np.ndarray, out: np.ndarray) -> None:
        """``power * (slope * luma + offset) * color``, the coefficients between two rows of the small copy."""
        pixels = power.reshape(len(power), self.width, self.channels)
        luma = pixels @ LUMINANCE if self.channels == 3 else pixels[..., 0]
        gain = self._between(self.slope, above, rows)
        gain *= luma
        gain += self._between(self.offset, above, rows)
        np.maximum(gain, 0, out=gain)
        np.multiply(pixels, gain[..., None], out=out.reshape(pixels.shape))
        if self.color is not None:
            out *= self._between(self.color, above, rows)

    def _between(self, coefficients: np.ndarray, above: int, rows: slice) -> np.ndarray:
        first, second = coefficients[above], coefficients[min(above + 1, len(coefficients) - 1)]
        between: np.ndarray = self.below_share[rows] * (second - first)
        between += first
        return between

    def _protect_highlights(self, power: np.ndarray, relit: np.ndarray) -> None:
        """Spare what the flash burnt and roll highlights off, as :func:`f2a.color.relight` does."""
        shoulder, ceiling, offset, spared_from, spared = (
            v * self.full for v in (SHOULDER + OFFSET, CEILING + OFFSET, OFFSET, SPARED[0] + OFFSET, SPARED[1] + OFFSET)
        )
        pixels, flash = (values.reshape(-1, self.channels) for values in (relit, power))
        bright = _extreme(np.maximum, pixels) > shoulder
        if flash.max() > spared_from:
            bright |= _extreme(np.minimum, flash) > spared_from
        (found,) = bright.nonzero()
        if not len(found):
            return
        flash, lit = flash[found], pixels[found]
        burnt = ((_extreme(np.minimum, flash) - spared_from) / (spared - spared_from)).clip(0, 1)
        share = (burnt**2 * (3 - 2 * burnt)).astype(np.float32)[:, None]
        lit += share * (flash - lit).clip(min=0)
        brightest = _extreme(np.maximum, lit)
        start = _extreme(np.maximum, flash).clip(min=shoulder)
        room, excess = (ceiling - start).clip(min=0), (brightest - start).clip(min=0)
        rolled = start + excess * room / (excess + room).clip(min=1e-6 * self.full)
        lit *= np.where(excess > 0, rolled / brightest.clip(min=offset), 1)[:, None]
        pixels[found] = lit

    def _encoded(self, power: np.ndarray) -> np.ndarray:
        """By sRGB's curve, take the offset off, put the straight part in, round and clip; by another, look it up."""
        if self.codes is not None:
            cells = (power * (CELLS / (SCALE * self.full))).clip(0, CELLS - 1).astype(np.int32)
            if len(self.codes) == 1:
                return self.codes[0].take(cells)
            return np.stack([codes.take(cells[:, n :: len(self.codes)]) for n, codes in enumerate(self.codes)], -1)
        dark = None
        if power.min() < DARKEST_POWER * self.full:
            dark = power < DARKEST_POWER * self.full
            light = (power[dark].clip(min=0) / (SCALE * self.full)) ** 2.4
        power -= OFFSET * self.full - np.float32(0.5)
        if dark is not None:
            power[dark] = 12.92 * self.full * light + 0.5
        if power.max() > self.full:
            np.clip(power, 0, self.full, out=power)
        return power.astype(self.photo.dtype)


CELLS = 1 << 19
"""Of the table that leads from a power back to a level: in the flattest curve in use, linear light at 16 bits, three of
them lie between two levels, so each level leads back to itself."""


def _inverse(table: np.ndarray, full: np.floating) -> np.ndarray:
    """The level nearest to each of :data:`CELLS` powers from 0 to 1.055 times ``full``, at the depth of ``full``."""
    powers = (np.arange(CELLS) + 0.5) * (SCALE * full / CELLS)
    levels: np.ndarray = np.interp(powers, table, np.arange(len(table))).round()
    return levels.astype(np.uint8 if full == 255 else np.uint16)


def _extreme(choose: np.ufunc, pixels: np.ndarray) -> np.ndarray:
    """Each pixel's darkest or brightest channel, ``(n, C)`` to ``(n,)``; numpy's reduction takes ten times as long."""
    result: np.ndarray = pixels[:, 0]
    for channel in range(1, pixels.shape[1]):
        result = choose(result, pixels[:, channel])
    return result


def upsample_columns(coefficients: np.ndarray, width: int) -> np.ndarray:
    """``(h, w, C)`` bilinearly enlarged to ``(h, width * C)``."""
    height, small, channels = coefficients.shape
    centres = ((np.arange(width) + 0.5) * (small / width) - 0.5).clip(0, small - 1)
    left = np.floor(centres).astype(np.intp)
    share = np.repeat((centres - left).astype(np.float32), channels)
    wide: np.ndarray = coefficients.take(left, axis=1).reshape(height, -1)
    step = coefficients.take(np.minimum(left + 1, small - 1), axis=1).reshape(height, -1)
    step -= wide
    step *= share
    wide += step
    return wide


def encode_power(flash: np.ndarray) -> np.ndarray:
    """``1.055 * flash_linear ** (1 / 2.4)`` of sRGB values in [0, 1], float32 of any shape."""
    linear = color.srgb_to_linear(torch.from_numpy(flash)).numpy()
    return (SCALE * linear**EXPONENT).astype(np.float32)
