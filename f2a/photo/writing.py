"""Photos into files: in the input's own way, whole or not at all."""

import io
import os
import uuid
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from f2a.photo.codecs import heif, png, tiff
from f2a.photo.codecs.heif import HeifError
from f2a.photo.errors import PhotoError
from f2a.photo.formats import MODES, OPAQUE, SIXTEEN_BITS, check_target
from f2a.photo.icc import ColorProfile, ProfileError, space_of
from f2a.photo.metadata import iptc
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.photo import Photo, Stored
from f2a.photo.pixels import image_of, to_eight_bits, with_channels
from f2a.photo.reading import PhotoFile

QUALITY = {"JPEG": 95, "WEBP": 95, "AVIF": 90, "HEIF": 90}
"""Where the input's own encoding says nothing."""

LONGEST_SEGMENT = 65_500
"""Bytes of EXIF, of XMP or of a comment that a JPEG can hold."""


def write_photo(
    photo: Photo, path: Path, like: PhotoFile, overwrite: bool = False, quality: int | None = None
) -> list[str]:
    """Write ``photo`` to ``path`` with the metadata of ``like``; the file appears whole or not at all.

    A JPEG made from a JPEG has its quantisation tables and chroma sampling. The file gets the modification time of
    ``like``, so that the two stay neighbours wherever photos are sorted by time.

    Args:
        photo: the photo to write.
        path: its suffix says the format.
        like: the file that it was made from.
        overwrite: replace a file that is there.
        quality: 1 to 100, for formats that have it, instead of the input's.

    Returns:
        what the format could not hold, a sentence each.

    Raises:
        PhotoError: ``path`` exists, has an unknown suffix, cannot hold the photo's transparency, or cannot be written.
    """
    format = check_target(path, overwrite)
    notes: list[str] = []
    content, icc_profile = _in_format(photo, format, path, notes)
    metadata = replace(like.metadata, icc_profile=icc_profile)
    if format == "JPEG":
        metadata = _cut_to_jpeg(metadata, notes)
    options = like.encoding if like.format == format else {}
    try:
        encoded = _encode(content, format, metadata, options, quality)
    except HeifError as error:
        raise PhotoError(path, str(error)) from None
    except Exception as error:  # of many kinds; WebP, for one, ends at 16383 pixels a side
        raise PhotoError(path, f"cannot be encoded as {format} ({error}); choose another format") from None
    try:
        _write_beside(path, encoded)
    except OSError as error:
        said = error.strerror or str(error)
        raise PhotoError(path, f"cannot be written ({said}); check folder, permissions and space") from None
    with suppress(OSError):
        os.utime(path, ns=(path.stat().st_atime_ns, like.path.stat().st_mtime_ns))
    return notes


def _in_format(photo: Photo, format: str, path: Path, notes: list[str]) -> tuple[Stored, bytes]:
    """What is written, in 16 bits or a mode that the format holds, and its profile."""
    content = photo.stored
    if isinstance(content, np.ndarray) and format not in SIXTEEN_BITS:
        notes.append(f"{format} holds 8 bits a colour, so 16 were rounded to 8")
        content = image_of(to_eight_bits(content))
    if photo.shape[2] == 1 and "L" not in MODES[format] and not photo.has_alpha:
        return photo.to_rgb8(), b""  # as sRGB shows it: its profile fits grey only
    if isinstance(content, np.ndarray):
        return content, photo.icc_profile
    content = _fit_mode(content, format, path)
    try:
        ColorProfile(photo.icc_profile or None, space_of(content.mode))
    except ProfileError:
        return content, b""
    return content, photo.icc_profile


def _fit_mode(photo: Image.Image, format: str, path: Path) -> Image.Image:
    if format in OPAQUE and photo.has_transparency_data:
        photo = photo.convert("RGBA")
        if photo.getchannel("A").getextrema()[0] != 255:
            raise PhotoError(path, f"{format} cannot hold the photo's transparency; write a .png or .webp file")
        photo = photo.convert("RGB")
    if photo.mode in MODES[format]:
        return photo
    return photo.convert("RGBA" if photo.has_transparency_data else "RGB")


def _cut_to_jpeg(metadata: Metadata, notes: list[str]) -> Metadata:
    fitting: dict[str, Any] = {}
    for name in ("exif", "xmp", "comment"):
        if len(getattr(metadata, name)) > LONGEST_SEGMENT:
            fitting[name] = b""
            notes.append(f"its {name} is longer than a JPEG can hold and was left out")
    return replace(metadata, **fitting)


def _encode(
    content: Image.Image | np.ndarray, format: str, metadata: Metadata, options: dict[str, Any], quality: int | None
) -> bytes | memoryview:
    if format == "HEIF":
        nclx = options.get("nclx_profile")
        return heif.encode(with_channels(np.asarray(content)), metadata, quality or QUALITY["HEIF"], nclx)
    if format == "TIFF" and (isinstance(content, np.ndarray) or content.mode not in ("1", "P", "CMYK")):
        return tiff.encode(with_channels(np.asarray(content)), metadata, options.get("compression", tiff.DEFLATE))
    if format == "PNG":
        plain = png.encode_deep(content) if isinstance(content, np.ndarray) else _save(content, "PNG", icc_profile=None)
        return png.with_metadata(bytes(plain), metadata)
    assert isinstance(content, Image.Image)  # the other formats hold eight bits
    return _save(content, format, **_pillow_options(format, metadata, options, quality))


def _save(photo: Image.Image, format: str, **options: Any) -> memoryview:
    content = io.BytesIO()
    photo.save(content, format, **options)
    return content.getbuffer()


def _pillow_options(format: str, metadata: Metadata, options: dict[str, Any], quality: int | None) -> dict[str, Any]:
    known: dict[str, Any] = {"icc_profile": metadata.icc_profile or None}
    if metadata.exif:
        known["exif"] = b"Exif\0\0" + metadata.exif
    if metadata.dpi:
        known["dpi"] = metadata.dpi
    if format == "TIFF":
        exif = Image.Exif()
        exif.load(known.get("exif", b""))
        if metadata.xmp:
            exif[700] = metadata.xmp
        return known | {"exif": exif, "compression": "tiff_adobe_deflate"}
    if metadata.xmp:
        known["xmp"] = metadata.xmp
    if format == "JPEG":
        known |= {"extra": iptc.jpeg_segment(metadata.iptc), "comment": metadata.comment, "subsampling": 0}
    known |= options
    if quality is not None:
        known.pop("qtables", None)
        known.pop("lossless", None)
    if "qtables" not in known and format in QUALITY:
        known["quality"] = quality or QUALITY[format]
    return known


def _write_beside(path: Path, content: bytes | memoryview) -> None:
    """Write under another name in the same folder, then rename: a reader sees all of the file or none of it."""
    beside = path.with_name(f".{uuid.uuid4().hex}.part")  # without the name, which may be as long as names can be
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
