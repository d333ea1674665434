"""The one door between photo files and photos."""

from f2a.photo.errors import PhotoError
from f2a.photo.file import PhotoFile
from f2a.photo.names import (
    SUFFIXES,
    format_of,
    is_hidden,
    is_other_picture,
    is_photo,
    names_a_file,
    needs_rawpy,
    output_name,
)
from f2a.photo.photo import Photo, exif_transposed
from f2a.photo.reading import open_photo, read_photo, stated_size
from f2a.photo.writing import check_target, write_photo

__all__ = [
    "SUFFIXES",
    "Photo",
    "PhotoError",
    "PhotoFile",
    "check_target",
    "exif_transposed",
    "format_of",
    "is_hidden",
    "is_other_picture",
    "is_photo",
    "names_a_file",
    "needs_rawpy",
    "open_photo",
    "output_name",
    "read_photo",
    "stated_size",
    "write_photo",
]
