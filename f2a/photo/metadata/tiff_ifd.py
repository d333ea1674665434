"""TIFF directories (TIFF 6.0), which EXIF consists of, read and written field by field without changing a byte."""

import struct
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

EXIF_IFD, GPS_IFD, INTEROPERABILITY_IFD = 0x8769, 0x8825, 0xA005
MAKER_NOTE = 0x927C
FIRST_IFD = 0
BELOW = {FIRST_IFD: (EXIF_IFD, GPS_IFD), EXIF_IFD: (INTEROPERABILITY_IFD,)}
"""The directories that a directory points to, each named by the tag of the pointer."""
THUMBNAIL_OFFSET, THUMBNAIL_LENGTH = 0x0201, 0x0202

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 18: 8, 129: 1}
"""Number of bytes of one value, by type; 16 and 18 are BigTIFF's, 129 is UTF-8 (Exif 3.0)."""

NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}

HEADER_SIZE = 8

MAX_ENTRIES = 20_000
"""Limit on fields read from one file, repeats included. A camera's file has some hundred; loops never end."""

MAX_PASSES = 32
"""Limit on bytes of values read, repeats included, in lengths of the block; cleaning it takes about six."""


class ExifError(ValueError):
    """The block is not EXIF."""


class ExifBombError(ExifError):
    """The block's directories loop, or its values overlap thousandfold, so that reading all of it would take hours."""


class IfdEntry(NamedTuple):
    """One field: ``at`` is the offset of its entry; ``start`` and ``size`` are the offset and length of its value."""

    tag: int
    type: int
    at: int
    start: int
    size: int


class TiffBlock:
    """A TIFF file, or a block of EXIF, which is a small one; its ``data`` can be edited in place.

    A BigTIFF can only be read.

    Raises:
        ExifError: the data do not begin like a TIFF file.
        ExifBombError: from any method that walks through directories.
    """

    def __init__(self, data: bytearray) -> None:
        self.data = data
        self.order = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}.get(bytes(data[:4]), "")
        if not self.order or len(data) < HEADER_SIZE:
            raise ExifError
        self.is_big = b"+" in data[2:4]
        self._count, self._offset = ("Q", "Q") if self.is_big else ("H", "I")
        self._entries_left = MAX_ENTRIES
        self._bytes_left = MAX_PASSES * len(data)

    @property
    def first(self) -> int:
        """Offset of the first directory."""
        return self.number(8 if self.is_big else 4, self._offset)

    def number(self, at: int, kind: str) -> int:
        return int(struct.unpack_from(self.order + kind, self.data, at)[0])

    def entries(self, at: int) -> Iterator[IfdEntry]:
        room = struct.calcsize("<" + self._offset)
        at, end = at + struct.calcsize("<" + self._count), self.next_at(at)
        for here in range(at, end, 4 + 2 * room):
            self._entries_left -= 1
            if self._entries_left < 0:
                raise ExifBombError
            tag, kind, count = struct.unpack_from(f"{self.order}HH{self._offset}", self.data, here)
            size = SIZES.get(kind, 1) * count
            self._spend(min(size, len(self.data)))
            start = here + 4 + room
            yield IfdEntry(tag, kind, here, start if size <= room else self.number(start, self._offset), size)

    def next_at(self, at: int) -> int:
        """Where the offset of the next directory is stored."""
        count, entry = struct.calcsize("<" + self._count), 4 + 2 * struct.calcsize("<" + self._offset)
        return at + count + entry * self.number(at, self._count)

    def value(self, entry: IfdEntry) -> int:
        return self.number(entry.start, NUMBERS.get(entry.type, "I"))

    def put(self, entry: IfdEntry, value: int) -> None:
        struct.pack_into(self.order + NUMBERS.get(entry.type, "I"), self.data, entry.start, value)

    def _spend(self, size: int) -> None:
        self._bytes_left -= size
        if self._bytes_left < 0:
            raise ExifBombError

    def zero_fill(self, start: int, size: int) -> None:
        """Overwrite with zeros, but never the header, even if a damaged field points to it."""
        start, end = max(start, HEADER_SIZE), min(start + size, len(self.data))
        self._spend(max(0, end - start))
        self.data[start:end] = bytes(max(0, end - start))

    def zero_fill_ifd(self, at: int) -> None:
        """Overwrite a directory and all its values, including the thumbnail, with zeros."""
        entries = list(self.entries(at))
        thumbnail = {
            entry.tag: self.value(entry) for entry in entries if entry.tag in (THUMBNAIL_OFFSET, THUMBNAIL_LENGTH)
        }
        if len(thumbnail) == 2:
            self.zero_fill(thumbnail[THUMBNAIL_OFFSET], thumbnail[THUMBNAIL_LENGTH])
        size = self.next_at(at) + 4 - at
        for entry in entries:
            self.zero_fill(entry.start, entry.size)
        self.zero_fill(at, size)

    def remove_tags(self, at: int, tags: Collection[int]) -> None:
        """Remove fields from the directory at ``at`` and overwrite their values with zeros."""
        entries = list(self.entries(at))
        end = self.next_at(at)
        following = bytes(self.data[end : end + 4])
        remaining = [bytes(self.data[entry.at : entry.at + 12]) for entry in entries if entry.tag not in tags]
        for entry in entries:
            if entry.tag in tags:
                self.zero_fill(entry.start, entry.size)
        ifd = struct.pack(self.order + "H", len(remaining)) + b"".join(remaining) + following
        self.data[at : end + 4] = ifd.ljust(end + 4 - at, b"\0")


