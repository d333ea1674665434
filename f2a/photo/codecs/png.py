"""PNG files (ISO 15948): their chunks, and colours of 16 bits, which Pillow does not support."""

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

SIGNATURE = b"\x89PNG\r\n\x1a\n"

SUFFIXES = (".png", ".apng")
MODES = ("L", "LA", "RGB", "RGBA")
BITS = 16
METADATA = ("exif", "xmp", "iptc", "comments", "texts", "is_stretched")

QUICK = 3
"""zlib's compression level; on noisy 16-bit photos higher ones take longer and save no bytes."""

END_OF_SIZE = len(SIGNATURE) + 16
"""Offset at which the width and height in the header end, and bit depth and colour type follow."""
GREY = 0
"""Colour type of grey without alpha (ISO 15948, table 11.1)."""
CRITICAL_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
FURTHER_CHUNKS = {b"tRNS", b"pHYs", b"acTL", b"fcTL", b"fdAT"}
"""Chunks that are passed on to Pillow besides the critical ones."""
COLOR_CHUNKS = {b"gAMA", b"cHRM", b"sRGB", b"cICP"}
KEPT_CHUNKS = COLOR_CHUNKS | {b"pHYs", b"tIME", b"tEXt", b"zTXt", b"iTXt"}
OTHER_CHUNKS = CRITICAL_CHUNKS | FURTHER_CHUNKS | {
    b"eXIf", b"iCCP", b"bKGD", b"hIST", b"sBIT", b"sPLT", b"oFFs", b"caNv", b"vpAg", b"iDOT", b"mDCV", b"cLLI"
}  # fmt: skip
"""Chunks of the pixels, of what is kept in another way, and of hints to viewers: none of them needs a note."""
LOST_CHUNKS = {b"caBX": losses.CREDENTIALS}
IPTC_PROFILE = b"Raw profile type iptc\0"
"""Keyword under which ImageMagick and exiftool store captions: Photoshop's resources as lines of hexadecimal."""
EXIF = b"Exif\0\0"
REPLACED_TEXTS = (b"xml:com.adobe.xmp", b"raw profile type ")
"""Keywords, in lower case, of texts that contain other metadata; these are cleaned and written in their own chunks."""


class Chunks(NamedTuple):
    """What a PNG's chunks say, both before and after the pixels.

    Attributes:
        pixels: a PNG of the chunks that a decoder needs; libpng prints warnings about others.
        kept: type and content of the chunks that are written again unchanged.
        exif, icc_profile: content of their own chunks, if the file has them.
        replaced: by keyword, the texts that contain other metadata.
        kinds: types of all chunks.
        notes: sentences on what is damaged.
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
        """Whether it has 16 bits in colour or with alpha, or is grey with one transparent level."""
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
    if isinstance(file.photo.colors, HdrProfile):  # the result will not be HDR
        kept = [chunk for chunk in chunks.kept if chunk[0] not in COLOR_CHUNKS]
        return replace(file, metadata=replace(file.metadata, png_chunks=kept))
    return file


def write(stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]) -> bytes:
    if isinstance(stored, np.ndarray):
        return with_metadata(encode16(stored), metadata)
    return with_metadata(bytes(pillow.save(stored, "PNG", icc_profile=None)), metadata)


def read_chunks(path: Path) -> Chunks:
    """Read the chunks of a file that begins as a PNG does.

    The pixels have a checksum of their own besides those of their chunks, so the decoder can tell whether they are
    complete.

    Raises:
        OSError: a chunk that is needed to read the pixels is damaged or of an unknown kind.
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
            elif kind == b"iCCP" and b"IDAT" not in kinds:  # a name and a method come first, as in a compressed text
                icc_profile = _text(b"zTXt", data)
        behind = losses.of_data_behind(content[end:])
    if kinds[:1] != [b"IHDR"]:
        raise OSError("its chunk IHDR is missing")
    if b"IEND" not in kinds:
        notes.append(losses.END)
        pixels += _chunk(b"IEND", b"")
    return Chunks(pixels, kept, exif, icc_profile, replaced, kinds, list(dict.fromkeys([*notes, *behind])))


def _chunks(content: mmap.mmap) -> Iterator[tuple[bytes, bytes, bool]]:
    """Type and content of each chunk, and whether its checksum is right; that of a truncated chunk is not."""
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
    """The pixels of a PNG, ``(H, W, 1 to 4)`` uint16, or uint8 if it has at most eight bits."""
    import imagecodecs

    with printed_by_libraries():  # hides what libpng prints about damage besides raising an exception
        return np.atleast_3d(imagecodecs.png_decode(content))


def encode16(stored: np.ndarray) -> bytes:
    """A 16-bit PNG of a ``(H, W, 1 to 4)`` uint16 array."""
    import imagecodecs

    shape = stored.shape[:2] if stored.shape[-1] == 1 else stored.shape
    plain = np.ascontiguousarray(stored).ravel().reshape(shape)  # strides must be regular even along sides of one pixel
    return bytes(imagecodecs.png_encode(plain, QUICK))


def with_metadata(png: bytes, metadata: Metadata) -> bytes:
    """The same PNG with the metadata's chunks directly after its header."""
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
    return b"\niptc\n%8d\n%s\n" % (len(content), content.hex("\n", -36).encode())


def _raw_profile(chunks: Chunks, kind: bytes, start: bytes = b"") -> bytes:
    """Metadata that ImageMagick writes into a PNG; its older versions write a JPEG's APP1, identified by ``start``."""
    digits = chunks.replaced.get(b"raw profile type " + kind, b"").split(b"\n")[3:]
    try:
        content = bytes.fromhex(b"".join(digits).decode("latin-1"))
    except ValueError:
        return b"damaged"
    return content[len(start) :] if content.startswith(start) else b""


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
