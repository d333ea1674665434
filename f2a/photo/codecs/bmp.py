"""BMP files."""

import re
import struct
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from f2a.photo.chromaticity import D65, Primaries
from f2a.photo.codecs import losses, pillow
from f2a.photo.icc import ColorProfile, space_of
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.photo import Photo, PhotoFile, Stored

SUFFIXES = (".bmp", ".dib")
MODES = ("L", "RGB")
BITS = 8
METADATA = ("is_stretched",)

VERSION_4, COLOR_SPACE = 108, slice(70, 74)
CALIBRATED, EMBEDDED, LINKED = bytes(4), b"DEBM", b"KNIL"
"""Kinds of colour space in a BITMAPV5HEADER, in little-endian order."""


MAGIC = re.compile(b"BM")
stated_size = partial(pillow.stated_size, formats=("BMP",))


def read(path: Path) -> PhotoFile:
    content = path.read_bytes()
    length, pixels = struct.unpack_from("<I4xI", content, 2)
    file = pillow.read(path, "BMP", **_colors(content))
    behind = losses.of_data_behind(content[length:]) if length > pixels else []  # some programs write a wrong length
    file = replace(file, notes=(*file.notes, *behind))
    return pillow.written_as_png(file) if file.photo.has_alpha else file


def _colors(content: bytes) -> dict[str, Any]:
    """The colours stated in a header of version 4 or 5: a profile, or primaries and gamma."""
    kind = content[COLOR_SPACE]
    if content[14] < VERSION_4 or kind not in (CALIBRATED, EMBEDDED, LINKED):
        return {}
    if kind == LINKED:
        return {"notes": ["its colour profile is in another file and was not read"]}
    if kind == EMBEDDED:
        start, size = struct.unpack_from("<II", content, 126)
        return {"icc_profile": content[14 + start : 14 + start + size]}
    colorants = np.array(struct.unpack_from("<9i", content, 74)).reshape(3, 3) / (1 << 30)
    gamma = sum(struct.unpack_from("<3I", content, 110)) / 3 / (1 << 16)
    return {"primaries": _primaries(colorants), "gamma": 1 / gamma if 0 < gamma < 1 else gamma}


def _primaries(colorants: np.ndarray) -> Primaries | None:
    """Chromaticities of XYZ of red, green and blue, given as rows. Rows that each sum to 1 are mere chromaticities, for
    which sRGB's white point is assumed."""
    white = colorants.sum(0)
    sums = np.array([white, *colorants]).sum(1, keepdims=True)
    if (sums <= 0).any():
        return None
    stated = (np.array([white, *colorants]) / sums)[:, :2]
    if np.allclose(sums[1:], 1, atol=1e-3):
        stated[0] = D65
    return tuple(stated.ravel().tolist())


def write(
    stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
) -> memoryview:
    return pillow.save(_in_srgb(stored, metadata.icc_profile, notes), "BMP", **pillow.metadata_options(metadata))


def _in_srgb(stored: Stored, icc_profile: bytes, notes: list[str]) -> Stored:
    """The photo converted to sRGB: Pillow writes no profile into a BMP, and few programs would look for one."""
    if not icc_profile:
        return stored
    assert isinstance(stored, Image.Image)
    notes.append("BMP holds no colour profile, so the colours were converted to sRGB")
    photo = Photo.from_pil(stored, ColorProfile(icc_profile, space_of(stored.mode)))
    return photo.to_srgb().convert(stored.mode)
