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
from f2a.color import CEILING, EXPONENT, FADE_OUT, OFFSET, SHOULDER
from f2a.photo import Photo

SCALE = 1.055
DARKEST_POWER = SCALE * 0.0031308**EXPONENT
"""Of IEC 61966-2-1: below this value (offset included) the curve is a straight line."""
LUMINANCE = np.array(color.LUMINANCE, np.float32)

STRIP_PIXELS = 128_000
"""Of the full photo that are worked on at a time: few calls, between which the threads wait for each other, yet near
the processor's caches."""


class Window(NamedTuple):
    """A part of a photo.

    Attributes:
        box: left, top, right and bottom, in pixels.
        size: width and height of the whole photo.
    """

    box: tuple[int, int, int, int]
    size: tuple[int, int]


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

    def apply(
        self, photo: Photo, in_place: bool = False, threads: int | None = None, window: Window | None = None
    ) -> Photo:
        """The relit photo, its values as :func:`f2a.color.relight` computes them, to a level.

        Args:
            photo: whose rows the gain multiplies; grey where ``color`` is None.
            in_place: write over the photo's own rows, which halves the memory.
            threads: that share the work; None for one per processor.
            window: of the whole photo, where ``photo`` is a part of it: its pixels come out as they do in the whole.
        """
        relit = photo if in_place else photo.blank_copy()
        renderer = Renderer(self, photo, relit, window or Window((0, 0, *photo.size), photo.size))
        height, width = photo.shape[:2]
        strips = np.array_split(np.arange(height), -(-height // max(1, STRIP_PIXELS // width)))
        with ThreadPoolExecutor(threads or min(8, os.cpu_count() or 1)) as pool:
            list(pool.map(renderer.relight, strips))
        return relit


class Renderer:
    """What the threads share: the photo, its coefficients, and the table of its values.

    Light is counted in the photo's own steps: 255 or 65535 is white. Colours lie in planes, ``(C, rows, W)``, on which
    numpy's loops are several times as fast as on pixels of three values.
    """

    def __init__(self, gain: LocalLinearGain, photo: Photo, relit: Photo, window: Window) -> None:
        (left, top, right, bottom), (width, height) = window
        self.channels = photo.shape[2]
        self.photo, self.relit = photo, relit
        self.full = np.float32(np.iinfo(photo.dtype).max)
        color = np.ones((*gain.slope.shape, 1), np.float32) if gain.color is None else gain.color
        coefficients = np.concatenate([[gain.slope / self.full, gain.offset], color.transpose(2, 0, 1)])
        self.coefficients = np.pad(coefficients, ((0, 0), (0, 1), (0, 0)), "edge")  # the last row has one below it, too
        tables = [*(SCALE * photo.colors.light(int(self.full) + 1) ** EXPONENT * self.full).astype(np.float32)]
        codes = [] if photo.colors.has_srgb_curve else [_inverse(table, self.full) for table in tables]
        self.tables, self.codes = (each * (self.channels // len(tables)) for each in (tables, codes))
        self.columns = [places[left:right] for places in bilinear_places(width, color.shape[1])]
        self.above, below = (places[top:bottom] for places in bilinear_places(height, len(color)))
        self.shares = np.stack([1 - below, below], -1)

    def relight(self, rows: np.ndarray) -> None:
        """Relight these rows of the photo, which follow each other."""
        power = self._power(self.photo.rows(rows[0], rows[-1] + 1))
        relit = self._apply_gain(power, self._coefficients_at(rows))
        self._protect_highlights(power.reshape(self.channels, -1), relit.reshape(self.channels, -1))
        self.relit.set_rows(rows[0], self._encode(relit).transpose(1, 2, 0))

    def _coefficients_at(self, rows: np.ndarray) -> np.ndarray:
        """Slope, offset and colour, ``(2 + C, rows, W)``."""
        above = self.above[rows]
        wide = upsample_columns(self.coefficients[:, above[0] : above[-1] + 2], *self.columns)
        result = np.empty((len(wide), len(rows), wide.shape[2]), np.float32)
        for row in range(wide.shape[1] - 1):
            below = slice(*np.searchsorted(above - above[0], (row, row + 1)))
            np.matmul(self.shares[rows[below]], wide[:, row : row + 2], out=result[:, below])
        return result

    def _power(self, levels: np.ndarray) -> np.ndarray:
        """Those of ``(rows, W, C)``, in planes."""
        power = np.empty((self.channels, *levels.shape[:2]), np.float32)
        for table, plane, out in zip(self.tables, levels.transpose(2, 0, 1), power, strict=True):
            table.take(plane, out=out, mode="clip")
        return power

    def _apply_gain(self, power: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """``power * (slope * luma + offset) * color``, written over the coefficients ``(2 + C, rows, W)``."""
        gain, offset, relit = coefficients[0], coefficients[1], coefficients[2:]
        gain *= np.einsum("c,crw->rw", LUMINANCE, power) if self.channels == 3 else power[0]
        gain += offset
        np.maximum(gain, 0, out=gain)
        relit *= gain
        relit *= power
        return relit

    def _protect_highlights(self, flash: np.ndarray, relit: np.ndarray) -> None:
        """Spare what the flash burnt and roll highlights off, as :func:`f2a.color.relight` does; both ``(C, n)``."""
        shoulder, ceiling, offset, fade_start, fade_end = (
            v * self.full
            for v in (SHOULDER + OFFSET, CEILING + OFFSET, OFFSET, FADE_OUT[0] + OFFSET, FADE_OUT[1] + OFFSET)
        )
        bright = np.flatnonzero((relit.max(0) > shoulder) | (flash.min(0) > fade_start))
        if not len(bright):
            return
        flash, lit = flash.take(bright, 1), relit.take(bright, 1)
        burnt = ((flash.min(0) - fade_start) / (fade_end - fade_start)).clip(0, 1)
        lit += burnt**2 * (3 - 2 * burnt) * (flash - lit).clip(min=0)
        brightest = lit.max(0)
        start = flash.max(0).clip(min=shoulder)
        headroom, excess = (ceiling - start).clip(min=0), (brightest - start).clip(min=0)
        compressed = start + excess * headroom / (excess + headroom).clip(min=1e-6 * self.full)
        lit *= np.where(excess > 0, compressed / brightest.clip(min=offset), 1)
        relit[:, bright] = lit

    def _encode(self, power: np.ndarray) -> np.ndarray:
        """By sRGB's curve, take the offset off, put the straight part in and round; by another, look it up."""
        if self.codes:
            cells = (power * (CELLS / (SCALE * self.full))).clip(0, CELLS - 1).astype(np.int32)
            return np.stack([codes.take(plane) for codes, plane in zip(self.codes, cells, strict=True)])
        dark = np.flatnonzero(power < DARKEST_POWER * self.full)
        light = (power.take(dark) / (SCALE * self.full)) ** 2.4
        power -= OFFSET * self.full - np.float32(0.5)
        power.put(dark, 12.92 * self.full * light + 0.5)
        return power.astype(self.photo.dtype)


CELLS = 1 << 19
"""Of the table that leads from a power back to a level: in the flattest curve in use, linear light at 16 bits, three of
them lie between two levels, so each level leads back to itself."""


def _inverse(table: np.ndarray, full: np.floating) -> np.ndarray:
    """The level nearest to each of :data:`CELLS` powers from 0 to 1.055 times ``full``, at the depth of ``full``."""
    powers = (np.arange(CELLS) + 0.5) * (SCALE * full / CELLS)
    levels: np.ndarray = np.interp(powers, table, np.arange(len(table))).round()
    return levels.astype(np.uint8 if full == 255 else np.uint16)


def bilinear_places(length: int, small: int) -> tuple[np.ndarray, np.ndarray]:
    """Of each of ``length`` places the one of ``small`` ones before it, and how far it is on the way to the next."""
    centres = ((np.arange(length) + 0.5) * (small / length) - 0.5).clip(0, small - 1)
    before = np.floor(centres).astype(np.intp)
    return before, (centres - before).astype(np.float32)


def upsample_columns(coefficients: np.ndarray, left: np.ndarray, share: np.ndarray) -> np.ndarray:
    """``(n, h, w)`` bilinearly enlarged to ``(n, h, W)``, given ``(W,)`` places of :func:`bilinear_places`."""
    wide: np.ndarray = coefficients.take(left, -1)
    step = coefficients.take(np.minimum(left + 1, coefficients.shape[-1] - 1), -1)
    step -= wide
    step *= share
    wide += step
    return wide


def encode_power(flash: np.ndarray) -> np.ndarray:
    """``1.055 * flash_linear ** (1 / 2.4)`` of sRGB values in [0, 1], float32 of any shape."""
    linear = color.srgb_to_linear(torch.from_numpy(flash)).numpy()
    return (SCALE * linear**EXPONENT).astype(np.float32)
