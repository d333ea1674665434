"""Formats that are read only: GIF, JPEG 2000, TGA, PPM, bitmaps without a header; what is relit is written as PNG."""

import struct
from pathlib import Path
from typing import Any

from f2a.photo.codecs import boxes, losses, pillow
from f2a.photo.file import PhotoFile

SUFFIXES = (
    ".gif", ".mpo", ".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc", ".tga", ".icb", ".vda", ".vst", ".ppm", ".pgm",
    ".pbm", ".pnm", ".pfm",
)  # fmt: skip
FORMATS = ("GIF", "JPEG2000", "TGA", "PPM", "DIB")

JP2_START = b"\0\0\0\x0cjP  \r\n\x87\n"
JP2_BOXES = {b"ftyp", b"jp2c", b"rreq", b"free"}
UUIDS = {
    bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): "xmp",
    bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"): "iptc",
    b"JpgTiffExif->JP2": "exif",
}
ENUMERATED, ICC, ANY_ICC, CODE_POINTS = b"\1", b"\2", b"\3", b"\5"
KNOWN_SPACES = {bytes([0, 0, 0, space]) for space in (0, 12, 15, 16, 17, 18)}
"""Black and white, CMYK, white and black, sRGB, its grey, and its YCC."""


def sniff(start: bytes, suffix: str) -> bool:
    """Always: TGA files begin like no other, and what is none of these is refused by Pillow."""
    return True


def stated_size(path: Path) -> tuple[int, int]:
    return pillow.stated_size(path, *FORMATS)


def read(path: Path) -> PhotoFile:
    return pillow.written_as_png(pillow.read(path, *FORMATS, **_of_jpeg2000(path)))


def _of_jpeg2000(path: Path) -> dict[str, Any]:
    """What the boxes of a JPEG 2000 file (ISO 15444-1 and -2) say that Pillow does not: colours and metadata."""
    with path.open("rb") as file:
        if file.read(len(JP2_START)) != JP2_START:
            return {}
        content = memoryview(file.read())
    stated: dict[str, Any] = {}
    kinds = []
    for kind, body in boxes.boxes(content):
        if kind == b"uuid" and (name := UUIDS.get(bytes(body[:16]))):
            stated[name] = bytes(body[16:]).removeprefix(b"Exif\0\0")
        elif kind == b"jp2h":
            stated |= _colors(next((bytes(inner) for name, inner in boxes.boxes(body) if name == b"colr"), b""))
        else:
            kinds.append(kind)
    return {"notes": [*stated.pop("notes", []), *losses.of_parts(kinds, boxes.LOST, JP2_BOXES)]} | stated


def _colors(colr: bytes) -> dict[str, Any]:
    """Of the method, and behind two further bytes the colour space."""
    method, space = colr[:1], colr[3:]
    if method in (ICC, ANY_ICC):
        return {"icc_profile": space}
    if method == CODE_POINTS:
        return {"cicp": struct.unpack_from(">HH", space)}
    if method == ENUMERATED and space[:4] not in KNOWN_SPACES:
        return {"notes": ["its colours are stated in a way that was not read"]}
    return {}
