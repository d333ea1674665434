"""BMP files."""

from pathlib import Path
from typing import Any

from PIL import Image

from f2a.photo.codecs import pillow
from f2a.photo.file import PhotoFile
from f2a.photo.icc import ColorProfile, space_of
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.photo import Photo, Stored

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
    return pillow.save(_in_srgb(stored, metadata.icc_profile, notes), "BMP", **pillow.metadata_options(metadata))


def _in_srgb(stored: Stored, icc_profile: bytes, notes: list[str]) -> Stored:
    """Pillow writes no profile into a BMP, and few programs would look for one."""
    if not icc_profile:
        return stored
    assert isinstance(stored, Image.Image)
    notes.append("BMP holds no colour profile, so the colours were converted to sRGB")
    photo = Photo.from_pil(stored, ColorProfile(icc_profile, space_of(stored.mode)))
    return photo.to_srgb().convert(stored.mode)
