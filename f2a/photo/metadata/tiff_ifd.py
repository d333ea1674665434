"""TIFF directories (TIFF 6.0), of which EXIF consists, field by field and byte for byte."""

import struct
from collections.abc import Collection, Iterator
from typing import NamedTuple

EXIF_IFD, GPS_IFD, INTEROPERABILITY_IFD = 0x8769, 0x8825, 0xA005
MAKER_NOTE = 0x927C
THUMBNAIL_OFFSET, THUMBNAIL_LENGTH = 0x0201, 0x0202

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Bytes of one value, by type."""

NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I"}

HEADER_SIZE = 8

MOST_ENTRIES = 20_000
"""Fields read of one file, counted again each time: some hundred in a camera's, any number where directories loop."""

MOST_PASSES = 32
"""How many times the length of a block all values that are met may have; cleaning one takes about six passes."""


class ExifError(ValueError):
    """A block that is no EXIF."""


class ExifTrapError(ExifError):
    """A block whose directories loop, or whose values overlap thousandfold, so that reading all of it takes hours."""


class Entry(NamedTuple):
    """One field: ``at`` is where its twelve bytes lie, ``start`` and ``size`` where its value does."""

    tag: int
    type: int
    at: int
    start: int
    size: int


class Block:
    """A TIFF file, or a block of EXIF, which is a small one; a ``bytearray`` can be edited in place.

    Raises:
        ExifError: the data do not begin as a TIFF file does.
        ExifTrapError: from any method that walks through directories.
    """

    def __init__(self, data: bytearray) -> None:
        self.data = data
        self.order = {b"II*\0": "<", b"MM\0*": ">"}.get(bytes(data[:4]), "")
        if not self.order or len(data) < HEADER_SIZE:
            raise ExifError
        self._entries_left = MOST_ENTRIES
        self._bytes_left = MOST_PASSES * len(data)

    @property
    def first(self) -> int:
        """Where the first directory lies."""
        return self.number(4, "I")

    def number(self, at: int, kind: str) -> int:
        return int(struct.unpack_from(self.order + kind, self.data, at)[0])

    def entries(self, at: int) -> Iterator[Entry]:
        for n in range(self.number(at, "H")):
            self._entries_left -= 1
            if self._entries_left < 0:
                raise ExifTrapError
            here = at + 2 + 12 * n
            tag, kind, count = struct.unpack_from(self.order + "HHI", self.data, here)
            size = SIZES.get(kind, 1) * count
            self._spend(min(size, len(self.data)))
            start = here + 8 if size <= 4 else self.number(here + 8, "I")
            yield Entry(tag, kind, here, start, size)

    def next_at(self, at: int) -> int:
        """Where the offset of the next directory stands."""
        return at + 2 + 12 * self.number(at, "H")

    def value(self, entry: Entry) -> int:
        return self.number(entry.start, NUMBERS.get(entry.type, "I"))

    def put(self, entry: Entry, value: int) -> None:
        struct.pack_into(self.order + NUMBERS.get(entry.type, "I"), self.data, entry.start, value)

    def _spend(self, size: int) -> None:
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise ExifTrapError

    def blank(self, start: int, size: int) -> None:
        """Overwrite with zeros, but never the header, wherever a damaged field may point."""
        start, end = max(start, HEADER_SIZE), min(start + size, len(self.data))
        self._spend(max(0, end - start))
        self.data[start:end] = bytes(max(0, end - start))

    def blank_directory(self, at: int) -> None:
        """Overwrite a directory and all its values, thumbnail included, with zeros."""
        entries = list(self.entries(at))
        found = {entry.tag: self.value(entry) for entry in entries if entry.tag in (THUMBNAIL_OFFSET, THUMBNAIL_LENGTH)}
        if len(found) == 2:
            self.blank(found[THUMBNAIL_OFFSET], found[THUMBNAIL_LENGTH])
        size = self.next_at(at) + 4 - at
        for entry in entries:
            self.blank(entry.start, entry.size)
        self.blank(at, size)

    def drop(self, at: int, unwanted: Collection[int]) -> None:
        """Take fields out of the directory at ``at``, their values and what they point to overwritten with zeros."""
        entries = list(self.entries(at))
        end = self.next_at(at)
        following = bytes(self.data[end : end + 4])
        kept = [bytes(self.data[entry.at : entry.at + 12]) for entry in entries if entry.tag not in unwanted]
        for entry in entries:
            if entry.tag in unwanted:
                if entry.tag == GPS_IFD:
                    self.blank_directory(self.value(entry))
                self.blank(entry.start, entry.size)
        directory = struct.pack(self.order + "H", len(kept)) + b"".join(kept) + following
        self.data[at : end + 4] = directory.ljust(end + 4 - at, b"\0")

    def used(self, directories: Collection[int]) -> int:
        """Where the last value of these directories ends."""
        ends = [HEADER_SIZE]
        for at in directories:
            ends += [self.next_at(at) + 4, *(entry.start + entry.size for entry in self.entries(at))]
        return max(ends)


class Field(NamedTuple):
    """One field to be written: ``value`` holds ``number`` values of ``type`` in the file's byte order."""

    tag: int
    type: int
    number: int
    value: bytes


def directory(order: str, fields: Collection[Field], at: int) -> bytes:
    """A directory that lies at ``at`` in its file, followed by the values that do not fit into it."""
    start = at + 2 + 12 * len(fields) + 4
    entries, values = b"", b""
    for tag, kind, number, value in sorted(fields):
        held = value.ljust(4, b"\0")
        if len(value) > 4:
            held = struct.pack(order + "I", start + len(values))
            values += value + bytes(len(value) % 2)
        entries += struct.pack(order + "HHI", tag, kind, number) + held
    return struct.pack(order + "H", len(fields)) + entries + bytes(4) + values


def fields_at(block: Block, at: int, wanted: Collection[int]) -> list[Field]:
    """Those of the ``wanted`` fields of a directory whose values are in the file."""
    found = []
    for entry in block.entries(at):
        if entry.tag in wanted and entry.start + entry.size <= len(block.data):
            value = bytes(block.data[entry.start : entry.start + entry.size])
            found.append(Field(entry.tag, entry.type, entry.size // SIZES.get(entry.type, 1), value))
    return found


def extracted(block: Block, wanted: Collection[int]) -> bytes:
    """EXIF out of a whole TIFF file: the ``wanted`` fields of its first directory, with EXIF and GPS position.

    The maker's note stays behind, for it would not survive the move.

    Raises:
        ExifError: the file is damaged.
    """
    try:
        result = bytes(block.data[:4]) + struct.pack(block.order + "I", HEADER_SIZE)
        fields = fields_at(block, block.first, wanted)
        inner = {
            entry.tag: block.value(entry) for entry in block.entries(block.first) if entry.tag in (EXIF_IFD, GPS_IFD)
        }
        fields += [Field(tag, 4, 1, bytes(4)) for tag in inner]
        at = HEADER_SIZE + len(directory(block.order, fields, HEADER_SIZE))
        below = b""
        for tag, start in inner.items():
            pointer = Field(tag, 4, 1, struct.pack(block.order + "I", at + len(below)))
            fields = [pointer if field.tag == tag else field for field in fields]
            tags = {entry.tag for entry in block.entries(start)}
            kept = fields_at(block, start, tags - {MAKER_NOTE, INTEROPERABILITY_IFD})
            below += directory(block.order, kept, at + len(below))
        return result + directory(block.order, fields, HEADER_SIZE) + below
    except struct.error:
        raise ExifError from None
