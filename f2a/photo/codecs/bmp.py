"""BMP files."""

from pathlib import Path
from typing import Any

from f2a.photo.codecs import pillow
from f2a.photo.file import PhotoFile
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.photo import Stored

SUFFIXES = (".bmp", ".dib")
MODES = ("L", "RGB")
BITS = 8


def sniff(start: bytes, suffix: str) -> bool:
    return start.startswith(b"BM")


def stated_size(path: Path) -> tuple[int, int]:
    return pillow.stated_size(path, "BMP")


def read(path: Path) -> PhotoFile:
    file = pillow.read(path, "BMP")
    return pillow.written_as_png(file) if file.photo.has_alpha else file


def write(
    stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
) -> memoryview:
    return pillow.save(stored, "BMP", **pillow.metadata_options(metadata))
