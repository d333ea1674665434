"""Raw files (DNG, CR2, NEF, ARW and others), developed by LibRaw through rawpy."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from f2a.photo.codecs.tiff import read_directory
from f2a.photo.errors import PhotoError
from f2a.photo.formats import check_size
from f2a.photo.metadata.tiff_ifd import ExifError


class Developed(NamedTuple):
    """``values`` ``(H, W, 3)`` uint16 sRGB, upright, and the EXIF of the raw file."""

    values: np.ndarray
    exif: bytes


def develop(path: Path) -> Developed:
    """The photo with the camera's white balance and without automatic brightening.

    Raises:
        PhotoError: rawpy is not installed, or the photo is too large.
    """
    try:
        import rawpy
    except ImportError:
        raise PhotoError(path, "is a raw file, which needs rawpy; run: pip install rawpy") from None
    with rawpy.imread(str(path)) as raw:
        check_size(path, (raw.sizes.width, raw.sizes.height), bytes_a_pixel=6)
        values: np.ndarray = raw.postprocess(
            use_camera_wb=True,
            no_auto_bright=True,
            output_bps=16,
            output_color=rawpy.ColorSpace.sRGB,
            gamma=(2.4, 12.92),
        )
    return Developed(values, _exif(path))


def _exif(path: Path) -> bytes:
    """What the raw file says about the photo, where it is built like a TIFF file, as most are."""
    try:
        return read_directory(path).exif
    except ExifError:
        return b""
