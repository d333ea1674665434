"""How large a photo may be, which is checked before anything is decoded."""

from pathlib import Path

from f2a.photo.errors import PhotoError

MAX_BYTES = 640_000_000
"""Limit on bytes: 213 megapixels of plain RGB, 106 of 16 bits; the largest sensors and digital backs have fewer."""


def check_size(path: Path, size: tuple[int, int], bytes_per_pixel: int = 3) -> None:
    """Refuse a photo whose pixels take more than :data:`MAX_BYTES`.

    Args:
        path: the photo's file.
        size: width and height.
        bytes_per_pixel: bytes needed per pixel to relight it.

    Raises:
        PhotoError: the photo is too large.
    """
    if size[0] * size[1] * bytes_per_pixel > MAX_BYTES:
        limit = f"{MAX_BYTES // bytes_per_pixel // 1_000_000} megapixels"
        kind = " for its kind of pixels" if bytes_per_pixel > 3 else ""
        raise PhotoError(path, f"has {size[0]} x {size[1]} pixels, more than {limit}{kind}; make it smaller first")
