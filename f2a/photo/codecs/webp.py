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
    chunks = list(_chunks(path))
    file = pillow.read(path, "WEBP", notes=losses.of_parts(chunks, LOST_CHUNKS, CHUNKS))
    is_lossless = next((chunk for chunk in chunks if chunk in (b"VP8L", b"VP8 ")), b"") == b"VP8L"
    return replace(file, encoding={"lossless": True, "exact": True}) if is_lossless else file


def _chunks(path: Path) -> Iterator[bytes]:
    """The kind of each; of an animation, also of those within its pictures."""
    with path.open("rb") as file:
        file.seek(12)
        while len(chunk := file.read(8)) == 8:
            yield chunk[:4]
            size = int.from_bytes(chunk[4:], "little")
            file.seek(16 if chunk[:4] == b"ANMF" else size + size % 2, 1)


def write(
    stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
) -> memoryview:
    options = pillow.metadata_options(metadata) | encoding | {"quality": quality or QUALITY}
    if quality:
        options.pop("lossless", None)
    return pillow.save(stored, "WEBP", **options)
