"""The inner loop: a gain found on a small copy, multiplied into the pixels of a large photo.

sRGB's curve is a power but for its darkest four per cent, and a power of a product is the product of the powers. So the
encoded photo can be multiplied by the encoded gain, and no pixel needs an exponential or a root:

``relit + 0.055 = power * gain ** (1 / 2.4)`` with ``power = 1.055 * (flash_linear + floor) ** (1 / 2.4)``

``power`` depends on the pixel's value only and is looked up; the other factor is ``slope * power + offset``.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from f2a.photo import Photo

EXPONENT = 1 / 2.4
SCALE, PEDESTAL = 1.055, 0.055
DARKEST_POWER = SCALE * 0.0031308**EXPONENT
"""Of IEC 61966-2-1: below this value (pedestal included) the curve is a straight line."""

STRIP_VALUES = 200_000
"""Values of the full photo that are worked on at a time: few calls a photo, yet near the processor's caches."""


class EncodedGain(NamedTuple):
    """``gain ** (1 / 2.4) = slope * power + offset`` for every channel; for ``power`` see the module.

    Attributes:
        slope: ``(h, w, C)`` float32, of the small copy.
        offset: the same.
        floor: linear light that is added to the flash photo before the gain multiplies it.
    """

    slope: np.ndarray
    offset: np.ndarray
    floor: float

    def apply(self, photo: Photo, in_place: bool = False, threads: int | None = None) -> Photo:
        """The relit photo, its values rounded and clipped.

        Args:
            photo: whose rows the gain multiplies.
            in_place: write over the photo's own rows, which halves the memory.
            threads: that share the work; None for one a processor.
        """
        relit = photo if in_place else photo.blank_copy()
        work = _Work(self, photo, relit)
        threads = threads or min(8, os.cpu_count() or 1)
        bands = np.array_split(np.arange(len(self.slope)), min(len(self.slope), 4 * threads))
        if threads == 1:
            for band in bands:
                work.relight(band)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(work.relight, bands))
        return relit


class _Work:
    """What the threads share: the photo, its coefficients as wide as the photo, and the table of its values."""

    def __init__(self, gain: EncodedGain, photo: Photo, relit: Photo) -> None:
        height, width, channels = photo.shape
        self.photo, self.relit, self.values_a_row = photo, relit, width * channels
        self.full = np.float32(np.iinfo(photo.dtype).max)
        self.slope = _widen(gain.slope / self.full, width)
        self.offset = _widen(gain.offset, width)
        self.table = power_of(np.linspace(0, 1, int(self.full) + 1), gain.floor) * self.full
        self.pairs = _in_pairs(self.table) if photo.dtype == np.uint8 else None
        centres = ((np.arange(height) + 0.5) * (len(self.slope) / height) - 0.5).clip(0, len(self.slope) - 1)
        self.above = np.floor(centres).astype(np.intp)
        self.below_share = (centres - self.above).astype(np.float32)[:, None]

    def relight(self, band: np.ndarray) -> None:
        """Relight the photo's rows that lie at or below these rows of the small copy, and above the next ones."""
        most = max(1, STRIP_VALUES // self.values_a_row)
        buffers = np.empty((3, most, self.values_a_row), np.float32)
        for above in band:
            first, end = np.searchsorted(self.above, (above, above + 1))
            strips = max(1, -(-(end - first) // most))
            step = max(1, -(-(end - first) // strips))
            for top in range(first, end, step):
                rows = slice(top, min(end, top + step))
                values = self.photo.rows(rows.start, rows.stop)
                power, factor, spare = buffers[:, : len(values)]
                self._look_up(values, power)
                self._factor(above, rows, power, factor, spare)
                factor *= power
                self.relit.set_rows(top, self._encoded(factor).reshape(values.shape))

    def _look_up(self, values: np.ndarray, power: np.ndarray) -> None:
        codes, out = values.reshape(-1), power.reshape(-1)
        if self.pairs is None or codes.size % 2:
            self.table.take(codes, out=out, mode="clip")
        else:
            self.pairs.take(codes.view(np.uint16), out=out.view(np.complex64), mode="clip")

    def _factor(self, above: int, rows: slice, power: np.ndarray, out: np.ndarray, spare: np.ndarray) -> None:
        """``slope * power + offset``, each between two rows of the small copy."""
        share, below = self.below_share[rows], min(above + 1, len(self.slope) - 1)
        np.multiply(share, self.slope[below] - self.slope[above], out=out)
        out += self.slope[above]
        out *= power
        np.multiply(share, self.offset[below] - self.offset[above], out=spare)
        spare += self.offset[above]
        out += spare

    def _encoded(self, power: np.ndarray) -> np.ndarray:
        """Take the pedestal off, put the straight part of the curve in, round and clip."""
        dark = None
        if power.min() < DARKEST_POWER * self.full:
            dark = power < DARKEST_POWER * self.full
            light = (power[dark].clip(min=0) / (SCALE * self.full)) ** 2.4
        power -= PEDESTAL * self.full - np.float32(0.5)
        if dark is not None:
            power[dark] = 12.92 * self.full * light + 0.5
        if power.max() > self.full:
            np.clip(power, 0, self.full, out=power)
        return power.astype(self.photo.dtype)


def _widen(coefficients: np.ndarray, width: int) -> np.ndarray:
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


def power_of(flash: np.ndarray, floor: float) -> np.ndarray:
    """``1.055 * (flash_linear + floor) ** (1 / 2.4)`` of sRGB values in [0, 1], float32 of any shape."""
    linear = np.where(flash <= 0.04045, flash / 12.92, ((flash + PEDESTAL) / SCALE) ** 2.4)
    return (SCALE * (linear + floor) ** EXPONENT).astype(np.float32)


def _in_pairs(table: np.ndarray) -> np.ndarray:
    """The table of two neighbouring bytes at a time, to halve the look-ups: a complex number is a pair of floats."""
    pairs = np.empty((256, 256, 2), np.float32)
    low, high = (0, 1) if sys.byteorder == "little" else (1, 0)
    pairs[..., low], pairs[..., high] = table, table[:, None]
    return pairs.view(np.complex64).reshape(-1)
