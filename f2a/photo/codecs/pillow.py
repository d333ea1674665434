"""Reading and writing shared by the formats that Pillow reads or writes."""

import io
import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, JpegImagePlugin
from PIL.ExifTags import Base

from f2a.photo.codecs import losses
from f2a.photo.color_space import color_profile
from f2a.photo.icc import space_of
from f2a.photo.limits import check_size
from f2a.photo.metadata.exif import clean_exif
from f2a.photo.metadata.metadata import Metadata, read_metadata
from f2a.photo.metadata.tiff_ifd import ExifBombError, ExifError
from f2a.photo.photo import Photo, PhotoFile, Stored, exif_transposed
from f2a.photo.pixels import turned

BLANK_ALPHA = ("BMP", "DIB", "TGA")
"""Formats in which many programs leave the fourth byte of a pixel at 0, and others then show the pixels as opaque."""

_unlimited = threading.RLock()


@contextmanager
def unlimited() -> Iterator[None]:
    """Lift Pillow's limit on pixels, which the largest cameras exceed; f2a checks its own limit before decoding."""
    with _unlimited:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def opened(file: Path | BinaryIO, *formats: str) -> Image.Image:
    """Open the file and read its header, with Pillow's decoders of these formats only: some others run programs."""
    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # f2a says itself what is wrong with a file
    with unlimited():
        return Image.open(file, formats=formats)


def read(
    path: Path,
    *formats: str,
    content: bytes | bytearray | None = None,
    notes: Iterable[str] = (),
    deep: Callable[[], np.ndarray] | None = None,
    **stated: Any,
) -> PhotoFile:
    """The photo in a file of one of these formats.

    Args:
        formats: Pillow's names of the formats.
        content: data for Pillow to read instead of the file.
        notes: sentences on what Pillow does not report.
        deep: decodes pixels that Pillow would reduce to eight bits, ``(H, W)`` or ``(H, W, 1 to 4)`` uint16.
        stated: metadata that Pillow does not report.
    """
    with opened(io.BytesIO(content) if content else path, *formats) as source:
        metadata = replace(read_metadata(source), **stated)
        if "exif" in stated or "xmp" in stated:  # Pillow looks up the orientation here
            source.info |= {"exif": b"Exif\0\0" + metadata.exif, "xmp": metadata.xmp}
        notes = [*notes_on(source), *notes]
        photo = decode(source, path, metadata, notes, deep)
        return PhotoFile(path, source.format or "", photo, metadata, notes=tuple(notes))


def written_as_png(file: PhotoFile) -> PhotoFile:
    """The file with PNG as its format for writing, and a note: its own format cannot be written."""
    note = "its result is a PNG unless another format is named"
    return replace(file, format="PNG", notes=(*file.notes, note))


def decode(
    source: Image.Image,
    path: Path,
    metadata: Metadata,
    notes: list[str],
    deep: Callable[[], np.ndarray] | None = None,
) -> Photo:
    """The photo in an opened file, upright; a profile that does not fit is left out, which ``notes`` then says.

    Args:
        deep: as for :func:`read`.

    Raises:
        PhotoError: it has more pixels than are accepted.
    """
    hide_exif_bomb(source)
    if isinstance(source.info.get("xmp"), tuple):  # numbers that are not bytes, on which Pillow fails
        del source.info["xmp"]
    if deep:
        check_size(path, source.size, bytes_per_pixel=2 * max(3, len(source.getbands())))
        stored = turned(np.atleast_3d(deep()), orientation(source))
        return Photo.from_array(stored, color_profile(metadata, "L" if stored.shape[-1] < 3 else "RGB", notes))
    is_plain = source.mode in ("1", "L", "RGB") and not source.has_transparency_data
    check_size(path, source.size, 3 if is_plain else 6)  # others are kept at 16 bits, or in several copies
    profile = color_profile(metadata, space_of(source.mode), notes)
    source.load()
    if source.format in BLANK_ALPHA and source.mode == "RGBA" and source.getchannel("A").getextrema() == (0, 0):
        source = source.convert("RGB")
    needs_no_copy = type(source) is JpegImagePlugin.JpegImageFile and orientation(source) == 1
    image = source if needs_no_copy else exif_transposed(source)
    # Pillow's writers would write the metadata found here, which have not been cleaned.
    image.info = {name: image.info[name] for name in ("transparency",) if name in image.info}
    if image.mode in ("CMYK", "LAB"):
        notes.append(f"{image.mode} colours come back relit in RGB (sRGB)")
    return Photo.from_pil(image, profile)


def stated_size(path: Path, formats: Collection[str]) -> tuple[int, int]:
    """Width and height, from the file's header alone."""
    with opened(path, *formats) as source:
        return source.size


def orientation(source: Image.Image) -> int:
    """Orientation stated by EXIF, 1 to 8; 1 is upright."""
    try:
        return int(source.getexif().get(Base.Orientation, 1))
    except Exception:  # Pillow parses EXIF lazily and raises whatever the bytes provoke
        return 1


def hide_exif_bomb(source: Image.Image) -> None:
    """Remove EXIF whose values overlap thousandfold: Pillow would copy each of them to find the orientation."""
    exif = source.info.get("exif")
    try:
        if isinstance(exif, bytes):
            clean_exif(exif.removeprefix(b"Exif\0\0"), source.size, keep_private=False)
    except ExifBombError:
        del source.info["exif"]
    except ExifError:
        pass


def notes_on(source: Image.Image) -> list[str]:
    """Notes on what Pillow reports that the file contains besides the photo."""
    notes = losses.of_xmp(source.info.get("xmp") or b"")
    if any(content.startswith(losses.ISO_GAIN_MAP) for _, content in getattr(source, "applist", ())):
        notes.insert(0, losses.GAIN_MAP)
    return notes if losses.GAIN_MAP in notes else losses.of_pictures(getattr(source, "n_frames", 1)) + notes


def save(stored: Stored, format: str, **options: Any) -> memoryview:
    """The content of a whole file, written by Pillow's encoder."""
    assert isinstance(stored, Image.Image)  # Pillow's encoders write eight bits
    content = io.BytesIO()
    stored.save(content, format, **options)
    return content.getbuffer()


def metadata_options(metadata: Metadata) -> dict[str, Any]:
    """The metadata as options of Pillow's encoders, which ignore those that their format has no room for."""
    exif = metadata.exif and b"Exif\0\0" + metadata.exif
    stated = {"exif": exif, "xmp": metadata.xmp, "dpi": metadata.dpi}
    return {"icc_profile": metadata.icc_profile or None} | {name: value for name, value in stated.items() if value}
