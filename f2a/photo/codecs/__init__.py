"""The photo file formats, one module each, and the tables of them. Only this module decides which format a file has."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from f2a.photo.codecs import avif, bmp, heif, jpeg, jpeg2000, others, png, raw, tiff, webp
from f2a.photo.codecs.losses import JPEG_START
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.photo import PhotoFile, Stored


class Reader(Protocol):
    """A module that reads files."""

    @property
    def SUFFIXES(self) -> tuple[str, ...]:
        """File name suffixes; a file whose name has none of them is given the first."""
        ...

    def stated_size(self, path: Path) -> tuple[int, int]:
        """Width and height, from the file's header alone."""
        ...

    def read(self, path: Path) -> PhotoFile:
        """The photo, decoded and turned upright, with its metadata unchanged."""
        ...


class Decoder(Reader, Protocol):
    """A module that reads files recognised by their first bytes."""

    @property
    def MAGIC(self) -> re.Pattern[bytes]:
        """Pattern that the first 64 bytes match."""
        ...


class Codec(Decoder, Protocol):
    """A module that also writes files."""

    @property
    def MODES(self) -> tuple[str, ...]:
        """Pillow's modes that the format stores without loss; another mode is widened, never clipped."""
        ...

    @property
    def BITS(self) -> int:
        """Number of bits written per colour."""
        ...

    @property
    def METADATA(self) -> tuple[str, ...]:
        """The keys of :data:`f2a.photo.metadata.metadata.PARTS` that the format can store."""
        ...

    def write(
        self, stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
    ) -> bytes | memoryview:
        """The content of a whole file.

        Args:
            stored: an image in one of ``MODES``, or uint16 if ``BITS`` is more than 8.
            metadata: the cleaned metadata.
            encoding: the encoding of the photo's own file, if that had the same format.
            quality: 1 to 100, instead of the file's own.
            notes: receives a sentence on each part of the metadata that does not fit.
        """
        ...


CODECS: Mapping[str, Codec] = {
    "JPEG": jpeg, "PNG": png, "WEBP": webp, "TIFF": tiff, "BMP": bmp, "AVIF": avif, "HEIF": heif
}  # fmt: skip
"""The formats that can be written, by Pillow's name."""

DECODERS: tuple[Decoder, ...] = (*CODECS.values(), jpeg2000, others)
"""All formats recognised by their first bytes, in the order in which they are tried; the last one reads the rest."""


MAX_STRAY_BYTES = 1024
"""Number of stray bytes accepted before a JPEG, as left by transfers and faulty programs; exiftool skips as many."""


def decoder_of(path: Path) -> Reader:
    """The module that reads the file. Raw files are recognised by suffix, since many begin like any TIFF file or in
    their own way."""
    with path.open("rb") as file:
        start = file.read(MAX_STRAY_BYTES)
    suffix, decoder = path.suffix.lower(), next(decoder for decoder in DECODERS if decoder.MAGIC.match(start[:64]))
    if suffix in raw.SUFFIXES and decoder in (tiff, others):
        return raw
    is_unknown = decoder is others and not others.SIGNED.match(start)
    return jpeg if is_unknown and suffix in jpeg.SUFFIXES and JPEG_START in start else decoder
