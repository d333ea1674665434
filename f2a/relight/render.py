"""The inner loop, which multiplies the pixels of a large photo by a gain found on a small copy.

sRGB's curve is a power except in its darkest four per cent, and a power of a product is the product of the powers. So
the encoded photo can be multiplied by the encoded gain, and no pixel needs an exponential or a root:

``relit + 0.055 = power * gain ** (1 / 2.4)`` with ``power = 1.055 * flash_linear ** (1 / 2.4)``

``power`` depends only on the pixel's value and is looked up; the other factor is ``(slope * luma + offset) * color``,
where ``luma`` is the mean of the three channels' powers with the weights of luminance.
"""

import operator
import os
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from f2a import color
from f2a.color import CEILING, EXPONENT, FADE_OUT, OFFSET, SHOULDER
from f2a.photo import Photo

SCALE = 1.055
"""Factor of the power in the curve of IEC 61966-2-1."""
DARKEST_POWER = SCALE * 0.0031308**EXPONENT
"""Value (offset included) below which the curve of IEC 61966-2-1 is a straight line."""
LUMINANCE = np.array(color.LUMINANCE, np.float32)
"""Weights of red, green and blue in ``luma``."""

STRIP_PIXELS = 400_000
"""Number of pixels of the full photo that a thread processes at a time. With fewer, threads wait for each other more
often, since each needs Python's global lock between calls; with more, the data leave the processor's caches."""


class Window(NamedTuple):
    """A part of a photo.

    Attributes:
        box: left, top, right and bottom, in pixels.
        size: width and height of the whole photo.
    """

    box: tuple[int, int, int, int]
    size: tuple[int, int]


