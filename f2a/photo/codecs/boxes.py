"""The boxes (ISO 14496-12) that HEIC, AVIF and JPEG 2000 files consist of, and what each kind contains."""

import struct
from collections.abc import Collection, Iterator

from f2a.photo.codecs import losses
from f2a.photo.codecs.av1 import reader

CREDENTIALS_UUID = b"uuid d8fec3d61b0e483c92975828877ec481"
LOST = {
    b"moov": losses.FILM,
    b"mpvd": losses.FILM,
    b"tmap": losses.GAIN_MAP,
    b"jumb": losses.CREDENTIALS,
    CREDENTIALS_UUID: losses.CREDENTIALS,
}
BOXES = {b"", b"ftyp", b"meta", b"mdat", b"free", b"skip", b"wide", b"pdin", b"styp", b"sidx", b"sefd"}
"""Boxes that need no note. The last one contains a maker's data, like a maker's note."""
ITEMS = {b"hvc1", b"av01", b"avc1", b"vvc1", b"jpeg", b"j2k1", b"unci", b"grid", b"iden", b"iovl", b"mski", b"Exif"}
"""Items that are pictures, which are counted elsewhere, or metadata."""
PROPERTIES = (b"meta", b"iprp", b"ipco")
"""Path of the box with the pictures' properties."""
XMP_ITEM = b"mime application/rdf+xml"


def boxes(content: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and content of each box; data that are not a box come last, with the kind ``b""``."""
    while bytes(content[4:8]).strip().isalnum():
        size, start = int.from_bytes(content[:4], "big") or len(content), 8
        if size == 1:
            size, start = int.from_bytes(content[8:16], "big"), 16
        if size > len(content):
            break
        yield bytes(content[4:8]), content[start:size]
        content = content[max(size, start) :]
    if content:
        yield b"", content


def found(content: memoryview, *path: bytes) -> Iterator[memoryview]:
    """The content of each box at ``path``, which lists the kinds of the enclosing boxes and then its own."""
    for inner in (inner for kind, inner in boxes(content) if kind == path[0]):
        yield from found(inner[4:] if path[0] == b"meta" else inner, *path[1:]) if path[1:] else [inner]


def clean_apertures(content: memoryview) -> Iterator[tuple[float, ...]]:
    """For each clean aperture, its width and height, and how far its centre lies right of and below the picture's."""
    for inner in found(content, *PROPERTIES, b"clap"):
        ratios = struct.unpack(">8i", inner) if len(inner) == 32 else ()
        if ratios and all(ratios[1::2]):
            yield tuple(value / divisor for value, divisor in zip(ratios[::2], ratios[1::2], strict=True))


def primary_pictures(content: memoryview) -> Iterator[memoryview]:
    """The data of the main picture (8.11.4), or of each picture that it is composed of (MIAF, grids)."""
    for pitm in found(content, b"meta", b"pitm"):
        primary = int.from_bytes(pitm[4:], "big")
        parts = [part for iref in found(content, b"meta", b"iref") for part in _parts_of(primary, iref)]
        for iloc in found(content, b"meta", b"iloc"):
            yield from (content[at : at + size] for item, at, size in _places(iloc) if item in (parts or [primary]))


def _parts_of(item: int, iref: memoryview) -> list[int]:
    bits = 32 if iref[0] else 16
    for kind, references in boxes(iref[4:]):
        take = reader(references)
        if kind == b"dimg" and take(bits) == item:
            return [take(bits) for _ in range(take(16))]
    return []


def _places(iloc: memoryview) -> Iterator[tuple[int, int, int]]:
    """Number, offset and size of each item stored in the file itself, or of the item's first extent (8.11.3)."""
    take = reader(iloc)
    version = take(32) >> 24
    bits_of_at, bits_of_size, bits_of_base, bits_of_index = (8 * take(4) for _ in range(4))
    number = 32 if version == 2 else 16
    for _ in range(min(take(number), len(iloc))):
        item, method = take(number), take(16) if version else 0
        take(16)
        base, count = take(bits_of_base), take(16)
        take(bits_of_index if version else 0)
        at, size = take(bits_of_at), take(bits_of_size)
        take((count - 1) * (bits_of_index * bool(version) + bits_of_at + bits_of_size))
        if not method:
            yield item, base + at, size


def notes_on_parts(content: memoryview, rest: Collection[bytes] = ()) -> list[str]:
    """Notes on what a HEIC or AVIF file contains besides the picture."""
    kinds: list[bytes] = []
    behind = b""
    for kind, inner in boxes(content):
        kinds.append(b"uuid " + inner[:16].hex().encode() if kind == b"uuid" else kind)
        if kind == b"meta":
            kinds += _item_kinds(inner)
        elif not kind:
            behind = bytes(inner)
    return [*losses.of_parts(kinds, LOST, {*BOXES, *ITEMS, XMP_ITEM, *rest}), *losses.of_data_behind(behind)]


def _item_kinds(meta: memoryview) -> Iterator[bytes]:
    """The kind of each ``infe`` entry of version 2 or 3, with the content type if there is one."""
    for items in found(meta[4:], b"iinf"):
        for entry in found(items[8 if items[0] else 6 :], b"infe"):
            start = 8 if entry[0] == 2 else 10
            kind, content_type = bytes(entry[start : start + 4]), bytes(entry[start + 4 :]).split(b"\0")[1:2]
            yield b" ".join([kind, *content_type]) if kind == b"mime" else kind
