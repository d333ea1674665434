"""What a photo file says besides its pixels, in one form for all formats, and cleaned."""

import zlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image

from f2a.photo.chromaticity import Primaries
from f2a.photo.metadata.exif import clean_exif, flash_fired
from f2a.photo.metadata.iptc import clean_iptc
from f2a.photo.metadata.privacy import is_private_name, is_private_text
from f2a.photo.metadata.tiff_ifd import GPS_IFD, ExifError
from f2a.photo.metadata.xmp import XmpError, clean_xmp

TEXT_CHUNKS = (b"tEXt", b"zTXt", b"iTXt")
"""Types of a PNG's text chunks (ISO 15948, 11.3.4)."""
MAX_TEXT_BYTES = 1 << 22
"""Largest number of bytes unpacked from one text: twice the longest captions of any file, and no decompression bomb."""

MAX_DPI = 65_535
"""Largest number of dots per inch that a JPEG can state."""

UNKNOWN_DPI = 72
"""Resolution assumed if only the shape of a pixel is stated, in dots per inch; EXIF's default."""

PARTS = {
    "exif": "EXIF", "xmp": "XMP", "iptc": "captions (IPTC)", "comments": "comments", "texts": "texts of a PNG",
    "is_stretched": "pixels that are not square",
}  # fmt: skip
"""Attributes of :class:`Metadata` that not every format has room for, and what a sentence calls them."""


@dataclass(frozen=True)
class Metadata:
    """The metadata of a photo file; attributes that the file lacks are empty.

    Attributes:
        exif: a block that begins with its byte order.
        xmp: a packet.
        iptc: data sets.
        icc_profile: the profile of the stored pixels.
        cicp: code points (H.273) of primaries and transfer curve in HEIC, AVIF and JPEG 2000; 2 is unspecified.
        primaries: chromaticities of white and the primaries, as a BMP states them.
        gamma: gamma of the transfer curve, as a BMP states it; 0 is unspecified.
        comments: comments of a JPEG, GIF, PPM or TGA.
        dpi: horizontal and vertical resolution; if the file states only their ratio, the vertical one is
            :data:`UNKNOWN_DPI`.
        png_chunks: type and content of a PNG's chunks that say something about the picture, in the file's order.
    """

    exif: bytes = b""
    xmp: bytes = b""
    iptc: bytes = b""
    icc_profile: bytes = b""
    cicp: tuple[int, int] = (2, 2)
    primaries: Primaries | None = None
    gamma: float = 0
    comments: tuple[bytes, ...] = ()
    dpi: tuple[float, float] | None = None
    png_chunks: list[tuple[bytes, bytes]] = field(default_factory=list)

    @property
    def texts(self) -> list[tuple[bytes, bytes]]:
        """The chunks of a PNG that contain text."""
        return [chunk for chunk in self.png_chunks if chunk[0] in TEXT_CHUNKS]

    @property
    def is_stretched(self) -> bool:
        """Whether the pixels are not square."""
        return len(set(self.dpi or ())) > 1

    def lost_parts(self, kept: Collection[str]) -> list[str]:
        """Names of the parts that the file has and that are not in ``kept``, which has keys of :data:`PARTS`."""
        return [name for part, name in PARTS.items() if part not in kept and getattr(self, part)]

    def flash_fired(self) -> bool | None:
        """Whether the camera says that the flash fired; None if it says nothing."""
        return flash_fired(self._parsed_exif())

    def has_position(self) -> bool:
        """Whether the camera recorded its position."""
        return GPS_IFD in self._parsed_exif()

    def _parsed_exif(self) -> Image.Exif:
        exif = Image.Exif()
        exif.load(self.exif)
        return exif

    def cleaned(self, size: tuple[int, int], keep_private: bool, notes: list[str]) -> "Metadata":
        """The metadata for the upright photo of ``size``; what is damaged is left out, with a sentence in ``notes``."""
        exif, xmp = self.exif, self.xmp
        if exif:
            try:
                exif = clean_exif(exif, size, keep_private, notes)
            except ExifError:
                exif = b""
                notes.append("its EXIF is damaged and was left out")
        if xmp:
            try:
                xmp = clean_xmp(xmp, size, keep_private, notes)
            except XmpError:
                xmp = b""
                notes.append("its XMP is damaged and was left out")
        iptc = clean_iptc(self.iptc, keep_private, notes)
        comments = tuple(text for text in self.comments if keep_private or not is_private_text(text, notes))
        chunks = [chunk for chunk in self.png_chunks if keep_private or not _is_private(*chunk, notes)]
        notes[:] = dict.fromkeys(notes)
        return replace(self, exif=exif, xmp=xmp, iptc=iptc, comments=comments, png_chunks=chunks)


