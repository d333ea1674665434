"""What a file's name says without opening the file: whether it is a photo, and in which format."""

import mimetypes
from pathlib import Path

from PIL import Image

from f2a.photo.codecs import CODECS, DECODERS, raw
from f2a.photo.errors import PhotoError

SUFFIXES = {format: codec.SUFFIXES for format, codec in CODECS.items()}
"""Suffixes of the formats that can be written; a photo whose own suffix does not fit is given the first."""

READABLE_SUFFIXES = frozenset(suffix for reader in (raw, *DECODERS) for suffix in reader.SUFFIXES)

OTHER_SUFFIXES = frozenset((
    ".jxl", ".jxr", ".wdp", ".hdp", ".jls", ".jph", ".bpg", ".flif", ".psb", ".xcf", ".kra", ".ora", ".clip",
    ".afphoto", ".exr", ".hdr", ".dpx", ".pam", ".dcm", ".eps", ".ai", ".braw", ".r3d",
))  # fmt: skip
"""Suffixes of pictures that are not read, besides those that Pillow or the system knows."""

HIDDEN_FOLDERS = ("__MACOSX", "#recycle")


def is_hidden(path: Path) -> bool:
    """Whether a program keeps the file for itself: ``._IMG_1.JPG``, ``.trashed-1-IMG_1.JPG``, ``@eaDir/IMG_1.JPG``.

    Args:
        path: path relative to the folder that the user named.
    """
    folders = path.parts[:-1]
    return any(part.startswith(".") for part in path.parts) or any(
        part.startswith(("@", "$")) or part in HIDDEN_FOLDERS for part in folders
    )


def is_photo(path: Path) -> bool:
    """Whether it is a photo in a format that can be read, and not a folder; raw files count if rawpy is installed."""
    is_read = path.suffix.lower() in READABLE_SUFFIXES and not needs_rawpy(path)
    return is_read and not is_hidden(Path(path.name)) and not path.is_dir()


def is_result(path: Path) -> bool:
    """Whether its name is one that :func:`output_name` gives, in upper or lower case."""
    return path.stem.lower().endswith("_ambient")


def needs_rawpy(path: Path) -> bool:
    """Whether it is a raw file and rawpy, which reads it, is not installed."""
    return path.suffix.lower() in raw.SUFFIXES and not raw.can_read()


def is_other_picture(path: Path) -> bool:
    """Whether it is a picture in a format that cannot be read, and not a folder."""
    return _is_picture(path) and not is_photo(path) and not is_hidden(Path(path.name)) and not path.is_dir()


def _is_picture(path: Path) -> bool:
    suffix, (kind, _) = path.suffix.lower(), mimetypes.guess_type(path.name, strict=False)
    if suffix in READABLE_SUFFIXES | OTHER_SUFFIXES or (kind or "").startswith("image/"):
        return True
    format = Image.registered_extensions().get(suffix)  # some are of films and documents
    return format is not None and Image.MIME.get(format, "image/").startswith("image/")


def names_a_file(path: Path) -> bool:
    """Whether a user who gives this name means a file rather than a folder, judging by its suffix."""
    return _is_picture(path) or mimetypes.guess_type(path.name)[0] is not None


def format_of(path: Path) -> str:
    """The format that a file name asks for.

    Raises:
        PhotoError: its suffix is not one that can be written.
    """
    for format, suffixes in SUFFIXES.items():
        if path.suffix.lower() in suffixes:
            return format
    known = " ".join(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
    raise PhotoError(path, f"cannot be written; give it one of the suffixes {known}")


def output_name(photo: Path, format: str | None) -> str:
    """``NAME_ambient.EXT``: the photo's own suffix where it fits the format (None: any), or the format's first."""
    suffix = photo.suffix
    if format and suffix.lower() not in SUFFIXES[format]:
        suffix = SUFFIXES[format][0]
    return f"{photo.stem}_ambient{suffix}"
