"""AVIF files (ISO 23000-22 with AV1)."""

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from f2a.photo.codecs import boxes, heif, losses, pillow
from f2a.photo.codecs.av1 import Av1Error, quantiser
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.photo import PhotoFile, Stored
from f2a.photo.pixels import to_full_range

SUFFIXES = (".avif", ".avifs")
MODES = ("RGB", "RGBA")
BITS = 8
METADATA = ("exif", "xmp")
QUALITY, LOSSLESS = 90, 100
"""Lowest quality written unless another is asked for, and the highest, at which Pillow still loses a little colour."""
LOSSLESS_ALPHA = {"alpha:lossless": "1"}


MAGIC = re.compile(rb".{4}ftyp(avis|.*avif)", re.DOTALL)
"""The start of an ISO file (ISO 14496-12) with AVIF among its brands."""
stated_size = partial(pillow.stated_size, formats=("AVIF",))


def read(path: Path) -> PhotoFile:
    """Read the photo, with what Pillow does not report: the colours stated in the header, more than eight bits, chroma
    sampling, the shape of a pixel, and the clean aperture, outside which the file still has pixels."""
    content = path.read_bytes()
    parts = memoryview(content)
    notes = boxes.notes_on_parts(parts, rest={b"moov"})
    try:
        file = heif.opened(path)
    except Exception:  # libheif raises many kinds; Pillow's decoder tells whether the file is damaged
        return pillow.read(path, "AVIF", notes=notes)
    image = file[file.primary_index]
    notes = [*losses.of_pictures(len(file), "main one"), *heif.notes_on(image), *notes]
    stated = boxes.clean_apertures(parts)
    cropped = next((aperture for aperture in stated if aperture[:2] in (image.size, image.size[::-1])), None)
    bits = int(image.info.get("bit_depth", 8))
    deep = partial(_decode, content, bits, cropped) if bits > 8 or cropped else None
    metadata = heif.metadata_of(image)
    photo = pillow.read(path, "AVIF", notes=notes, deep=deep, cicp=metadata.cicp, dpi=metadata.dpi)
    encoding = heif.encoding_of(image) | {"quality": max(QUALITY, quality_of(parts))}
    return replace(photo, encoding=encoding, bits=bits)


def quality_of(content: memoryview) -> int:
    """Quality of the main picture, up to 100 (lossless); 0 if its quantiser cannot be found."""
    try:
        worst = max(map(quantiser, boxes.primary_pictures(content)), default=255)
    except (Av1Error, IndexError):
        return 0
    return int(LOSSLESS * (1 - worst / 255))


def _decode(content: bytes, bits: int, cropped: tuple[float, ...] | None) -> np.ndarray:
    import imagecodecs

    values = imagecodecs.avif_decode(content, index=0)
    if cropped:
        width, height, right, down = cropped
        left, top = (values.shape[1] - width) / 2 + right, (values.shape[0] - height) / 2 + down
        left, top = max(0, round(left)), max(0, round(top))
        values = values[top : top + round(height), left : left + round(width)]
    return to_full_range(values, bits)


def write(
    stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
) -> memoryview:
    if not quality and encoding.get("quality") == LOSSLESS:
        notes.append("AVIF is written with a slight loss (quality 100); the photo's own file is lossless")
    options = pillow.metadata_options(metadata) | {"quality": QUALITY, "advanced": LOSSLESS_ALPHA} | encoding
    return pillow.save(stored, "AVIF", **options | ({"quality": quality} if quality else {}))
