"""Formats that are read only: GIF, JPEG 2000, TGA, PPM, bitmaps without a header; what is relit is written as PNG."""

from pathlib import Path

from f2a.photo.codecs import pillow
from f2a.photo.file import PhotoFile

SUFFIXES = (
    ".gif", ".mpo", ".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc", ".tga", ".icb", ".vda", ".vst", ".ppm", ".pgm",
    ".pbm", ".pnm", ".pfm",
)  # fmt: skip
FORMATS = ("GIF", "JPEG2000", "TGA", "PPM", "DIB")


def sniff(start: bytes, suffix: str) -> bool:
    """Always: TGA files begin like no other, and what is none of these is refused by Pillow."""
    return True


def stated_size(path: Path) -> tuple[int, int]:
    return pillow.stated_size(path, *FORMATS)


def read(path: Path) -> PhotoFile:
    return pillow.written_as_png(pillow.read(path, *FORMATS))
