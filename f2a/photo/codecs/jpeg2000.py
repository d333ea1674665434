"""JPEG 2000 files (ISO 15444-1 and -2), which can only be read; the result is written as PNG."""

import re
import struct
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from f2a.photo.codecs import boxes, losses, pillow
from f2a.photo.photo import PhotoFile
from f2a.photo.pixels import to_full_range

SUFFIXES = (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc")

JP2_START = b"\0\0\0\x0cjP  \r\n\x87\n"
CODESTREAM_START = b"\xff\x4f\xff\x51"
JP2_BOXES = {b"jP  ", b"ftyp", b"jp2h", b"jp2c", b"rreq", b"free"}
UUIDS = {
    bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): "xmp",
    bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"): "iptc",
    b"JpgTiffExif->JP2": "exif",
}
ENUMERATED, ICC, ANY_ICC, CODE_POINTS = b"\1", b"\2", b"\3", b"\5"
KNOWN_SPACES = {bytes([0, 0, 0, space]) for space in (0, 12, 15, 16, 17, 18)}
"""Enumerated colour spaces that are read: bilevel, CMYK, the other bilevel, sRGB, its grey and its YCC."""
OTHER_COLORS = re.compile(rb"pclr|colr\x01..\0\0\0[\0\x0c\x12]", re.DOTALL)
"""Boxes of palettes and of bilevel, CMYK and YCC colours, which Pillow converts to RGB."""


MAGIC = re.compile(re.escape(JP2_START) + b"|" + re.escape(CODESTREAM_START))
stated_size = partial(pillow.stated_size, formats=("JPEG2000",))


def read(path: Path) -> PhotoFile:
    """Read the photo, with what Pillow does not report: the boxes, and colours of more or fewer than eight bits."""
    content = path.read_bytes()
    stated, notes = _boxes(content)
    bits, is_plain = _samples(content)
    deep = partial(_decode, content, bits) if bits != 8 and is_plain else None
    if bits > 8 and not is_plain:
        notes.append(f"its {bits} bits a colour were rounded to 8")
    file = pillow.read(path, "JPEG2000", notes=notes, deep=deep, **stated)
    return replace(pillow.written_as_png(file), bits=bits)


def _decode(content: bytes, bits: int) -> np.ndarray:
    import imagecodecs

    return to_full_range(imagecodecs.jpeg2k_decode(content), bits)


def _samples(content: bytes) -> tuple[int, bool]:
    """Bits per sample, and whether all samples are unsigned, of one size, and grey or RGB, with or without alpha.

    Both are read from the codestream's marker SIZ (ISO 15444-1, A.5.1) and the colour space in the header box.
    """
    start = content.index(CODESTREAM_START)
    count = struct.unpack_from(">H", content, start + 40)[0]
    samples = {content[at : at + 3] for at in range(start + 42, start + 42 + 3 * count, 3)}
    bits = 1 + max(sample[0] & 0x7F for sample in samples)
    is_plain = count <= 4 and samples == {bytes([bits - 1, 1, 1])}
    return bits, is_plain and not OTHER_COLORS.search(content, 0, start)


def _boxes(content: bytes) -> tuple[dict[str, Any], list[str]]:
    """Colours and metadata in the boxes, and notes on what else they contain."""
    stated: dict[str, Any] = {}
    notes: list[str] = []
    kinds = []
    for kind, body in boxes.boxes(memoryview(content)) if content.startswith(JP2_START) else ():
        if kind == b"uuid" and (name := UUIDS.get(bytes(body[:16]))):
            stated[name] = bytes(body[16:]).removeprefix(b"Exif\0\0")
        elif kind == b"jp2h":
            colors, notes = _colors(bytes(next(boxes.found(body, b"colr"), b"")))
            stated |= colors
        elif kind:
            kinds.append(kind)
        else:
            notes += losses.of_data_behind(bytes(body))
    return stated, notes + losses.of_parts(kinds, boxes.LOST, JP2_BOXES)


def _colors(colr: bytes) -> tuple[dict[str, Any], list[str]]:
    """The colours stated in a ``colr`` box, which has a method, two more bytes and the colour space; and notes."""
    method, space = colr[:1], colr[3:]
    if method in (ICC, ANY_ICC):
        return {"icc_profile": space}, []
    if method == CODE_POINTS:
        return {"cicp": struct.unpack_from(">HH", space)}, []
    if method == ENUMERATED and space[:4] not in KNOWN_SPACES:
        return {}, ["its colours are stated in a way that was not read"]
    return {}, []
