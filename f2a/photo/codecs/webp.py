"""WebP files (RFC 9649)."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from f2a.photo.codecs import losses, pillow
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.photo import PhotoFile, Stored

SUFFIXES = (".webp",)
MODES = ("RGB", "RGBA")
BITS = 8
METADATA = ("exif", "xmp")
QUALITY = 95

CHUNKS = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP ")
LOST_CHUNKS = {b"C2PA": losses.CREDENTIALS}


MAGIC = re.compile(rb"RIFF.{4}WEBP", re.DOTALL)
stated_size = partial(pillow.stated_size, formats=("WEBP",))


def read(path: Path) -> PhotoFile:
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[4:8], "little")
    chunks = list(_chunks(content[:end]))
    notes = losses.of_parts(chunks, LOST_CHUNKS, CHUNKS) + losses.of_data_behind(content[end:])
    file = pillow.read(path, "WEBP", notes=notes)
    is_lossless = next((chunk for chunk in chunks if chunk in (b"VP8L", b"VP8 ")), b"") == b"VP8L"
    return replace(file, encoding={"lossless": True, "exact": True}) if is_lossless else file


def _chunks(content: bytes) -> Iterator[bytes]:
    """The type of each chunk, including those inside an animation's frames."""
    at = 12
    while at + 8 <= len(content):
        kind, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        yield kind
        at += 8 + (16 if kind == b"ANMF" else size + size % 2)


def write(
    stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
) -> memoryview:
    options = pillow.metadata_options(metadata) | encoding | {"quality": quality or QUALITY}
    if quality:
        options.pop("lossless", None)
    return pillow.save(stored, "WEBP", **options)
