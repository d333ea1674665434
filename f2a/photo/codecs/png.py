"""PNG files (ISO 15948): their chunks, and colours of 16 bits, which Pillow cannot hold."""

import re
import struct
import zlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from f2a.photo.codecs import losses, pillow
from f2a.photo.color_space import HdrProfile
from f2a.photo.file import PhotoFile
from f2a.photo.metadata.iptc import find_iptc, photoshop_resource
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.metadata.png_text import TEXT_CHUNKS, PngTextError, text_of
from f2a.photo.metadata.privacy import decoded
from f2a.photo.metadata.xmp_extension import PACKET_SIGNATURE
from f2a.photo.photo import Stored
from f2a.photo.pixels import with_channels

SIGNATURE = b"\x89PNG\r\n\x1a\n"

SUFFIXES = (".png", ".apng")
MODES = ("L", "LA", "RGB", "RGBA")
BITS = 16
METADATA = ("exif", "xmp", "iptc", "comments", "texts")

QUICK = 3
"""Of zlib's levels: of noisy 16-bit photos the higher ones take longer and leave no smaller file."""

GREY = 0
"""The colour type (ISO 15948, table 11.1)."""
COLOR_CHUNKS = {b"gAMA", b"cHRM", b"sRGB", b"cICP"}
KEPT_CHUNKS = COLOR_CHUNKS | {b"pHYs", b"tIME", b"tEXt", b"zTXt", b"iTXt"}
OTHER_CHUNKS = {
    b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"eXIf", b"iCCP", b"acTL", b"fcTL", b"fdAT", b"bKGD", b"hIST", b"sBIT",
    b"sPLT", b"oFFs", b"caNv", b"vpAg", b"iDOT", b"mDCV", b"cLLI",
}  # fmt: skip
"""Those that hold the pixels or what is kept otherwise, and hints to viewers."""
LOST_CHUNKS = {b"caBX": losses.CREDENTIALS}
IPTC_PROFILE = b"Raw profile type iptc\0"
"""The keyword under which ImageMagick and exiftool keep captions: Photoshop's resources as lines of hexadecimal."""
EXIF = b"Exif\0\0"
REPLACED_TEXTS = (b"XML:com.adobe.xmp", b"Raw profile type ")
"""Texts that are metadata in disguise: they are cleaned and written in their own chunks."""


class Chunks(NamedTuple):
    """What a PNG's chunks say, in front of the pixels and behind them.

    Attributes:
        bits, colour_type: of the header.
        kept: those that are written again as they are.
        exif, icc_profile: where it has a chunk.
        replaced: by their keywords, the texts that are metadata in disguise.
        kinds: of all chunks.
    """

    bits: int
    colour_type: int
    kept: list[tuple[bytes, bytes]]
    exif: bytes
    icc_profile: bytes
    replaced: dict[str, bytes]
    kinds: list[bytes]

    @property
    def is_beyond_pillow(self) -> bool:
        """Whether it has 16 bits, in colour or with alpha, or is grey of which one level is transparent."""
        return b"tRNS" in self.kinds if self.colour_type == GREY else self.bits == 16


MAGIC = re.compile(re.escape(SIGNATURE))
stated_size = partial(pillow.stated_size, formats=("PNG",))


def read(path: Path) -> PhotoFile:
    chunks = read_chunks(path)
    notes = losses.of_parts(chunks.kinds, LOST_CHUNKS, OTHER_CHUNKS | KEPT_CHUNKS)
    file = pillow.read(
        path,
        "PNG",
        notes=notes + losses.of_photoshop(_raw_profile(chunks, "8bim")),
        deep=partial(decode, path) if chunks.is_beyond_pillow else None,
        exif=(chunks.exif or _raw_profile(chunks, "exif") or _raw_profile(chunks, "APP1", EXIF)).removeprefix(EXIF),
        xmp=chunks.replaced.get("XML:com.adobe.xmp")
        or _raw_profile(chunks, "xmp")
        or _raw_profile(chunks, "APP1", PACKET_SIGNATURE),
        icc_profile=chunks.icc_profile or _raw_profile(chunks, "icc") or _raw_profile(chunks, "icm"),
        iptc=find_iptc(_raw_profile(chunks, "iptc")) or find_iptc(_raw_profile(chunks, "8bim")),
        png_chunks=chunks.kept,
    )
    if isinstance(file.photo.colors, HdrProfile):  # which it will not be
        kept = [chunk for chunk in chunks.kept if chunk[0] not in COLOR_CHUNKS]
        return replace(file, metadata=replace(file.metadata, png_chunks=kept))
    return file


