"""PNG files (ISO 15948): their chunks, and colours of 16 bits, which Pillow cannot hold."""

import mmap
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from f2a.photo.codecs import losses, pillow
from f2a.photo.codecs.printed import printed_by_libraries
from f2a.photo.color_space import HdrProfile
from f2a.photo.metadata.iptc import find_iptc, photoshop_resource
from f2a.photo.metadata.metadata import TEXT_CHUNKS, Metadata, PngTextError, text_of
from f2a.photo.metadata.privacy import decoded
from f2a.photo.metadata.xmp_extension import PACKET_SIGNATURE
from f2a.photo.photo import PhotoFile, Stored
from f2a.photo.pixels import with_channels

SIGNATURE = b"\x89PNG\r\n\x1a\n"

SUFFIXES = (".png", ".apng")
MODES = ("L", "LA", "RGB", "RGBA")
BITS = 16
METADATA = ("exif", "xmp", "iptc", "comments", "texts", "is_stretched")

QUICK = 3
"""Of zlib's levels: of noisy 16-bit photos the higher ones take longer and leave no smaller file."""

END_OF_SIZE = len(SIGNATURE) + 16
"""Behind which the header holds bits and colour type."""
GREY = 0
"""The colour type (ISO 15948, table 11.1)."""
CRITICAL_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
FURTHER_CHUNKS = {b"tRNS", b"pHYs", b"acTL", b"fcTL", b"fdAT"}
"""Of which Pillow tells, too."""
COLOR_CHUNKS = {b"gAMA", b"cHRM", b"sRGB", b"cICP"}
KEPT_CHUNKS = COLOR_CHUNKS | {b"pHYs", b"tIME", b"tEXt", b"zTXt", b"iTXt"}
OTHER_CHUNKS = CRITICAL_CHUNKS | FURTHER_CHUNKS | {
    b"eXIf", b"iCCP", b"bKGD", b"hIST", b"sBIT", b"sPLT", b"oFFs", b"caNv", b"vpAg", b"iDOT", b"mDCV", b"cLLI"
}  # fmt: skip
"""Those that hold the pixels or what is kept otherwise, and hints to viewers."""
LOST_CHUNKS = {b"caBX": losses.CREDENTIALS}
IPTC_PROFILE = b"Raw profile type iptc\0"
"""The keyword under which ImageMagick and exiftool keep captions: Photoshop's resources as lines of hexadecimal."""
EXIF = b"Exif\0\0"
REPLACED_TEXTS = (b"xml:com.adobe.xmp", b"raw profile type ")
"""Texts that are metadata in disguise, in small letters: they are cleaned and written in their own chunks."""


class Chunks(NamedTuple):
    """What a PNG's chunks say, in front of the pixels and behind them.

    Attributes:
        pixels: a PNG of those that a decoder needs: libpng prints warnings on others.
        kept: those that are written again as they are.
        exif, icc_profile: where it has a chunk.
        replaced: by their keywords, the texts that are metadata in disguise.
        kinds: of all chunks.
        notes: on what is damaged.
    """

    pixels: bytearray
    kept: list[tuple[bytes, bytes]]
    exif: bytes
    icc_profile: bytes
    replaced: dict[bytes, bytes]
    kinds: list[bytes]
    notes: list[str]

    @property
    def is_beyond_pillow(self) -> bool:
        """Whether it has 16 bits, in colour or with alpha, or is grey of which one level is transparent."""
        bits, colour_type = self.pixels[END_OF_SIZE : END_OF_SIZE + 2]
        return b"tRNS" in self.kinds if colour_type == GREY else bits == 16


MAGIC = re.compile(re.escape(SIGNATURE))


def stated_size(path: Path) -> tuple[int, int]:
    with path.open("rb") as file:
        width, height = struct.unpack_from(">II", file.read(END_OF_SIZE), END_OF_SIZE - 8)
    return width, height


