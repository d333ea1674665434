"""The formats of photo files: their suffixes, what they hold, and which one an output gets."""

from importlib.util import find_spec
from pathlib import Path

from f2a.photo.errors import PhotoError

SUFFIXES = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "AVIF": (".avif",),
    "HEIF": (".heic", ".heif"),
}
"""Formats that are written, by Pillow's name; the first suffix is the one given where the input's does not fit."""

RAW_SUFFIXES = (".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf", ".pef", ".srw")

READ_ONLY_SUFFIXES = (".gif", ".mpo", ".jp2", ".tga", ".ppm", ".pgm", *RAW_SUFFIXES)
"""Further suffixes that mark a photo inside a folder; their relit photos are written in another format."""

DECODERS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "GIF", "JPEG2000", "TGA", "PPM")
"""The only ones of Pillow's that a file may reach: others run programs (EPS) or are little tested."""

MODES = {
    "JPEG": ("L", "RGB", "CMYK"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"),
    "WEBP": ("RGB", "RGBA"),
    "TIFF": ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"),
    "BMP": ("1", "L", "P", "RGB"),
    "AVIF": ("RGB", "RGBA"),
    "HEIF": ("L", "LA", "RGB", "RGBA"),
}
"""Pillow's modes that a format holds without loss; another mode is widened, never clipped."""

SIXTEEN_BITS = ("PNG", "TIFF", "HEIF")
"""Formats that keep more than eight bits a colour (HEIF: ten)."""

OPAQUE = ("JPEG", "BMP")
"""Formats without transparency."""

MOST_BYTES = 640_000_000
"""Of pixels: 213 megapixels of plain RGB, 106 of 16 bits; the largest sensors and digital backs have less."""

MOST_SQUEEZED = 4000
"""Bytes of pixels for one of the file: Deflate reaches 1032 and LZW 2730, both of blank pages only."""


def output_format(format: str, has_alpha: bool) -> tuple[str, list[str]]:
    """The format in which a photo read as ``format`` is written unless another is asked for, and notes about it."""
    if format == "HEIF" and not can_write_heif():
        note = "is written as a JPEG; for HEIC files run: pip install pillow-heif"
        return ("PNG", [note.replace("JPEG", "PNG")]) if has_alpha else ("JPEG", [note])
    if format not in SUFFIXES or (format in OPAQUE and has_alpha):
        return "PNG", [f"{format} is written as PNG"]
    return format, []


def can_write_heif() -> bool:
    return find_spec("pillow_heif") is not None


def format_of(path: Path) -> str:
    """The format that a file name asks for.

    Raises:
        PhotoError: its suffix is none that is written.
    """
    for format, suffixes in SUFFIXES.items():
        if path.suffix.lower() in suffixes:
            return format
    known = " ".join(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
    raise PhotoError(path, f"cannot be written; give it one of the suffixes {known}")


def check_target(path: Path, overwrite: bool) -> str:
    """The format that a file name asks for, if the file may be written.

    Raises:
        PhotoError: its suffix is none that is written, or it exists and ``overwrite`` is false.
    """
    try:
        exists = path.exists()
    except OSError as error:  # a name that is too long, for one
        raise PhotoError(path, f"cannot be written ({error.strerror}); choose another output") from None
    if exists and not overwrite:
        raise PhotoError(path, "exists already; pass --overwrite to replace it")
    return format_of(path)


def check_size(path: Path, size: tuple[int, int], bytes_a_pixel: int = 3) -> None:
    """
    Args:
        path: the photo's file.
        size: width and height.
        bytes_a_pixel: that are needed to relight it.

    Raises:
        PhotoError: so many pixels are more than :data:`MOST_BYTES`.
    """
    if size[0] * size[1] * bytes_a_pixel > MOST_BYTES:
        most = f"{MOST_BYTES // bytes_a_pixel // 1_000_000} megapixels"
        kind = " for its kind of pixels" if bytes_a_pixel > 3 else ""
        raise PhotoError(path, f"has {size[0]} x {size[1]} pixels, more than {most}{kind}; make it smaller first")


def check_squeeze(path: Path, unpacked: int) -> None:
    """
    Raises:
        PhotoError: so many bytes of pixels cannot be in the file.
    """
    if unpacked > MOST_SQUEEZED * path.stat().st_size:
        raise PhotoError(path, "is damaged or cut short (most pixels are missing); copy it again from the camera")
