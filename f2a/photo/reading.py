"""Photo files into photos: decoded once, upright, with everything that their files need to be written again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, JpegImagePlugin
from PIL.ExifTags import Base

from f2a.photo.codecs import heif, png, raw, tiff
from f2a.photo.errors import PhotoError, explained
from f2a.photo.formats import DECODERS, RAW_SUFFIXES, SUFFIXES, check_size, output_format
from f2a.photo.icc import SRGB, ColorProfile, ProfileError, space_of
from f2a.photo.metadata.exif import cleaned_exif
from f2a.photo.metadata.metadata import Metadata, gather
from f2a.photo.metadata.tiff_ifd import ExifError, ExifTrapError
from f2a.photo.photo import Photo, as_image, exif_transposed


@dataclass(frozen=True)
class PhotoFile:
    """A photo, upright and decoded, and what its file needs to be written again in the same way.

    Attributes:
        path: the file.
        format: in which the photo is written unless another is asked for, by Pillow's name.
        photo: the photo.
        metadata: cleaned.
        encoding: how the file holds its pixels: quantisation tables, chroma sampling, compression.
        notes: what was left out or changed, a sentence each.
    """

    path: Path
    format: str
    photo: Photo
    metadata: Metadata
    encoding: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def output_name(self) -> str:
        """``NAME_ambient.EXT``; see :meth:`output_name_as`."""
        return self.output_name_as(self.format)

    def output_name_as(self, format: str) -> str:
        """``NAME_ambient.EXT``: the input's suffix where it fits the format, else the format's first."""
        suffix = self.path.suffix if self.path.suffix.lower() in SUFFIXES[format] else SUFFIXES[format][0]
        return f"{self.path.stem}_ambient{suffix}"


def open_photo(path: str | Path) -> Image.Image:
    """The photo in a file, upright and decoded; see :func:`read_photo`."""
    return read_photo(path).photo.to_pil()


def read_photo(path: str | Path, keep_location: bool = False) -> PhotoFile:
    """Read a photo file whole.

    The orientation is applied to the pixels. EXIF, XMP, IPTC captions, the colour profile, comments, a PNG's texts and
    the resolution are kept for writing; thumbnails, orientation and what describes further pictures are not. Of files
    that hold several pictures, the first or main one is read.

    Args:
        path: the file.
        keep_location: keep the GPS position, place names, serial numbers, and the maker's note, which has them too.

    Raises:
        PhotoError: no such file, not a photo, cut short, too large, or of a kind that needs a further library.
    """
    path = Path(path)
    with explained(path):
        if not path.is_dir() and path.stat().st_size == 0:
            raise PhotoError(path, "is empty; copy it again from the camera")
        if path.suffix.lower() in RAW_SUFFIXES:
            found = _read_raw(path)
        elif heif.is_heif(path):
            found = _read_heif(path)
        elif tiff.is_tiff(path):
            found = _read_tiff(path)
        else:
            found = _read_with_pillow(path)
        return _finished(found, keep_location)


def _finished(found: PhotoFile, keep_location: bool) -> PhotoFile:
    """With cleaned metadata, the output's format, and notes on both."""
    notes = list(found.notes)
    metadata = found.metadata.cleaned(found.photo.size, keep_location, notes)
    format, about_format = output_format(found.format, found.photo.has_alpha)
    return replace(found, metadata=metadata, format=format, notes=(*notes, *about_format))


def _read_raw(path: Path) -> PhotoFile:
    developed = raw.develop(path)
    return PhotoFile(path, "TIFF", Photo.from_array(developed.values), Metadata(exif=developed.exif))


def _read_heif(path: Path) -> PhotoFile:
    image = heif.open_heif(path)
    check_size(path, image.size, 2 * len(image.mode.partition(";")[0]) if image.mode.endswith("16") else 3)
    encoding = {"nclx_profile": image.info.get("nclx_profile")}
    metadata = heif.metadata(image)
    notes = heif.notes_on(image)
    return _with_profile(path, "HEIF", heif.decode(image), metadata, encoding, notes)


def _read_with_pillow(path: Path) -> PhotoFile:
    with _opened(path) as source:
        check_size(path, source.size)
        format = {"MPO": "JPEG"}.get(source.format or "", source.format or "")
        metadata, notes = gather(source), _notes_on(source)
        chunks = png.read_chunks(path) if format == "PNG" else png.NO_CHUNKS
        _hide_trap(source)
        if chunks.is_deep_colour:
            check_size(path, source.size, 2 * chunks.channels)
            stored: Image.Image | np.ndarray = _turned(png.decode_deep(path), _orientation(source))
        else:
            if not _is_plain(source):
                check_size(path, source.size, bytes_a_pixel=6)
            source.load()
            _hide_trap(source)
            needs_no_copy = type(source) is JpegImagePlugin.JpegImageFile and _orientation(source) == 1
            stored = source if needs_no_copy else exif_transposed(source)
        encoding = _encoding(source, path)
    if format == "TIFF":
        metadata = _with_directory(metadata, path, notes)
    if format == "PNG":
        metadata = replace(metadata, png_chunks=chunks.kept, iptc=chunks.iptc)
    return _with_profile(path, format, stored, metadata, encoding, notes)