def _is_private(kind: bytes, data: bytes, notes: list[str]) -> bool:
    """Whether a PNG's chunk is a text whose keyword or value reveals the place or the individual camera."""
    if kind not in TEXT_CHUNKS:
        return False
    try:
        keyword, text = text_of(kind, data)
    except PngTextError:
        notes.append("a text is damaged or too long and was left out")
        return True
    return is_private_name(keyword) or is_private_text(text, notes)


class PngTextError(ValueError):
    """A chunk is not a valid text, or its text is too long."""


def text_of(kind: bytes, data: bytes) -> tuple[str, bytes]:
    """Keyword (with its translation) and value of a text chunk.

    Raises:
        PngTextError: it cannot be unpacked.
    """
    keyword, _, text = data.partition(b"\0")
    is_compressed = kind == b"zTXt"
    try:
        if kind == b"iTXt":
            is_compressed = text[0] == 1
            _, translation, text = text[2:].split(b"\0", 2)
            keyword += b" " + translation
        elif is_compressed:
            text = text[1:]
        if is_compressed:
            unpacking = zlib.decompressobj()
            text = unpacking.decompress(text, MAX_TEXT_BYTES)
            if not unpacking.eof:
                raise PngTextError
    except (IndexError, ValueError, zlib.error):
        raise PngTextError from None
    return keyword.decode("utf-8", "replace"), text


def read_metadata(source: Image.Image) -> Metadata:
    """The unchanged metadata of an opened file, except what a codec reads itself: captions and a PNG's texts."""
    info = source.info
    ratio = info.get("aspect") or (info.get("jfif_density") if info.get("jfif_unit") == 0 else None)
    return Metadata(
        exif=as_bytes(info.get("exif")).removeprefix(b"Exif\0\0"),
        xmp=as_bytes(info.get("xmp")),
        icc_profile=as_bytes(info.get("icc_profile")),
        comments=tuple(filter(None, [as_bytes(info.get("comment"))])),
        dpi=dpi_of_ratio(ratio) or valid_dpi(info.get("dpi")),
    )


def valid_dpi(dpi: Any) -> tuple[float, float] | None:
    """The resolution if every format can store it, else None; Pillow reports 1 for "unknown"."""
    return (float(dpi[0]), float(dpi[1])) if dpi and all(1 < dots <= MAX_DPI for dots in dpi) else None


def dpi_of_ratio(density: Any) -> tuple[float, float] | None:
    """Resolution for a density, in pixels across and down per unknown unit; None if the pixels are square."""
    if not density or not all(density) or density[0] == density[1]:
        return None
    return valid_dpi((UNKNOWN_DPI * density[0] / density[1], UNKNOWN_DPI))


def as_bytes(value: Any) -> bytes:
    """Bytes of what a library returns for a field: text, bytes, or a tuple of their values; empty for anything else."""
    if isinstance(value, str):
        return value.encode()
    try:
        return bytes(value) if isinstance(value, (bytes, bytearray, tuple)) else b""
    except (TypeError, ValueError):  # numbers that are not bytes
        return b""