def write(stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]) -> bytes:
    if isinstance(stored, np.ndarray):
        return with_metadata(encode16(stored), metadata)
    return with_metadata(bytes(pillow.save(stored, "PNG", icc_profile=None)), metadata)


def read_chunks(path: Path) -> Chunks:
    """Read the chunks around the pixels of a file that begins as a PNG does."""
    kept, exif, icc_profile, replaced, kinds = [], b"", b"", {}, [b"IHDR"]
    with path.open("rb") as file:
        file.seek(len(SIGNATURE))
        _, header = _next(file)
        while kinds[-1] != b"IEND":
            kind, data = _next(file)
            kinds.append(kind)
            if kind in TEXT_CHUNKS and data.startswith(REPLACED_TEXTS):
                replaced[data.partition(b"\0")[0].decode("latin-1")] = _text(kind, data)
            elif kind in KEPT_CHUNKS:
                kept.append((kind, data))
            elif kind == b"eXIf":
                exif = data
            elif kind == b"iCCP" and b"IDAT" not in kinds:  # name and method stand in front, as a keyword does
                icc_profile = _text(b"zTXt", data)
    return Chunks(header[8], header[9], kept, exif, icc_profile, replaced, kinds)


def _text(kind: bytes, data: bytes) -> bytes:
    try:
        return text_of(kind, data)[1]
    except PngTextError:
        return b"damaged"


def _next(file: BinaryIO) -> tuple[bytes, bytes]:
    """Type and content of the next chunk; where pixels are missing, whoever decodes them says so."""
    start = file.read(8)
    if len(start) < 8:
        return b"IEND", b""
    length, kind = struct.unpack(">I4s", start)
    if kind == b"IDAT":
        file.seek(length + 4, 1)
        return kind, b""
    data = file.read(length)
    file.seek(4, 1)
    return kind, data


def decode(path: Path) -> np.ndarray:
    """The pixels of a PNG, ``(H, W, 1 to 4)`` uint16, or uint8 where it has at most eight bits."""
    import imagecodecs

    return with_channels(imagecodecs.png_decode(path.read_bytes()))


def encode16(stored: np.ndarray) -> bytes:
    """A 16-bit PNG of ``(H, W, 1 to 4)`` uint16."""
    import imagecodecs

    shape = stored.shape[:2] if stored.shape[-1] == 1 else stored.shape
    plain = np.ascontiguousarray(stored).ravel().reshape(shape)  # strides of sides of one pixel must be regular, too
    return bytes(imagecodecs.png_encode(plain, QUICK))


def with_metadata(png: bytes, metadata: Metadata) -> bytes:
    """The same PNG with the metadata's chunks right behind its header."""
    chunks = list(metadata.png_chunks)
    kinds = {kind for kind, _ in chunks}
    if metadata.icc_profile:
        chunks = [chunk for chunk in chunks if chunk[0] != b"sRGB"]
        chunks.insert(0, (b"iCCP", b"ICC Profile\0\0" + zlib.compress(metadata.icc_profile)))
    if metadata.dpi and b"pHYs" not in kinds:
        chunks.append((b"pHYs", struct.pack(">IIB", *(round(dots / 0.0254) for dots in metadata.dpi), 1)))
    chunks += [(b"iTXt", b"Comment\0\0\0\0\0" + decoded(text).encode()) for text in metadata.comments]
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif))
    if metadata.iptc:
        chunks.append((b"zTXt", IPTC_PROFILE + b"\0" + zlib.compress(_hexadecimal(photoshop_resource(metadata.iptc)))))
    if metadata.xmp:
        chunks.append((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + metadata.xmp))
    end_of_header = len(SIGNATURE) + 25
    return png[:end_of_header] + b"".join(_chunk(*chunk) for chunk in chunks) + png[end_of_header:]


def _hexadecimal(content: bytes) -> bytes:
    digits = content.hex().encode()
    lines = [digits[start : start + 72] for start in range(0, len(digits), 72)]
    return b"\niptc\n%8d\n" % len(content) + b"\n".join(lines) + b"\n"


def _raw_profile(chunks: Chunks, kind: str, start: bytes = b"") -> bytes:
    """As ImageMagick writes metadata into PNG; older ones as a JPEG's APP1, whose ``start`` tells what it is."""
    digits = chunks.replaced.get(f"Raw profile type {kind}", b"").split(b"\n")[3:]
    try:
        content = bytes.fromhex(b"".join(digits).decode("latin-1"))
    except ValueError:
        return b"damaged"
    return content[len(start) :] if content.startswith(start) else b""


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