def _read_tiff(path: Path) -> PhotoFile:
    deep = tiff.read_deep(path)
    if deep is None:
        return _read_with_pillow(path)
    notes = _notes_on_pictures(deep.pages)
    metadata = _with_directory(deep.metadata, path, notes)
    stored = _turned(deep.values, deep.orientation)
    return _with_profile(path, "TIFF", stored, metadata, {"compression": deep.compression}, notes)


def _with_directory(metadata: Metadata, path: Path, notes: list[str]) -> Metadata:
    try:
        said = tiff.read_directory(path)
    except ExifError:
        notes.append("its EXIF is of an unknown kind and was left out")
        return metadata
    return replace(metadata, exif=said.exif, iptc=said.iptc)


def _with_profile(
    path: Path,
    format: str,
    stored: Image.Image | np.ndarray,
    metadata: Metadata,
    encoding: dict[str, Any],
    notes: list[str],
) -> PhotoFile:
    """The file's photo with its profile, which is left out if it is damaged or describes other pixels."""
    image = as_image(stored)
    try:
        profile = ColorProfile(metadata.icc_profile or None, space_of(image.mode))
    except ProfileError as error:
        notes.append(str(error))
        metadata, profile = replace(metadata, icc_profile=b""), SRGB
    if image.mode in ("CMYK", "LAB"):
        notes.append(f"{image.mode} colours come back relit in RGB (sRGB)")
    # Pillow's writers take metadata from here unasked, and these have not been cleaned.
    image.info = {name: image.info[name] for name in ("transparency",) if name in image.info}
    photo = Photo.from_array(stored, profile) if isinstance(stored, np.ndarray) else Photo.from_pil(image, profile)
    return PhotoFile(path, format, photo, metadata, encoding, tuple(notes))


def _is_plain(source: Image.Image) -> bool:
    """Whether the photo is relit as it is; others are held at 16 bits, or as several copies."""
    try:
        curve = ColorProfile(source.info.get("icc_profile"), space_of(source.mode)).has_srgb_curve
    except ProfileError:  # a damaged profile is left out
        curve = True
    return curve and source.mode in ("1", "L", "RGB") and not source.has_transparency_data


_TURNS = {2: (0, True), 3: (2, False), 4: (2, True), 5: (1, True), 6: (3, False), 7: (3, True), 8: (1, False)}
"""By EXIF orientation: quarter turns counter-clockwise after mirroring left and right."""


def _turned(stored: np.ndarray, orientation: int) -> np.ndarray:
    turns, mirrored = _TURNS.get(orientation, (0, False))
    return np.ascontiguousarray(np.rot90(stored[:, ::-1] if mirrored else stored, turns))


def _orientation(source: Image.Image) -> int:
    try:
        return int(source.getexif().get(Base.Orientation, 1))
    except Exception:  # Pillow parses EXIF lazily and raises whatever the bytes provoke
        return 1


def _hide_trap(source: Image.Image) -> None:
    """Of EXIF whose values overlap thousandfold Pillow would copy each one to find the orientation."""
    exif = source.info.get("exif")
    try:
        if isinstance(exif, bytes):
            cleaned_exif(exif.removeprefix(b"Exif\0\0"), source.size, keep_private=False)
    except ExifTrapError:
        del source.info["exif"]
    except ExifError:
        pass


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Pillow's own limit of pixels lies below the largest cameras; ours is looked at right after the header."""
    with _opening:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            source = Image.open(path, formats=DECODERS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    with source:
        yield source


_opening = threading.Lock()


def _notes_on(source: Image.Image) -> list[str]:
    notes = []
    xmp = source.info.get("xmp") or b""
    if b"hdrgm:Version" in xmp or b"HDRGainMapVersion" in xmp:
        notes.append("its HDR gain map is left out: the result is the standard picture")
    else:
        notes += _notes_on_pictures(getattr(source, "n_frames", 1))
    if b"MotionPhoto" in xmp or b"MicroVideo" in xmp:
        notes.append("its film is left out")
    return notes


def _notes_on_pictures(number: int) -> list[str]:
    return [f"holds {number} pictures; the first is relit"] if number > 1 else []


def _encoding(source: Image.Image, path: Path) -> dict[str, Any]:
    """Options for writing pixels as this file holds them, in the terms of the format's writer."""
    if isinstance(source, JpegImagePlugin.JpegImageFile):
        sampling = JpegImagePlugin.get_sampling(source)
        lies_down = _orientation(source) > 4
        if sampling < 0 or (sampling == 1 and lies_down):  # others than 4:4:4, 4:2:2 and 4:2:0 cannot be written
            sampling = 0
        options = {"qtables": source.quantization, "subsampling": sampling}
        return options | ({"progressive": True} if source.info.get("progressive") else {})
    if source.format == "WEBP" and _is_lossless_webp(path):
        return {"lossless": True, "exact": True}
    if source.format == "TIFF":
        return {"compression": tiff.COMPRESSIONS.get(source.info.get("compression", ""), tiff.DEFLATE)}
    return {}


def _is_lossless_webp(path: Path) -> bool:
    """Whether the first picture is (RFC 9649)."""
    with path.open("rb") as file:
        file.seek(12)
        while len(chunk := file.read(8)) == 8:
            if chunk[:4] in (b"VP8L", b"VP8 "):
                return chunk[:4] == b"VP8L"
            size = int.from_bytes(chunk[4:], "little")
            file.seek(16 if chunk[:4] == b"ANMF" else size + size % 2, 1)
    return False
