"""The formats of photo files, a module each, and the table of them: nobody else asks which format a file has."""

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
        """The first one is given to a file whose name has none of them."""
        ...

    def stated_size(self, path: Path) -> tuple[int, int]:
        """Width and height, by the file's header alone."""
        ...

    def read(self, path: Path) -> PhotoFile:
        """The photo, decoded and upright, its metadata as they are."""
        ...


class Decoder(Reader, Protocol):
    """A module that reads files which are told by their first bytes."""

    @property
    def MAGIC(self) -> re.Pattern[bytes]:
        """Of the first 64 bytes."""
        ...


class Codec(Decoder, Protocol):
    """A module that writes files, too."""

    @property
    def MODES(self) -> tuple[str, ...]:
        """Pillow's modes that the format holds without loss; another mode is widened, never clipped."""
        ...

    @property
    def BITS(self) -> int:
        """Of a colour, as many as are written."""
        ...

    @property
    def METADATA(self) -> tuple[str, ...]:
        """The keys of :data:`f2a.photo.metadata.metadata.PARTS` that the format has room for."""
        ...

    def write(
        self, stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
    ) -> bytes | memoryview:
        """A whole file.

        Args:
            stored: of one of ``MODES``, or uint16 where ``BITS`` are more than 8.
            metadata: cleaned.
            encoding: of the photo's own file, where that had the same format.
            quality: 1 to 100, instead of the file's own.
            notes: receives a sentence on each part of the metadata that finds no room.
        """
        ...


CODECS: Mapping[str, Codec] = {
    "JPEG": jpeg, "PNG": png, "WEBP": webp, "TIFF": tiff, "BMP": bmp, "AVIF": avif, "HEIF": heif
}  # fmt: skip
"""Those that are written, by Pillow's name."""

DECODERS: tuple[Decoder, ...] = (*CODECS.values(), jpeg2000, others)
"""In the order in which they are asked; the last one reads what is left."""


MAX_STRAY_BYTES = 1024
"""In front of a JPEG, as transfers and faulty programs leave them; as exiftool, which passes over so many."""


def decoder_of(path: Path) -> Reader:
    """The module that reads the file: a raw file by its suffix, for many begin like any TIFF file or in ways of their
    own."""
    with path.open("rb") as file:
        start = file.read(MAX_STRAY_BYTES)
    suffix, decoder = path.suffix.lower(), next(decoder for decoder in DECODERS if decoder.MAGIC.match(start[:64]))
    if suffix in raw.SUFFIXES and decoder in (tiff, others):
        return raw
    is_unknown = decoder is others and not others.SIGNED.match(start)
    return jpeg if is_unknown and suffix in jpeg.SUFFIXES and JPEG_START in start else decoder
