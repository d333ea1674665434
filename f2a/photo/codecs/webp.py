"""WebP files (RFC 9649)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from f2a.photo.codecs import pillow
from f2a.photo.file import PhotoFile
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.photo import Stored

SUFFIXES = (".webp",)
MODES = ("RGB", "RGBA")
BITS = 8
QUALITY = 95


def sniff(start: bytes, suffix: str) -> bool:
    return start[:4] == b"RIFF" and start[8:12] == b"WEBP"


def stated_size(path: Path) -> tuple[int, int]:
    return pillow.stated_size(path, "WEBP")


def read(path: Path) -> PhotoFile:
    file = pillow.read(path, "WEBP")
    return replace(file, encoding={"lossless": True, "exact": True}) if _is_lossless(path) else file


def _is_lossless(path: Path) -> bool:
    """Whether the first picture is."""
    with path.open("rb") as file:
        file.seek(12)
        while len(chunk := file.read(8)) == 8:
            if chunk[:4] in (b"VP8L", b"VP8 "):
                return chunk[:4] == b"VP8L"
            size = int.from_bytes(chunk[4:], "little")
            file.seek(16 if chunk[:4] == b"ANMF" else size + size % 2, 1)
    return False


def write(
    stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
) -> memoryview:
    options = pillow.metadata_options(metadata) | encoding | {"quality": quality or QUALITY}
    if quality:
        options.pop("lossless", None)
    return pillow.save(stored, "WEBP", **options)
