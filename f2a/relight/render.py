"""The inner loop: a gain found on a small copy, multiplied into the pixels of a large photo.

sRGB's curve is a power but for its darkest four per cent, and a power of a product is the product of the powers. So the
encoded photo can be multiplied by the encoded gain, and no pixel needs an exponential or a root:

``relit + 0.055 = power * gain ** (1 / 2.4)`` with ``power = 1.055 * (flash_linear + floor) ** (1 / 2.4)``

``power`` depends on the pixel's value only and is looked up; the other factor is ``slope * power + offset``.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

import numpy as np
from PIL import Image

EXPONENT = 1 / 2.4
SCALE, PEDESTAL = 1.055, 0.055
DARKEST_POWER = SCALE * 0.0031308**EXPONENT
"""Of IEC 61966-2-1: below this value (pedestal included) the curve is a straight line."""

STRIP_VALUES = 200_000
"""Values of the full photo that are worked on at a time: few calls a photo, yet near the processor's caches."""


class Strips(Protocol):
    """A photo that is read and relit a few rows at a time."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def read(self, top: int, end: int) -> np.ndarray:
        """Rows ``top`` to ``end``, ``(rows, W * C)``, contiguous."""
        ...

    def write(self, top: int, relit: np.ndarray) -> None:
        """Put relit rows, of the same shape, at ``top``."""
        ...


class ArrayStrips:
    """Of ``(H, W, C)`` uint8 or uint16."""

    def __init__(self, values: np.ndarray, in_place: bool = False) -> None:
        self.shape: tuple[int, ...] = values.shape
        self.dtype = values.dtype
        self.values = np.ascontiguousarray(values)
        owned = in_place and self.values.flags.writeable
        self.relit = self.values if owned else np.empty(values.shape, values.dtype)

    def read(self, top: int, end: int) -> np.ndarray:
        return self.values[top:end].reshape(end - top, -1)

    def write(self, top: int, relit: np.ndarray) -> None:
        self.relit[top : top + len(relit)].reshape(len(relit), -1)[:] = relit


class PhotoStrips:
    """Of an RGB photo. Pillow's copies of a whole photo into arrays and back would take as long as the work itself."""

    def __init__(self, photo: Image.Image, in_place: bool = False) -> None:
        self.shape: tuple[int, ...] = (photo.height, photo.width, 3)
        self.dtype = np.dtype(np.uint8)
        self.photo, self.relit = photo, photo if in_place else Image.new("RGB", photo.size, None)

    def read(self, top: int, end: int) -> np.ndarray:
        return np.asarray(self.photo.crop((0, top, self.photo.width, end))).reshape(end - top, -1)

    def write(self, top: int, relit: np.ndarray) -> None:
        self.relit.paste(Image.fromarray(relit.reshape(len(relit), -1, 3)), (0, top))


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

    def apply(self, values: np.ndarray, threads: int | None = None, in_place: bool = False) -> np.ndarray:
        """The relit pixels.

        Args:
            values: ``(H, W, C)``, uint8 or uint16, sRGB-encoded.
            threads: that share the work; None for one a processor.
            in_place: write them over ``values`` where those can be written to.

        Returns:
            the same shape and type, rounded and clipped.
        """
        strips = ArrayStrips(values, in_place)
        self._relight(strips, threads)
        return strips.relit

    def apply_to_photo(self, photo: Image.Image, in_place: bool = False) -> Image.Image:
        """The same for an 8-bit RGB photo."""
        strips = PhotoStrips(photo, in_place)
        self._relight(strips)
        return strips.relit

    def _relight(self, strips: Strips, threads: int | None = None) -> None:
        work = _Work(self, strips)
        threads = threads or min(8, os.cpu_count() or 1)
        bands = np.array_split(np.arange(len(self.slope)), min(len(self.slope), 4 * threads))
        if threads == 1:
            for band in bands:
                work.relight(band)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(work.relight, bands))


class _Work:
    """What the threads share: the photo, its coefficients as wide as the photo, and the table of its values."""

    def __init__(self, gain: EncodedGain, strips: Strips) -> None:
        height, width, channels = strips.shape
        self.strips, self.values_a_row = strips, width * channels
        self.full = np.float32(np.iinfo(strips.dtype).max)
        self.slope = _widen(gain.slope / self.full, width)
        self.offset = _widen(gain.offset, width)
        self.table = power_of(np.linspace(0, 1, int(self.full) + 1), gain.floor) * self.full
        self.pairs = _in_pairs(self.table) if strips.dtype == np.uint8 else None
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
                values = self.strips.read(rows.start, rows.stop)
                power, factor, spare = buffers[:, : len(values)]
                self._look_up(values, power)
                self._factor(above, rows, power, factor, spare)
                factor *= power
                self.strips.write(top, self._encoded(factor))

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
        return power.astype(self.strips.dtype)


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
