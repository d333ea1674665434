"""The one door between photo files, PIL photos and arrays of pixels.

A *photo* is a ``PIL.Image``. Its *pixels* are ``(H, W, 1 or 3)`` uint8 or uint16 with sRGB's transfer curve, in the
photo's own primaries, upright, apart from alpha.
"""

from f2a.photo.errors import PhotoError
from f2a.photo.formats import READ_ONLY_SUFFIXES, SUFFIXES, check_target, format_of
from f2a.photo.pixels import Pixels, bounded, from_pixels, preview, to_pixels, to_rgb8, upright
from f2a.photo.reading import PhotoFile, open_photo, read_photo
from f2a.photo.writing import write_photo

__all__ = [
    "READ_ONLY_SUFFIXES",
    "SUFFIXES",
    "PhotoError",
    "PhotoFile",
    "Pixels",
    "bounded",
    "check_target",
    "format_of",
    "from_pixels",
    "open_photo",
    "preview",
    "read_photo",
    "to_pixels",
    "to_rgb8",
    "upright",
    "write_photo",
]
