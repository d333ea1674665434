"""AVIF files (ISO 23000-22 with AV1)."""

from pathlib import Path
from typing import Any

from f2a.photo.codecs import pillow
from f2a.photo.file import PhotoFile
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.photo import Stored

SUFFIXES = (".avif", ".avifs")
MODES = ("RGB", "RGBA")
BITS = 8
QUALITY = 90


def sniff(start: bytes, suffix: str) -> bool:
    """Whether AVIF is among the brands of an ISO file (ISO 14496-12)."""
    return start[4:8] == b"ftyp" and (b"avif" in start[8:] or start[8:12] == b"avis")


def stated_size(path: Path) -> tuple[int, int]:
    return pillow.stated_size(path, "AVIF")


def read(path: Path) -> PhotoFile:
    return pillow.read(path, "AVIF")


def write(
    stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
) -> memoryview:
    return pillow.save(stored, "AVIF", **pillow.metadata_options(metadata), quality=quality or QUALITY)
