"""Writing photo files, encoded like the input, whole or not at all."""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from f2a.errors import first_line
from f2a.files import atomic_write
from f2a.photo.codecs import CODECS, Codec, heif
from f2a.photo.color_space import exif_of_srgb
from f2a.photo.errors import PhotoError, PhotoExistsError
from f2a.photo.icc import fitting_profile, space_of
from f2a.photo.names import format_of
from f2a.photo.photo import Photo, PhotoFile, Stored
from f2a.photo.pixels import image_of, to_eight_bits


def check_target(path: Path, overwrite: bool) -> str:
    """The format that a file name asks for, if the file may be written.

    Raises:
        PhotoExistsError: it exists and ``overwrite`` is false.
        PhotoError: its suffix is not one that can be written, or the encoder is not installed.
    """
    try:
        exists = path.exists()
    except OSError as error:  # for example, the name is too long
        raise PhotoError(path, f"cannot be written ({error.strerror}); choose another output") from None
    if exists and not overwrite:
        raise PhotoExistsError(path)
    format = format_of(path)
    if CODECS[format] is heif and not heif.can_write():
        raise PhotoError(path, "cannot be written without its encoder; run: pip install pillow-heif")
    return format


def write_photo(
    photo: Photo, path: Path, like: PhotoFile, overwrite: bool = False, quality: int | None = None
) -> list[str]:
    """Write ``photo`` to ``path`` with the metadata of ``like``; the file appears whole or not at all.

    A JPEG made from a JPEG gets its quantisation tables and chroma sampling. The file gets the modification time of
    ``like``, so that the two stay next to each other where photos are sorted by time.

    Args:
        photo: the photo to write.
        path: the file to write; its suffix tells the format.
        like: the file that the photo was made from.
        overwrite: replace an existing file.
        quality: 1 to 100, for formats that have a quality, instead of the input's.

    Returns:
        what the format could not store, one sentence each.

    Raises:
        PhotoError: ``path`` exists, has an unknown suffix, cannot store the photo's transparency, or cannot be written.
    """
    format, notes = check_target(path, overwrite), list[str]()
    content = _encoded(photo, path, format, like, quality, notes)
    try:
        with atomic_write(path) as beside:
            beside.write_bytes(content)
    except OSError as error:
        reason = first_line(error)
        raise PhotoError(path, f"cannot be written ({reason}); check folder, permissions and space") from None
    with suppress(OSError):
        os.utime(path, ns=(path.stat().st_atime_ns, like.path.stat().st_mtime_ns))
    return notes


def _encoded(
    photo: Photo, path: Path, format: str, like: PhotoFile, quality: int | None, notes: list[str]
) -> bytes | memoryview:
    """The content of the whole file; ``notes`` receives a sentence on what the format cannot store."""
    codec = CODECS[format]
    stored, icc_profile = _fitting(photo, codec, format, path, notes, like.bits)
    metadata = replace(like.metadata, icc_profile=icc_profile)
    if lost := metadata.lost_parts(codec.METADATA):
        notes.append(f"{format} has no room for {' or '.join(lost)}, which the photo had")
    if not icc_profile:
        metadata = replace(metadata, exif=exif_of_srgb(metadata.exif))
    encoding = like.encoding if like.format == format else {}
    try:
        return codec.write(stored, metadata, encoding, quality, notes)
    except Exception as error:  # encoders raise many kinds; WebP, for example, is limited to 16383 pixels a side
        raise PhotoError(path, f"cannot be encoded as {format} ({error}); choose another format") from None


def _fitting(photo: Photo, codec: Codec, format: str, path: Path, notes: list[str], bits: int) -> tuple[Stored, bytes]:
    """The pixels as the format can store them, and their profile; ``bits`` is the depth of the photo's own file."""
    if photo.shape[2] == 1 and "L" not in codec.MODES:
        photo = photo.grey_in_rgb()
    if photo.dtype == np.uint16 and codec.BITS < 16 and photo.colors.is_coarse:
        photo = _with_srgb_curve(photo)
    stored = photo.stored
    if isinstance(stored, np.ndarray):
        if bits > codec.BITS:
            notes.append(f"{format} is written with {codec.BITS} bits a colour, so {bits} were rounded")
        if codec.BITS > 8:
            return stored, photo.icc_profile
        stored = image_of(to_eight_bits(stored))
    image = _in_mode_of(codec, stored, format, path)
    profile = fitting_profile(photo.icc_profile, space_of(image.mode), [])
    return image, profile.icc_profile or b""


def _with_srgb_curve(photo: Photo) -> Photo:
    """The photo with sRGB's curve, so that eight or ten bits are enough for shadows of linear light."""
    result = photo.blank_copy()
    result.set_rows(0, photo.colors.in_srgb_curve(photo.rows()))
    result.colors = photo.colors.with_srgb_curve
    return result


def _in_mode_of(codec: Codec, image: Image.Image, format: str, path: Path) -> Image.Image:
    if image.has_transparency_data and "RGBA" not in codec.MODES:
        image = image.convert("RGBA")
        if image.getchannel("A").getextrema()[0] != 255:
            raise PhotoError(path, f"{format} cannot hold the photo's transparency; write a .png or .webp file")
        return image.convert("RGB")
    return image
