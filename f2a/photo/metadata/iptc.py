"""IPTC captions (IIM 4.2) inside Photoshop's resources, as JPEG and TIFF files carry them."""

import struct

RESOURCE = 0x0404
PLACES = {26, 27, 90, 92, 95, 100, 101}
"""Data sets of record 2: content location, city, sublocation, state, country."""


def clean_iptc(iptc: bytes, keep_private: bool) -> bytes:
    """The data sets, without the place names unless ``keep_private``; what cannot be parsed is left out."""
    data_sets, at = [], 0
    while at + 5 <= len(iptc) and iptc[at] == 0x1C:
        record, number, length = struct.unpack_from(">BBH", iptc, at + 1)
        end = at + 5 + length
        if length & 0x8000 or end > len(iptc):
            break
        if keep_private or record != 2 or number not in PLACES:
            data_sets.append(iptc[at:end])
        at = end
    return b"".join(data_sets)


def photoshop_resource(iptc: bytes) -> bytes:
    """The captions as one of Photoshop's resources."""
    return b"8BIM" + struct.pack(">HHI", RESOURCE, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)


def find_iptc(resources: bytes) -> bytes:
    """The captions among Photoshop's resources, or ``resources`` itself if these are captions already."""
    start = resources.find(b"8BIM" + struct.pack(">H", RESOURCE))
    if start < 0:
        return resources
    at = start + 6
    at += 1 + resources[at] + (1 + resources[at]) % 2  # the resource's name
    return resources[at + 4 : at + 4 + int.from_bytes(resources[at : at + 4], "big")]


def jpeg_segment(iptc: bytes) -> bytes:
    """The APP13 segment that holds ``iptc``; nothing for captions of more than 64 KB, which do not fit."""
    body = b"Photoshop 3.0\0" + photoshop_resource(iptc)
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body if iptc and len(body) < 65_534 else b""
