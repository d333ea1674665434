"""Formats that are read only: GIF, TGA, PPM, bitmaps without a header; what is relit is written as PNG."""

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from f2a.photo.codecs import losses, pillow
from f2a.photo.errors import PhotoError
from f2a.photo.photo import PhotoFile
from f2a.photo.pixels import scaled

SUFFIXES = (".gif", ".mpo", ".tga", ".icb", ".vda", ".vst", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm")
FORMATS = ("GIF", "TGA", "PPM", "DIB")
WHITE_OF_8_BITS = 255
GIF_EXTENSIONS = (b"", b"NETSCAPE2.0", b"ANIMEXTS1.0")
"""None, and how often a film is repeated; others hold XMP or a profile."""


MAGIC = re.compile(b"")
"""Any: TGA files begin like no other, and what is none of these is refused by Pillow."""
SIGNED = re.compile(rb"GIF8|P[1-6f]\s")
NOT_READ = {
    b"P7\n": "PAM", b"PF\n": "PFM in colour", b"8BPS": "Photoshop", b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL", b"II\xbc": "JPEG XR", b"v/1\1": "OpenEXR", b"#?RADIANCE": "Radiance HDR",
    b"\0\0\1\0": "icons", b"DDS ": "DDS", b"qoif": "QOI", b"BPG\xfb": "BPG", b"gimp xcf": "GIMP", b"%PDF": "PDF",
}  # fmt: skip
"""What files of other formats begin with."""


def stated_size(path: Path) -> tuple[int, int]:
    with _opened(path) as source:
        return source.size


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    try:
        with pillow.opened(path, *FORMATS) as source:
            yield source
    except UnidentifiedImageError:
        with path.open("rb") as file:
            start = file.read(16)
        if SIGNED.match(start):
            raise
        for magic, kind in NOT_READ.items():
            if start.startswith(magic):
                raise PhotoError(path, f"is of a kind that is not read ({kind}); save it as a PNG or TIFF") from None
        raise PhotoError(
            path, "is not a photo that can be read; use a JPEG, PNG, WebP, TIFF, HEIC, AVIF or raw file"
        ) from None


def read(path: Path) -> PhotoFile:
    with _opened(path) as source:
        deep, extension = _deep_ppm(path, source), source.info.get("extension", (b"",))[0][:11]
    notes = losses.of_parts([extension], {}, GIF_EXTENSIONS)
    return pillow.written_as_png(pillow.read(path, *FORMATS, notes=notes, deep=deep))


def _deep_ppm(path: Path, source: Any) -> Callable[[], np.ndarray] | None:
    """Decodes the colours of a PPM with two bytes a sample, of which Pillow would keep eight bits."""
    codec, _, start, args = source.tile[0]
    if codec != "ppm" or source.mode != "RGB" or args[1] <= WHITE_OF_8_BITS:
        return None
    shape = (source.height, source.width, 3)

    def decode() -> np.ndarray:
        values = np.fromfile(path, ">u2", math.prod(shape), offset=start).reshape(shape)
        return scaled(values.astype(np.uint16).clip(max=args[1]), args[1], np.uint16)

    return decode
