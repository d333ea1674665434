"""Reading photo files: decoded once, turned upright, with all that is needed to write them again."""

import stat
from dataclasses import replace
from pathlib import Path

from PIL import Image

from f2a.photo.codecs import decoder_of
from f2a.photo.codecs.losses import of_credentials
from f2a.photo.errors import PhotoError, photo_errors
from f2a.photo.hdr import standard_range
from f2a.photo.photo import PhotoFile

TABLES = "has a colour profile made of tables, so it comes back relit in sRGB, 8 bits deep"


def open_photo(path: str | Path) -> Image.Image:
    """The photo in a file as a Pillow image, upright and decoded; see :func:`read_photo`."""
    return read_photo(path).photo.to_pil()


def read_photo(path: str | Path, keep_location: bool = False) -> PhotoFile:
    """Read a whole photo file.

    The orientation is applied to the pixels. EXIF, XMP, IPTC captions, the colour profile, comments, a PNG's texts and
    the resolution are kept for writing; thumbnails, orientation and descriptions of further pictures are not. In a file
    with several pictures, the first or main one is read.

    Args:
        path: the file.
        keep_location: keep GPS position, place names, serial numbers, and the maker's note, which contains them too.

    Raises:
        PhotoError: there is no such file, or it is not a photo, cut short, too large, or needs a further library.
    """
    path = Path(path)
    with photo_errors(path):
        _refuse_no_file(path)
        file = decoder_of(path).read(path)
        notes = [*file.notes, *of_credentials(path)]
        photo = standard_range(file.photo, notes)
        if photo.colors.has_tables:
            notes.append(TABLES)
            photo = photo.in_srgb()
        metadata = file.metadata.cleaned(photo.size, keep_location, notes)
        metadata = replace(metadata, icc_profile=photo.icc_profile)
        return replace(file, photo=photo, metadata=metadata, notes=tuple(notes))


def stated_size(path: str | Path) -> tuple[int, int]:
    """Width and height as a photo file states them, without decoding it or turning a sideways photo upright.

    Raises:
        PhotoError: as :func:`read_photo`.
    """
    path = Path(path)
    with photo_errors(path):
        _refuse_no_file(path)
        return decoder_of(path).stated_size(path)


def _refuse_no_file(path: Path) -> None:
    if path.is_dir():  # opening it reports this
        return
    if not stat.S_ISREG(path.stat().st_mode):
        raise PhotoError(path, "is a pipe or a device, not a file; give - to read a photo from a pipe")
    if path.stat().st_size == 0:
        raise PhotoError(path, "is empty; copy it again from the camera")
