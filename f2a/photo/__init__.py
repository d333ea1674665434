"""The one door between photo files and photos."""

from f2a.photo.errors import PhotoError
from f2a.photo.formats import READ_ONLY_SUFFIXES, SUFFIXES, check_target, format_of
from f2a.photo.photo import Photo, exif_transposed
from f2a.photo.reading import PhotoFile, open_photo, read_photo
from f2a.photo.writing import write_photo

__all__ = [
    "READ_ONLY_SUFFIXES",
    "SUFFIXES",
    "Photo",
    "PhotoError",
    "PhotoFile",
    "check_target",
    "exif_transposed",
    "format_of",
    "open_photo",
    "read_photo",
    "write_photo",
]
