"""The samples of TIFF files (TIFF 6.0) that Pillow would cut to eight bits, or does not read."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from f2a.photo.icc import lab_to_srgb
from f2a.photo.limits import check_compression_ratio, check_size
from f2a.photo.pixels import float_to_16_bits, integer_to_16_bits

if TYPE_CHECKING:
    from tifffile import TiffPage

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CIELAB = 0, 1, 2, 8
COLOR_SAMPLES = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CIELAB: 3}
"""Samples per pixel of the photometric interpretations that are read here; the further ones are alpha, or something
else."""
ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA = 1, 2


class FirstPage(NamedTuple):
    """The first directory of a TIFF, and how many there are."""

    page: "TiffPage"
    pages: int

    @property
    def size(self) -> tuple[int, int]:
        return self.page.imagewidth, self.page.imagelength

    @property
    def kind(self) -> str:
        """Of its samples, in words."""
        photometric = getattr(self.page.photometric, "name", self.page.photometric)
        return f"{self.page.samplesperpixel} x {self.page.bitspersample} bits, {photometric}, {self.page.dtype}"

    @property
    def is_lab(self) -> bool:
        return self.page.photometric == CIELAB

    @property
    def alpha(self) -> int | None:
        """The number of the sample that is alpha."""
        kinds = [int(kind) for kind in self.page.extrasamples]
        colors = self.page.samplesperpixel - len(kinds)
        return next(
            (colors + n for n, kind in enumerate(kinds) if kind in (ASSOCIATED_ALPHA, UNASSOCIATED_ALPHA)), None
        )

    @property
    def notes(self) -> list[str]:
        """On the samples that are neither colour nor alpha."""
        further = len(self.page.extrasamples) - (self.alpha is not None)
        return [f"its {further} further channel{'s are' if further > 1 else ' is'} left out"] if further > 0 else []

    @property
    def is_read_here(self) -> bool:
        """Whether its samples are grey, RGB or Lab, of more than eight bits."""
        dtype, colors = self.page.dtype, COLOR_SAMPLES.get(int(self.page.photometric))
        is_deep = dtype is not None and dtype.kind in "uf" and dtype.itemsize > 1 and (not self.is_lab or dtype == "u2")
        return is_deep and colors == self.page.samplesperpixel - len(self.page.extrasamples)

    def read(self, path: Path) -> np.ndarray:
        """``(H, W, 1 to 4)`` uint16: grey or RGB, with alpha that was not multiplied in; Lab becomes sRGB."""
        page = self.page
        check_size(path, self.size, page.bitspersample // 8 * page.samplesperpixel)
        check_compression_ratio(path, page.nbytes)
        planes = page.asarray(squeeze=False)[:, 0]  # (planes, H, W, samples in each)
        samples = planes[0] if len(planes) == 1 else np.concatenate(list(planes), -1)
        return self._to_16_bits(samples)

    def _to_16_bits(self, samples: np.ndarray) -> np.ndarray:
        count = COLOR_SAMPLES[int(self.page.photometric)]
        colors = lab_to_srgb(samples[..., :count]) if self.is_lab else self._scaled(samples[..., :count])
        if self.page.photometric == WHITE_IS_ZERO:
            colors = 65535 - colors
        if self.alpha is None:
            return np.ascontiguousarray(colors)
        alpha = self._scaled(samples[..., self.alpha, None])
        if self.page.extrasamples[self.alpha - count] == ASSOCIATED_ALPHA:
            colors = (colors * 65535.0 / np.maximum(alpha, 1)).round().clip(max=65535).astype(np.uint16)
        return np.concatenate([colors, alpha], -1)

    def _scaled(self, samples: np.ndarray) -> np.ndarray:
        return (
            float_to_16_bits(samples)
            if samples.dtype.kind == "f"
            else integer_to_16_bits(samples, self.page.bitspersample)
        )


@contextmanager
def first_page(path: Path) -> Iterator[FirstPage]:
    """The file, opened; nothing is decoded yet."""
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # f2a says itself what is wrong with a file
    with tifffile.TiffFile(path) as file:
        yield FirstPage(file.pages.first, len(file.pages))
