"""The samples of TIFF files (TIFF 6.0), except a few kinds that only Pillow reads."""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from PIL import Image
from PIL.ExifTags import Base

from f2a.photo.chromaticity import BT709, D50, D65, Chromaticity, adaptation, rgb_to_xyz, xyz_of
from f2a.photo.codecs import losses
from f2a.photo.icc import srgb_encoded
from f2a.photo.limits import check_size
from f2a.photo.pixels import (
    float_to_16_bits,
    float_white,
    to_eight_bits,
    to_full_range,
    unassociated,
)

if TYPE_CHECKING:
    from tifffile import TiffPage

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, SEPARATED, YCBCR, CIELAB = 0, 1, 2, 3, 5, 6, 8
COLOR_SAMPLES = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, YCBCR: 3, CIELAB: 3}
"""Colour samples per pixel, by the photometric interpretations read here; further samples are alpha or other data."""
WHITE_OF_8_BITS = 255
CMYK = 1
"""Number of the CMYK ink set."""
ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA = 1, 2
JPEG_RANGE, BT601 = (0, 255, 128, 255, 128, 255), (0.299, 0.587, 0.114)
OLD_JPEG, JPEG = 6, 7
BEYOND_PILLOW = (34887, 50001)
"""The compressions LERC and WebP: Pillow opens such files, but its libtiff then fails."""
LOST = {b"tag 37724": "its layers are left out", b"tag 52545": losses.CREDENTIALS}
METADATA_TAGS = (Base.IPTCNAA, Base.ImageResources, Base.InterColorProfile)
LONG = 1 << 16
"""Number of bytes beyond which a field is content, not metadata, or locates the pixels (tags below XMP's)."""
MAX_PAGES = 64
"""Number of pages whose kinds are examined."""
NO_DIRECTORY = "its directory is missing or damaged"


