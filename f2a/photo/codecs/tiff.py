"""TIFF files (TIFF 6.0) at any depth; Pillow writes no 16-bit colour, and no text that is not ASCII."""

import logging
import struct
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from f2a.photo.formats import check_size, check_squeeze
from f2a.photo.metadata.metadata import Metadata, sensible_dpi
from f2a.photo.metadata.tiff_ifd import EXIF_IFD, GPS_IFD, Block, Field, directory, extracted, fields_at

STRIP_BYTES = 1 << 20
UNCOMPRESSED, LZW, DEFLATE = 1, 5, 8
COMPRESSIONS = {"raw": UNCOMPRESSED, "tiff_lzw": LZW}
"""By Pillow's name; whatever else a file has is written with Deflate, which loses nothing."""

TEXTS = {
    0x010D,  # document name
    0x010E,  # description
    0x010F,  # make
    0x0110,  # model
    0x0131,  # software
    0x0132,  # time
    0x013B,  # artist
    0x013C,  # computer
    0x013E,
    0x013F,  # white point, primaries
    0x4746, 0x4749,  # rating
    0x8298,  # copyright
    0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F,  # Windows' title, comment, author, keywords, subject
}  # fmt: skip
"""The fields of a first directory that describe the photo and not how the file holds it."""

SHORT, LONG, RATIONAL, UNDEFINED, BYTE = 3, 4, 5, 7, 1
BLACK_IS_ZERO, RGB = 1, 2
LARGEST = 0xFFFF_FFFF
IPTC, ICC = 33723, 34675


class Said(NamedTuple):
    """What a TIFF file, or a raw file built like one, says about the photo."""

    exif: bytes
    iptc: bytes


def read_directory(path: Path) -> Said:
    """
    Raises:
        ExifError: the file is none of the usual kind.
    """
    block = Block(bytearray(path.read_bytes()))
    return Said(extracted(block, TEXTS), b"".join(found.value for found in fields_at(block, block.first, {IPTC})))


def is_tiff(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class Deep(NamedTuple):
    """A TIFF's pixels as stored, ``(H, W, 1 to 4)`` uint16, and what Pillow would say about it."""

    values: np.ndarray
    orientation: int
    metadata: Metadata
    compression: int
    pages: int


def read_deep(path: Path) -> Deep | None:
    """A TIFF of 16 bits a colour, which Pillow would cut to eight or not read; None if it is of another kind."""
    import tifffile

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # f2a says itself what is wrong with a file
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        channels = page.samplesperpixel
        if page.dtype != np.uint16 or channels > 4 or page.photometric != (BLACK_IS_ZERO if channels < 3 else RGB):
            return None
        check_size(path, (page.imagewidth, page.imagelength), 2 * channels)
        check_squeeze(path, page.nbytes)
        said = {code: tag.value for code in (274, 282, 283, 296, 700, ICC) if (tag := page.tags.get(code)) is not None}
        planes = page.asarray(squeeze=False)[:, 0]  # (planes, H, W, channels in each)
        pages = len(file.pages)
    values: np.ndarray = np.ascontiguousarray(planes[0] if len(planes) == 1 else np.concatenate(list(planes), -1))
    metadata = Metadata(xmp=_bytes(said.get(700)), icc_profile=_bytes(said.get(ICC)), dpi=_dpi(said))
    return Deep(values, int(said.get(274, 1)), metadata, int(page.compression), pages)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else bytes(value or b"")


def _dpi(said: dict[int, Any]) -> tuple[float, float] | None:
    try:
        across, down = (said[tag][0] / said[tag][1] for tag in (282, 283))
    except (KeyError, TypeError, ZeroDivisionError):
        return None
    return sensible_dpi({2: (across, down), 3: (across * 2.54, down * 2.54)}.get(int(said.get(296, 2))))


def encode(stored: np.ndarray, metadata: Metadata, compression: int = DEFLATE) -> bytes:
    """A TIFF of ``(H, W, 1 to 4)`` uint8 or uint16: grey or red, green, blue, and perhaps alpha.

    Args:
        compression: by its number; what is neither none nor LZW is written with Deflate.
    """
    compression = compression if compression in (UNCOMPRESSED, LZW) else DEFLATE
    block = Block(bytearray(metadata.exif or b"II*\0" + struct.pack("<II", 8, 0) + bytes(2)))
    height, width, channels = stored.shape
    rows = min(height, max(1, STRIP_BYTES // (stored.itemsize * width * channels)))
    strips = [_compressed(stored[top : top + rows], block.order, compression) for top in range(0, height, rows)]
    sizes = [len(strip) for strip in strips]
    start = len(block.data) + len(block.data) % 2
    numbers = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [8 * stored.itemsize] * channels),
        259: (SHORT, [compression]),
        262: (SHORT, [BLACK_IS_ZERO if channels < 3 else RGB]),
        273: (LONG, [start + int(before) for before in np.cumsum([0, *sizes[:-1]])]),
        277: (SHORT, [channels]),
        278: (LONG, [rows]),
        279: (LONG, sizes),
        317: (SHORT, [1 if compression == UNCOMPRESSED else 2]),
    }
    if channels in (2, 4):
        numbers[338] = (SHORT, [2])
    pixels = b"".join(strips)
    at = start + len(pixels) + len(pixels) % 2
    if at > LARGEST - (1 << 20):
        raise OSError("a TIFF file ends at 4 GB")
    fields = [
        *(_numbers(block.order, tag, kind, values) for tag, (kind, values) in numbers.items()),
        *_described(block, metadata),
    ]
    struct.pack_into(block.order + "I", block.data, 4, at)
    return bytes(block.data).ljust(start, b"\0") + pixels.ljust(at - start, b"\0") + directory(block.order, fields, at)


def _described(block: Block, metadata: Metadata) -> list[Field]:
    """The fields of the EXIF block, which stays where it is in front of the pixels, and those of the other metadata."""
    found = fields_at(block, block.first, TEXTS | {EXIF_IFD, GPS_IFD})
    if metadata.dpi:
        for tag, dots in zip((282, 283), metadata.dpi, strict=True):
            found.append(_numbers(block.order, tag, RATIONAL, [round(dots * 1000), 1000]))
        found.append(_numbers(block.order, 296, SHORT, [2]))
    blobs = ((700, BYTE, metadata.xmp), (IPTC, UNDEFINED, metadata.iptc), (ICC, UNDEFINED, metadata.icc_profile))
    return found + [Field(tag, kind, len(content), content) for tag, kind, content in blobs if content]


def _numbers(order: str, tag: int, kind: int, values: list[int]) -> Field:
    value = struct.pack(f"{order}{len(values)}{'H' if kind == SHORT else 'I'}", *values)
    return Field(tag, kind, len(values) // (2 if kind == RATIONAL else 1), value)


def _compressed(strip: np.ndarray, order: str, compression: int) -> bytes:
    """Rows ``(h, W, C)``, compressed after each value's left neighbour was subtracted."""
    import imagecodecs

    differences = strip.astype(strip.dtype.newbyteorder("<" if order == "<" else ">"))
    if compression == UNCOMPRESSED:
        return differences.tobytes()
    differences[:, 1:] -= strip[:, :-1]
    encode = imagecodecs.lzw_encode if compression == LZW else imagecodecs.deflate_encode
    return bytes(encode(differences.tobytes()))
