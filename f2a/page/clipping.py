"""The clipping warning: how much of a picture is burnt or black, and the picture with those pixels marked."""

from functools import reduce
from typing import NamedTuple

from PIL import Image, ImageChops

from f2a.color import BURNT
from f2a.photo import Photo

BLACK = 5 / 255
"""Largest sRGB value of its brightest channel at which a pixel counts as black; as far from black as :data:`BURNT` is
from white."""

BURNT_COLOR, BLACK_COLOR = (255, 0, 0), (0, 80, 255)
"""8-bit sRGB colours of the marks, red and blue as in other photo programs."""


class Clipping(NamedTuple):
    """Fractions of a picture's pixels that are burnt and black, 0 to 1."""

    burnt: float
    black: float


def measure_clipping(photo: Photo) -> Clipping:
    """Measure how much of a photo is burnt, and how much is black."""
    counts = brightest_channel(photo).histogram()
    burnt, black = sum(counts[round(255 * BURNT) :]), sum(counts[: round(255 * BLACK) + 1])
    return Clipping(burnt / sum(counts), black / sum(counts))


def mark_clipping(photo: Photo) -> Image.Image:
    """Copy the photo in 8-bit sRGB, with burnt pixels in red and black pixels in blue."""
    marked, brightest = photo.to_srgb().copy(), brightest_channel(photo)
    marked.paste(BURNT_COLOR, mask=brightest.point([255 * (value >= round(255 * BURNT)) for value in range(256)]))
    marked.paste(BLACK_COLOR, mask=brightest.point([255 * (value <= round(255 * BLACK)) for value in range(256)]))
    return marked


def brightest_channel(photo: Photo) -> Image.Image:
    """The largest channel of each pixel, in the photo's own primaries, where colours outside sRGB are not clipped."""
    return reduce(ImageChops.lighter, photo.to_rgb8().split())