class IfdField(NamedTuple):
    """One field to be written: ``value`` is ``number`` values of ``type`` in the file's byte order."""

    tag: int
    type: int
    number: int
    value: bytes


def encode_ifd(order: str, fields: Collection[IfdField], at: int) -> bytes:
    """A directory for the offset ``at`` in its file, followed by the values that do not fit into it."""
    start = at + 2 + 12 * len(fields) + 4
    entries, values = b"", b""
    for tag, kind, number, value in sorted(fields):
        inline = value.ljust(4, b"\0")
        if len(value) > 4:
            inline = struct.pack(order + "I", start + len(values))
            values += value + bytes(len(value) % 2)
        entries += struct.pack(order + "HHI", tag, kind, number) + inline
    return struct.pack(order + "H", len(fields)) + entries + bytes(4) + values


def read_fields(block: TiffBlock, at: int, tags: Collection[int] | None = None) -> list[IfdField]:
    """The fields of a directory with these tags (None: all) whose values lie within the file."""
    fields = []
    for entry in block.entries(at):
        size = SIZES.get(entry.type)
        if size and (tags is None or entry.tag in tags) and entry.start + entry.size <= len(block.data):
            value = bytes(block.data[entry.start : entry.start + entry.size])
            fields.append(IfdField(entry.tag, entry.type, entry.size // size, value))
    return fields


def copy_exif(block: TiffBlock, keeps: Callable[[int, IfdField], bool]) -> bytes:
    """A new EXIF block copied from another or from a whole TIFF file: its first directory and those below.

    Args:
        keeps: tells, from a directory's tag (:data:`BELOW`) and a field of it, whether to keep the field.

    Raises:
        ExifError: the file is damaged.
    """
    try:
        header = (b"II" if block.order == "<" else b"MM") + struct.pack(block.order + "HI", 42, HEADER_SIZE)
        return header + _copied(block, block.first, FIRST_IFD, HEADER_SIZE, keeps)
    except (struct.error, IndexError, OverflowError):
        raise ExifError from None


def _copied(block: TiffBlock, start: int, directory: int, at: int, keeps: Callable[[int, IfdField], bool]) -> bytes:
    """The directory at ``start`` and those below it, as they are stored from ``at`` on in the copy."""
    fields = {field.tag: field for field in read_fields(block, start) if keeps(directory, field)}
    pointers = {tag: fields.pop(tag, None) for tag in (EXIF_IFD, GPS_IFD, INTEROPERABILITY_IFD)}
    below = {tag: pointer for tag in BELOW.get(directory, ()) if (pointer := pointers[tag])}
    fields |= {tag: IfdField(tag, 4, 1, bytes(4)) for tag in below}
    end, content = at + len(encode_ifd(block.order, list(fields.values()), at)), b""
    for tag, pointer in below.items():
        fields[tag] = IfdField(tag, 4, 1, struct.pack(block.order + "I", end + len(content)))
        inner = struct.unpack_from(block.order + NUMBERS.get(pointer.type, "I"), pointer.value)[0]
        content += _copied(block, inner, tag, end + len(content), keeps)
    return encode_ifd(block.order, list(fields.values()), at) + content