def read(path: Path) -> PhotoFile:
    chunks = read_chunks(path)
    file = pillow.read(
        path,
        "PNG",
        content=chunks.pixels,
        notes=[
            *chunks.notes,
            *losses.of_parts(chunks.kinds, LOST_CHUNKS, OTHER_CHUNKS | KEPT_CHUNKS),
            *losses.of_photoshop(_raw_profile(chunks, b"8bim")),
        ],
        deep=partial(decode, chunks.pixels) if chunks.is_beyond_pillow else None,
        exif=(chunks.exif or _raw_profile(chunks, b"exif") or _raw_profile(chunks, b"app1", EXIF)).removeprefix(EXIF),
        xmp=chunks.replaced.get(b"xml:com.adobe.xmp")
        or _raw_profile(chunks, b"xmp")
        or _raw_profile(chunks, b"app1", PACKET_SIGNATURE),
        icc_profile=chunks.icc_profile or _raw_profile(chunks, b"icc") or _raw_profile(chunks, b"icm"),
        iptc=find_iptc(_raw_profile(chunks, b"iptc")) or find_iptc(_raw_profile(chunks, b"8bim")),
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
    """Read the chunks of a file that begins as a PNG does.

    The pixels have a checksum of their own beside those of their chunks, by which the decoder tells whether they are
    whole.

    Raises:
        OSError: a chunk without which the pixels cannot be read is damaged, or of an unknown kind.
    """
    kept, exif, icc_profile, replaced, kinds, notes = [], b"", b"", {}, [], []
    pixels, end = bytearray(SIGNATURE), len(SIGNATURE)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for kind, data, is_sound in _chunks(content):
            name, end = kind.decode("latin-1"), end + 12 + len(data)
            if not is_sound and kind not in (b"IDAT", b"IEND"):
                if kind[:1].isupper():
                    raise OSError(f"its chunk {name} is damaged")
                notes.append(f"its chunk {name} is damaged and was left out")
                continue
            if kind[:1].isupper() and kind not in CRITICAL_CHUNKS:
                raise OSError(f"a PNG with a chunk {name} is not supported")
            if not is_sound:
                notes.append("one of its checksums is wrong, but its pixels can be read")
            kinds.append(kind)
            if kind in CRITICAL_CHUNKS | FURTHER_CHUNKS:
                pixels += _chunk(kind, data)
            if kind in TEXT_CHUNKS and (keyword := data.partition(b"\0")[0].lower()).startswith(REPLACED_TEXTS):
                replaced[keyword] = _text(kind, data)
            elif kind in KEPT_CHUNKS:
                kept.append((kind, data))
            elif kind == b"eXIf":
                exif = data
            elif kind == b"iCCP" and b"IDAT" not in kinds:  # name and method stand in front, as a keyword does
                icc_profile = _text(b"zTXt", data)
        behind = losses.of_data_behind(content[end:])
    if kinds[:1] != [b"IHDR"]:
        raise OSError("its chunk IHDR is missing")
    if b"IEND" not in kinds:
        notes.append(losses.END)
        pixels += _chunk(b"IEND", b"")
    return Chunks(pixels, kept, exif, icc_profile, replaced, kinds, list(dict.fromkeys([*notes, *behind])))


def _chunks(content: mmap.mmap) -> Iterator[tuple[bytes, bytes, bool]]:
    """Type and content of each, and whether its checksum is right; of one that is cut short it is not."""
    kind, at = b"", len(SIGNATURE)
    while kind != b"IEND" and at + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, at)
        end = at + 8 + length
        data = content[at + 8 : end]
        yield kind, data, content[end : end + 4] == struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
        at = end + 4


def _text(kind: bytes, data: bytes) -> bytes:
    try:
        return text_of(kind, data)[1]
    except PngTextError:
        return b"damaged"


def decode(content: bytes | bytearray) -> np.ndarray:
    """The pixels of a PNG, ``(H, W, 1 to 4)`` uint16, or uint8 where it has at most eight bits."""
    import imagecodecs

    with printed_by_libraries():  # more of the damage than their exceptions say
        return with_channels(imagecodecs.png_decode(content))


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


def _raw_profile(chunks: Chunks, kind: bytes, start: bytes = b"") -> bytes:
    """As ImageMagick writes metadata into PNG; older ones as a JPEG's APP1, whose ``start`` tells what it is."""
    digits = chunks.replaced.get(b"raw profile type " + kind, b"").split(b"\n")[3:]
    try:
        content = bytes.fromhex(b"".join(digits).decode("latin-1"))
    except ValueError:
        return b"damaged"
    return content[len(start) :] if content.startswith(start) else b""


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
