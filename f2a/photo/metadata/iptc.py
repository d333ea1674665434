"""IPTC captions (IIM 4.2) inside Photoshop's resources, as in JPEG and TIFF files."""

import struct
from collections.abc import Iterator

from f2a.photo.metadata.privacy import is_private_text

RESOURCE = 0x0404
HARMLESS = {
    1: {0, 70, 80, 90},
    2: {0, 3, 4, 5, 7, 8, 10, 12, 15, 20, 22, 25, 30, 35, 37, 38, 40, 42, 47, 50, 55, 60, 62, 63, 65, 70, 75, 80, 85,
        103, 105, 110, 115, 116, 118, 120, 121, 122, 130, 135},
}  # fmt: skip
"""Data sets, by record, that say who, what, when and how; the others say where, or are previews or proprietary."""


def clean_iptc(iptc: bytes, keep_private: bool, notes: list[str] | None = None) -> bytes:
    """The data sets; those that may say where are removed unless ``keep_private``, as is what cannot be parsed."""
    data_sets, at = [], 0
    while at + 5 <= len(iptc) and iptc[at] == 0x1C:
        record, number, length = struct.unpack_from(">BBH", iptc, at + 1)
        start = at + 5
        if length & 0x8000:  # the number of bytes of the length
            start += length & 0x7FFF
            length = int.from_bytes(iptc[at + 5 : start], "big")
        end = start + length
        if end > len(iptc):
            break
        is_harmless = number in HARMLESS.get(record, ())
        if keep_private or (is_harmless and not is_private_text(iptc[start:end], notes)):
            data_sets.append(iptc[at:end])
        at = end
    return b"".join(data_sets)


def photoshop_resource(iptc: bytes) -> bytes:
    """The captions as one of Photoshop's resources."""
    return b"8BIM" + struct.pack(">HHI", RESOURCE, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)


def photoshop_resources(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each resource."""
    at = block.find(b"8BIM")
    while at >= 0:
        name = 1 + sum(block[at + 6 : at + 7])
        start = at + 10 + name + name % 2
        end = start + int.from_bytes(block[start - 4 : start], "big")
        yield int.from_bytes(block[at + 4 : at + 6], "big"), block[start:end]
        at = block.find(b"8BIM", end)


def find_iptc(block: bytes) -> bytes:
    """All captions among Photoshop's resources, joined; or ``block`` itself if it is captions."""
    captions = b"".join(content for number, content in photoshop_resources(block) if number == RESOURCE)
    return block if block.startswith(b"\x1c") else captions


def jpeg_segment(iptc: bytes) -> bytes:
    """The APP13 segment with ``iptc``, which is at most 65,500 bytes long; empty without captions."""
    body = b"Photoshop 3.0\0" + photoshop_resource(iptc)
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body if iptc else b""
