"""Raw files (DNG, CR2, NEF, ARW and others), developed by LibRaw through rawpy; the result is written as TIFF."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from f2a.photo.codecs.tiff import read_tiff_metadata
from f2a.photo.errors import PhotoError
from f2a.photo.limits import check_size
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.metadata.tiff_ifd import ExifError
from f2a.photo.photo import Photo, PhotoFile

if TYPE_CHECKING:
    import rawpy

SUFFIXES = (
    ".dng", ".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".srf", ".orf", ".rw2", ".rwl", ".raf", ".pef",
    ".srw", ".iiq", ".3fr", ".fff", ".mef", ".mos", ".erf", ".kdc", ".dcr", ".mrw", ".x3f", ".gpr", ".cap", ".dcs",
    ".drf", ".k25", ".kc2", ".mdc", ".ptx", ".pxn", ".bay", ".cs1", ".ori", ".rwz", ".raw",
)  # fmt: skip


def can_read() -> bool:
    return find_spec("rawpy") is not None


def _opened(path: Path) -> "rawpy.RawPy":
    try:
        import rawpy
    except ImportError:
        raise PhotoError(path, "is a raw file, which needs rawpy; run: pip install rawpy") from None
    return rawpy.imread(str(path))


def stated_size(path: Path) -> tuple[int, int]:
    with _opened(path) as source:
        return source.sizes.width, source.sizes.height


def read(path: Path) -> PhotoFile:
    """Develop the photo in sRGB, with the camera's white balance and without automatic brightening."""
    with _opened(path) as source:
        import rawpy

        check_size(path, (source.sizes.width, source.sizes.height), bytes_per_pixel=6)
        values = source.postprocess(
            use_camera_wb=True,
            no_auto_bright=True,
            output_bps=16,
            output_color=rawpy.ColorSpace.sRGB,
            gamma=(2.4, 12.92),
        )
    return PhotoFile(path, "TIFF", Photo.from_array(values), Metadata(exif=_exif(path)))


def _exif(path: Path) -> bytes:
    """EXIF of a raw file that is structured like a TIFF file, as most are; empty for others."""
    try:
        return read_tiff_metadata(path)[0]
    except ExifError:
        return b""