class FirstPage(NamedTuple):
    """The first directory of a TIFF that is not a thumbnail, its ``number``, and the count of such ``pages``.

    It has no number if it is below a thumbnail's directory, which then contains the metadata, as in TIFF/EP.
    """

    page: "TiffPage"
    number: int | None
    pages: int
    above: "TiffPage"

    @property
    def size(self) -> tuple[int, int]:
        return self.page.imagewidth, self.page.imagelength

    def value(self, tag: int, default: Any = None) -> Any:
        """Value of a field in this directory, or else in the one above."""
        return self.page.tags.valueof(tag, self.above.tags.valueof(tag, default))

    @property
    def kind(self) -> str:
        """Kind of its samples, in words."""
        photometric, compression = (
            getattr(value, "name", value) for value in (self.page.photometric, self.page.compression)
        )
        samples = f"{self.page.samplesperpixel} x {self.page.bitspersample} bits"
        return f"{samples}, {photometric}, {self.page.dtype}, compression {compression}"

    @property
    def is_lab(self) -> bool:
        return self.page.photometric == CIELAB

    @property
    def extras(self) -> list[int]:
        """Kinds of the samples beyond the colours; 0 for each beyond three in an RGB file that names no kind."""
        unnamed = self.page.samplesperpixel - COLOR_SAMPLES[RGB] if self.page.photometric == RGB else 0
        return [int(kind) for kind in self.page.extrasamples] or [0] * unnamed

    @property
    def alpha(self) -> int | None:
        """Index of the alpha sample."""
        kinds = self.extras
        colors = self.page.samplesperpixel - len(kinds)
        return next(
            (colors + n for n, kind in enumerate(kinds) if kind in (ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA)), None
        )

    @property
    def notes(self) -> list[str]:
        """Notes on what is not read: samples neither colour nor alpha, and fields with more than metadata."""
        further = len(self.extras) - (self.alpha is not None)
        notes = [f"its {further} further channel{'s are' if further > 1 else ' is'} left out"] if further > 0 else []
        notes += losses.of_photoshop(bytes(self.page.tags.valueof(Base.ImageResources, b"")))
        if Base.TransferFunction in self.page.tags and Base.InterColorProfile not in self.page.tags:
            notes.append("its colours are stated by a transfer function, which was not read")
        long = {
            b"tag %d" % tag.code for tag in self.page.tags if tag.code > Base.XMLPacket and tag.valuebytecount > LONG
        }
        kinds = sorted(long | LOST.keys() & {b"tag %d" % tag.code for tag in self.page.tags})
        return notes + losses.of_parts(kinds, LOST, {b"tag %d" % tag for tag in METADATA_TAGS})

    @property
    def palette(self) -> np.ndarray:
        """``(N, 3)`` uint16; some programs write levels up to 255 although 65535 is white."""
        palette = np.asarray(self.page.colormap).T
        return palette if palette.max() > WHITE_OF_8_BITS else palette * 257

    @property
    def is_readable(self) -> bool:
        """Whether :meth:`read` reads it."""
        dtype, colors = self.page.dtype, COLOR_SAMPLES.get(int(self.page.photometric))
        if dtype is None or dtype.kind not in "uf" or (self.is_lab and dtype.kind == "f"):
            return False
        if isinstance(self.page.bitspersample, tuple) or self.page.imagedepth > 1:  # unequal samples; a volume
            return False
        if self.page.compression in (OLD_JPEG, JPEG) and dtype == "u1":  # a part would pass for the whole
            return False
        if self.page.photometric == YCBCR and (dtype != "u1" or not self._has_usual_ycbcr):
            return False
        if self._lacks_sizes and dtype == "u1" and not self.extras:
            return False
        return colors == self.page.samplesperpixel - len(self.extras)

    @property
    def is_left_to_pillow(self) -> bool:
        """Whether Pillow reads correctly what :meth:`read` does not; it would misread other kinds."""
        if self.number is None or self.page.compression in BEYOND_PILLOW:
            return False
        if self.page.photometric == SEPARATED:
            return int(self.page.tags.valueof(Base.InkSet, CMYK)) == CMYK
        if self.page.compression in (OLD_JPEG, JPEG):
            return True
        is_known = self.page.dtype in ("bool", "int32") or (self.page.dtype == "u1" and self._lacks_sizes)
        return is_known and not self.extras

    @property
    def _lacks_sizes(self) -> bool:
        """Whether the length of a strip is missing, as old programs wrote them; libtiff works it out."""
        if self.page.is_tiled:
            return False
        stated = zip_longest(self.page.dataoffsets, np.atleast_1d(self.value(Base.StripByteCounts, 0)), fillvalue=0)
        return any(offset and not size for offset, size in stated)

    @property
    def _has_usual_ycbcr(self) -> bool:
        """Whether it is not subsampled and has the range and coefficients of a JPEG."""
        is_subsampled = tuple(self.page.tags.valueof(Base.YCbCrSubSampling, (2, 2))) != (1, 1)
        usual = ((Base.ReferenceBlackWhite, JPEG_RANGE), (Base.YCbCrCoefficients, BT601))
        stated = [(self._ratios(tag) or values, values) for tag, values in usual]
        return not is_subsampled and all(np.allclose(*pair, atol=1e-3) for pair in stated)

    def read(self, path: Path, notes: list[str]) -> np.ndarray:
        """``(H, W, 1 to 4)`` uint8 or uint16: grey or RGB, with unassociated alpha if any; Lab becomes sRGB."""
        page = self.page
        is_plain = page.bitspersample <= 8 and not self.extras
        bytes_per_pixel = 3 if is_plain else max(page.bitspersample // 8, 2) * page.samplesperpixel
        for size in (self.size, (page.tilewidth, page.tilelength)):  # a tile may be larger than the picture
            check_size(path, size, bytes_per_pixel)
        sizes = [size for _, size in zip(page.dataoffsets, page.databytecounts, strict=False) if size]
        if len(sizes) < math.prod(page.chunked):  # tifffile would make them black
            raise OSError("pixels are missing")
        planes = page.asarray(squeeze=False)[:, 0]  # (planes, H, W, samples in each)
        samples = planes[0] if len(planes) == 1 else np.concatenate(list(planes), -1)
        count = COLOR_SAMPLES[int(page.photometric)]
        if self.is_lab:
            notes.append("LAB colours come back in RGB (sRGB)")
        if page.bitspersample > 16:
            notes.append(f"its {page.bitspersample} bits a colour were rounded to 16")
        if samples.dtype.kind == "f":
            light = np.nan_to_num(samples[..., :count], posinf=np.inf).clip(min=0)
            if light.max() > float_white(light):
                notes.append("its light above white is cut off")
        colors = self._colors(samples[..., :count])
        if self.alpha is None:
            return np.ascontiguousarray(colors)
        values = np.concatenate([colors, self._scaled(samples[..., self.alpha, None])], -1)
        return unassociated(values) if self.extras[self.alpha - count] == ASSOCIATED_ALPHA else values

    def _colors(self, samples: np.ndarray) -> np.ndarray:
        if self.is_lab:
            return self._srgb_of_lab(samples)
        if self.page.photometric == YCBCR:
            return np.asarray(Image.fromarray(samples, "YCbCr").convert("RGB"))
        if self.page.photometric == PALETTE:
            numbers = samples[..., 0]
            return (self.palette if numbers.dtype == np.uint16 else to_eight_bits(self.palette))[numbers]
        colors = self._scaled(samples)
        return np.iinfo(colors.dtype).max - colors if self.page.photometric == WHITE_IS_ZERO else colors

    def _scaled(self, samples: np.ndarray) -> np.ndarray:
        if samples.dtype.kind == "f":
            return float_to_16_bits(samples)
        return to_full_range(samples, self.page.bitspersample)

    def _srgb_of_lab(self, samples: np.ndarray) -> np.ndarray:
        """sRGB of 8-bit or 16-bit Lab (TIFF 6.0, section 23), relative to the white point that the file states."""
        signed = samples.view(f"i{samples.itemsize}")
        white = np.iinfo(samples.dtype).max
        lab = np.concatenate(
            [samples[..., :1] * (100 / white), signed[..., 1:] / (1 << (8 * samples.itemsize - 8))], -1
        )
        return (_lab_to_srgb(lab, self._white) * white).round().astype(samples.dtype)

    @property
    def _white(self) -> Chromaticity:
        white = self._ratios(Base.WhitePoint)
        return (white[0], white[1]) if len(white) == 2 and all(white) else D50

    def _ratios(self, tag: int) -> tuple[float, ...]:
        values = self.page.tags.valueof(tag)
        pairs = zip(values[::2], values[1::2], strict=False) if isinstance(values, tuple) else ()
        return tuple(value / divisor if divisor else 0 for value, divisor in pairs)


def _lab_to_srgb(lab: np.ndarray, white: Chromaticity) -> np.ndarray:
    """sRGB, clipped to [0, 1], of CIE Lab ``(..., 3)``, whose first channel is lightness from 0 to 100.

    Args:
        white: the white point of lightness 100; it is adapted to sRGB's by the Bradford method.
    """
    y = (lab[..., :1] + 16) / 116
    xyz = np.concatenate([y + lab[..., 1:2] / 500, y, y - lab[..., 2:] / 200], -1)
    xyz = np.where(xyz > 6 / 29, xyz**3, 3 * (6 / 29) ** 2 * (xyz - 4 / 29)) * xyz_of(white)
    to_srgb = np.linalg.inv(rgb_to_xyz(BT709)) @ adaptation(xyz_of(white), xyz_of(D65))
    return srgb_encoded(xyz @ to_srgb.T)


@contextmanager
def first_page(path: Path) -> Iterator[FirstPage]:
    """Open the file and yield its first page, of which nothing is decoded yet.

    Raises:
        OSError: the file does not say where the pixels are, or how many bits they have.
    """
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # f2a says itself what is wrong with a file
    with tifffile.TiffFile(path) as file:
        pages = cast("list[TiffPage]", file.pages[:MAX_PAGES])
        if not pages:
            raise OSError(NO_DIRECTORY)
        whole = [n for n, page in enumerate(pages) if not page.is_reduced] or [0]
        below = cast("list[TiffPage]", (pages[0].pages or ())[:MAX_PAGES]) if pages[whole[0]].is_reduced else []
        below = [page for page in below if not page.is_reduced]
        if below:
            first = FirstPage(below[0], None, len(below), pages[0])
        else:
            number = next((n for n in whole if not pages[n].is_mask), whole[0])
            first = FirstPage(pages[number], number, len(file.pages) - len(pages) + len(whole), pages[number])
        if not first.page.dataoffsets or not np.all(first.page.bitspersample):
            raise OSError(NO_DIRECTORY)
        yield first