class LocalLinearGain(NamedTuple):
    """``gain ** (1 / 2.4) = (slope * luma + offset) * color`` at every pixel; the module defines ``luma``.

    Attributes:
        slope: ``(h, w)`` float32, the size of the small copy.
        offset: the same shape.
        color: ``(h, w, 3)`` float32, or None for a grey photo.
    """

    slope: np.ndarray
    offset: np.ndarray
    color: np.ndarray | None = None

    def apply(self, photo: Photo, in_place: bool = False, window: Window | None = None) -> Photo:
        """The relit photo; its values agree with :func:`f2a.color.relight` to within a level.

        Args:
            photo: the photo whose pixels are multiplied; grey if ``color`` is None.
            in_place: overwrite the photo's own rows, which halves the memory.
            window: where ``photo`` lies in the whole photo, if it is a part: its pixels are the same as in the whole.
        """
        relit = photo if in_place else photo.blank_copy()
        renderer = Renderer(self, photo, relit, window or Window((0, 0, *photo.size), photo.size))
        height, width = photo.shape[:2]
        strips = np.array_split(np.arange(height), -(-height // max(1, STRIP_PIXELS // width)))
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            list(pool.map(renderer.relight, strips))
        return relit


class Renderer:
    """Data shared by the threads: the photo, the gain's coefficients, and lookup tables.

    Light is counted in the photo's own steps: 255 or 65535 is white. Colours are stored in planes, ``(C, rows, W)``, on
    which NumPy's loops are several times as fast as on interleaved pixels.
    """

    def __init__(self, gain: LocalLinearGain, photo: Photo, relit: Photo, window: Window) -> None:
        (left, top, right, bottom), (width, height) = window
        self.channels = photo.shape[2]
        self.photo, self.relit = photo, relit
        self.full = np.float32(np.iinfo(photo.dtype).max)
        tables = [*(SCALE * photo.colors.light(int(self.full) + 1) ** EXPONENT * self.full).astype(np.float32)]
        codes = [] if photo.colors.has_srgb_curve else [_inverse(table, self.full) for table in tables]
        self.tables, self.codes = (each * (self.channels // len(tables)) for each in (tables, codes))
        color = np.ones((*gain.slope.shape, 1), np.float32) if gain.color is None else gain.color
        small = np.concatenate([[gain.slope / self.full, gain.offset], color.transpose(2, 0, 1)])
        above, below = (places[top:bottom] for places in bilinear_places(height, len(color)))
        self.above, self.shares = above - above[0], np.stack([1 - below, below], -1)
        # the small copy's rows widened to the photo's width, with one row repeated below the last
        small = np.pad(small, ((0, 0), (0, 1), (0, 0)), "edge")[:, above[0] : above[-1] + 2]
        wide = F.interpolate(torch.from_numpy(small)[None], (small.shape[1], width), mode="bilinear")
        self.coefficients = wide[0, ..., left:right].numpy()

    def relight(self, rows: np.ndarray) -> None:
        """Relight these consecutive rows of the photo."""
        power = self._power(self.photo.rows(rows[0], rows[-1] + 1))
        relit = self._apply_gain(power, self._coefficients_at(rows))
        for protect in (self._spare_burnt, self._roll_off):
            protect(power.reshape(self.channels, -1), relit.reshape(self.channels, -1))
        self.relit.set_rows(rows[0], self._encode(relit).transpose(1, 2, 0))

    def _coefficients_at(self, rows: np.ndarray) -> np.ndarray:
        """Slope, offset and colour at these rows, ``(2 + C, rows, W)``."""
        above = self.above[rows]
        result = np.empty((2 + self.channels, len(rows), self.coefficients.shape[2]), np.float32)
        for row in range(above[0], above[-1] + 1):
            below = slice(*np.searchsorted(above, (row, row + 1)))
            np.matmul(self.shares[rows[below]], self.coefficients[:, row : row + 2], out=result[:, below])
        return result

    def _power(self, levels: np.ndarray) -> np.ndarray:
        """Powers of ``(rows, W, C)`` levels, in planes ``(C, rows, W)``."""
        power = np.empty((self.channels, *levels.shape[:2]), np.float32)
        for table, plane, out in zip(self.tables, levels.transpose(2, 0, 1), power, strict=True):
            table.take(plane, out=out, mode="wrap")  # faster than "raise"; all levels are in the table
        return power

    def _apply_gain(self, power: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """``power * (slope * luma + offset) * color``, written over the coefficients ``(2 + C, rows, W)``."""
        gain, offset, relit = coefficients[0], coefficients[1], coefficients[2:]
        gain *= np.einsum("c,crw->rw", LUMINANCE, power) if self.channels == 3 else power[0]
        gain += offset
        relit *= gain
        relit *= power
        return relit

    def _spare_burnt(self, flash: np.ndarray, relit: np.ndarray) -> None:
        """Fade darkening out where the flash photo is burnt, as :func:`f2a.color.relight` does; both ``(C, n)``."""
        start, end = ((value + OFFSET) * self.full for value in FADE_OUT)
        places = np.flatnonzero(flash[-1] > start)  # burnt pixels are bright in all channels
        burnt, lit = (each.take(places, 1, mode="clip").clip(min=0) for each in (flash, relit))
        share = ((burnt.min(0) - start) / (end - start)).clip(0, 1)
        lit += share**2 * (3 - 2 * share) * (burnt - lit).clip(min=0)
        for plane, values in zip(relit, lit, strict=True):
            plane[places] = values

    def _roll_off(self, flash: np.ndarray, relit: np.ndarray) -> None:
        """Bring highlights below the ceiling, as :func:`f2a.color.relight` does; both ``(C, n)``."""
        shoulder, ceiling = ((value + OFFSET) * self.full for value in (SHOULDER, CEILING))
        places = np.flatnonzero(reduce(operator.or_, (plane > shoulder for plane in relit)))
        before, brightest = (each.take(places, 1, mode="clip").max(0) for each in (flash, relit))
        start = before.clip(min=shoulder)
        headroom, excess = (ceiling - start).clip(min=0), (brightest - start).clip(min=0)
        compressed = start + excess * headroom / (excess + headroom).clip(min=1e-6 * self.full)
        scale = np.where(excess > 0, compressed / brightest, 1)
        for plane in relit:
            plane[places] *= scale

    def _encode(self, power: np.ndarray) -> np.ndarray:
        """Levels of these powers: for sRGB's curve computed, with its straight part; for other curves looked up."""
        if self.codes:
            cells = (power * (CELLS / (SCALE * self.full))).clip(0, CELLS - 1).astype(np.int32)
            return np.stack([codes.take(plane) for codes, plane in zip(self.codes, cells, strict=True)])
        values = power.reshape(-1)
        dark = np.flatnonzero(values < DARKEST_POWER * self.full)
        light = (values.take(dark, mode="clip").clip(min=0) / (SCALE * self.full)) ** 2.4
        values[dark] = (12.92 * light + OFFSET) * self.full
        levels = np.empty(power.shape, self.photo.dtype)
        np.subtract(power, OFFSET * self.full - np.float32(0.5), out=levels, casting="unsafe")
        return levels


CELLS = 1 << 19
"""Size of the table from powers back to levels. For the flattest curve in use, linear light at 16 bits, it has three
cells between two levels, so each level maps back to itself."""


def _inverse(table: np.ndarray, full: np.floating) -> np.ndarray:
    """Levels nearest to :data:`CELLS` powers from 0 to 1.055 times ``full``; uint8 if ``full`` is 255, else uint16."""
    powers = (np.arange(CELLS) + 0.5) * (SCALE * full / CELLS)
    return np.interp(powers, table, np.arange(len(table))).round().astype(np.uint8 if full == 255 else np.uint16)


def bilinear_places(length: int, small: int) -> tuple[np.ndarray, np.ndarray]:
    """For ``length`` pixels enlarged from ``small``: the source pixel before each, and how far it is to the next."""
    centres = ((np.arange(length) + 0.5) * (small / length) - 0.5).clip(0, small - 1)
    before = np.floor(centres).astype(np.intp)
    return before, (centres - before).astype(np.float32)
