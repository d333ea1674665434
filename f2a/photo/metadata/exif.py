"""EXIF edited in place (Exif 3.0, TIFF 6.0): every value that stays keeps its type, byte order and position.

Writing EXIF anew would move the maker's note, whose inner offsets most makers count from the start of the block.
"""

import struct

from PIL import Image

from f2a.photo.metadata.tiff_ifd import EXIF_IFD, GPS_IFD, INTEROPERABILITY_IFD, ExifError, TiffBlock

ORIENTATION, FLASH = 0x0112, 0x9209
WIDTH, HEIGHT = 0xA002, 0xA003

PRIVATE = {
    GPS_IFD,
    0xA430,  # camera owner's name
    0xA431,  # body serial number
    0xA435,  # lens serial number
    0x927C,  # maker's note: serial numbers, owner and more, in a form of each maker's own
    0xC634,  # the same, as Adobe wraps it
    0xC62F,  # camera serial number of a DNG
}
"""Left out unless asked for: where, and with which very camera."""

COPIES = {
    0x02BC,  # XMP
    0x83BB,  # IPTC
    0x8649,  # Photoshop's resources
    0x8773,  # ICC profile
}
"""Blocks that a photo file carries elsewhere; here they would give away the place after all."""


def clean_exif(exif: bytes, size: tuple[int, int], keep_private: bool) -> bytes:
    """EXIF for a photo that has been turned upright.

    Orientation and thumbnail are taken out and the size is set to ``size`` (width, height); where and with which very
    camera the photo was taken is taken out too unless ``keep_private``.

    Args:
        exif: the block, beginning with the byte order.

    Raises:
        ExifError: the block is damaged.
    """
    block = TiffBlock(bytearray(exif))
    try:
        _remove_thumbnail(block, block.first)
        tags = {ORIENTATION} | COPIES | (set() if keep_private else PRIVATE)
        block.remove_tags(block.first, tags)
        inner = [block.value(entry) for entry in block.entries(block.first) if entry.tag in (EXIF_IFD, GPS_IFD)]
        for at in inner:
            block.remove_tags(at, tags)
            for entry in block.entries(at):
                if entry.tag in (WIDTH, HEIGHT):
                    block.put(entry, size[entry.tag == HEIGHT])
        if not keep_private:  # a maker's note may point anywhere
            further = [block.value(e) for at in inner for e in block.entries(at) if e.tag == INTEROPERABILITY_IFD]
            del block.data[block.used([block.first, *inner, *further]) :]
    except (struct.error, IndexError, OverflowError):
        raise ExifError from None
    return bytes(block.data)


def _remove_thumbnail(block: TiffBlock, first: int) -> None:
    at = block.next_at(first)
    second = block.number(at, "I")
    if second:
        block.data[at : at + 4] = bytes(4)
        block.zero_fill_ifd(second)


def flash_fired(exif: Image.Exif) -> bool | None:
    """Bit 0 of EXIF's Flash (0x9209, EXIF 2.32 table 8); None where the camera wrote nothing that can be read."""
    try:
        value = exif.get_ifd(EXIF_IFD).get(FLASH)
    except Exception:  # Pillow parses EXIF lazily and raises whatever the bytes provoke
        return None
    return bool(value & 1) if isinstance(value, int) else None
