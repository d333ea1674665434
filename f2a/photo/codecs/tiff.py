"""TIFF files (TIFF 6.0) of any depth. Pillow writes neither 16-bit colour nor text other than ASCII."""

import re
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ImagePalette, UnidentifiedImageError
from PIL.ExifTags import Base

from f2a.photo.codecs import losses, pillow
from f2a.photo.codecs.printed import printed_by_libraries
from f2a.photo.codecs.tiff_samples import BLACK_IS_ZERO, RGB, UNASSOCIATED_ALPHA, FirstPage, first_page
from f2a.photo.color_space import color_profile
from f2a.photo.errors import PhotoError
from f2a.photo.icc import SRGB
from f2a.photo.metadata.exif import NAMES, STALE
from f2a.photo.metadata.iptc import find_iptc
from f2a.photo.metadata.metadata import Metadata, as_bytes, dpi_of_ratio, valid_dpi
from f2a.photo.metadata.tiff_ifd import (
    EXIF_IFD,
    FIRST_IFD,
    GPS_IFD,
    MAKER_NOTE,
    ExifError,
    IfdField,
    TiffBlock,
    copy_exif,
    encode_ifd,
    read_fields,
)
from f2a.photo.metadata.xmp import stated_orientation
from f2a.photo.photo import Photo, PhotoFile, Stored
from f2a.photo.pixels import HIGH_BIT_DEPTH_GREY, to_eight_bits, turned

SUFFIXES = (".tif", ".tiff")
MODES = ("L", "LA", "RGB", "RGBA")
BITS = 16
METADATA = ("exif", "xmp", "iptc", "is_stretched")

STRIP_BYTES = 1 << 20
UNCOMPRESSED, LZW, DEFLATE = 1, 5, 8

DESCRIPTIVE = {
    EXIF_IFD, GPS_IFD, Base.ProcessingSoftware, Base.DocumentName, Base.ImageDescription, Base.Make, Base.Model,
    Base.Software, Base.DateTime, Base.Artist, Base.HostComputer, Base.WhitePoint, Base.PrimaryChromaticities,
    Base.Rating, Base.RatingPercent, Base.Copyright, Base.PageName,
} | {tag for tag in NAMES if Base.ExposureTime <= tag <= Base.Gamma} - STALE - {MAKER_NOTE}  # fmt: skip
"""Fields of a first directory that describe the photo, not its storage; some programs write EXIF's fields there."""

SHORT, LONG, RATIONAL, UNDEFINED, BYTE = 3, 4, 5, 7, 1
HORIZONTAL_DIFFERENCES = 2


def read_tiff_metadata(path: Path) -> tuple[bytes, bytes]:
    """EXIF and captions of a TIFF file, or of a raw file built like one.

    The maker's note is left out, since it would not survive the move.

    Raises:
        ExifError: the file is not of the usual kind.
    """
    block = TiffBlock(bytearray(path.read_bytes()))
    exif = copy_exif(
        block, lambda directory, field: field.tag in DESCRIPTIVE if directory == FIRST_IFD else field.tag != MAKER_NOTE
    )
    blobs = {field.tag: field.value for field in read_fields(block, block.first, {Base.IPTCNAA, Base.ImageResources})}
    return exif, blobs.get(Base.IPTCNAA) or find_iptc(blobs.get(Base.ImageResources, b""))


MAGIC = re.compile(rb"II[*+]\0|MM\0[*+]")


def stated_size(path: Path) -> tuple[int, int]:
    with first_page(path) as first:
        return first.size


def read(path: Path) -> PhotoFile:
    with first_page(path) as first:
        notes = losses.of_pictures(first.pages) + first.notes
        metadata = _metadata(path, first, notes)
        photo = (_decode if first.is_readable else _decode_with_pillow)(path, first, metadata, notes)
        bits = min(16, int(np.max(first.page.bitspersample)))
        encoding = {"compression": int(first.page.compression)}
        return PhotoFile(path, "TIFF", photo, metadata, encoding, tuple(notes), bits)


def _decode(path: Path, first: FirstPage, metadata: Metadata, notes: list[str]) -> Photo:
    stored = first.read(path, notes)
    turn = int(first.value(Base.Orientation) or stated_orientation(metadata.xmp))
    profile = SRGB if first.is_lab else color_profile(metadata, "L" if stored.shape[-1] < 3 else "RGB", notes)
    return Photo.from_array(turned(stored, turn), profile)


def _decode_with_pillow(path: Path, first: FirstPage, metadata: Metadata, notes: list[str]) -> Photo:
    with suppress(UnidentifiedImageError):  # for example, of a compression that Pillow lacks
        if first.is_left_to_pillow:
            with pillow.unlimited(), printed_by_libraries() as said, pillow.opened(path, "TIFF") as source:
                source.seek(first.number or 0)
                if first.page.bitspersample > 8 and source.mode not in HIGH_BIT_DEPTH_GREY:
                    notes.append(f"its {first.page.bitspersample} bits a colour were rounded to 8")
                if source.mode == "P":
                    source.palette = ImagePalette.raw("RGB", to_eight_bits(first.palette).tobytes())
                photo = pillow.decode(source, path, metadata, notes)
            if said:  # by libtiff, which then goes on with white
                raise OSError(said[0])
            return photo
    raise PhotoError(path, f"is a TIFF of a kind that is not read ({first.kind}); save it as RGB of 8 or 16 bits")


def _metadata(path: Path, first: FirstPage, notes: list[str]) -> Metadata:
    try:
        exif, iptc = read_tiff_metadata(path)
    except ExifError:
        exif, iptc = b"", b""
        notes.append("its EXIF is of an unknown kind and was left out")
    xmp, icc_profile = (as_bytes(first.value(tag)) for tag in (Base.XMLPacket, Base.InterColorProfile))
    return Metadata(exif, xmp, iptc, icc_profile, dpi=_dpi(first.value))


def _dpi(value: Callable[..., Any]) -> tuple[float, float] | None:
    """Horizontal and vertical resolution, from a function that returns the value of a tag."""
    try:
        across, down = (dots / unit for dots, unit in map(value, (Base.XResolution, Base.YResolution)))
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    per_inch = {2: 1, 3: 2.54}.get(int(value(Base.ResolutionUnit, 2)))
    return valid_dpi((across * per_inch, down * per_inch)) if per_inch else dpi_of_ratio((across, down))


def write(stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]) -> bytes:
    return encode(np.atleast_3d(np.asarray(stored)), metadata, encoding.get("compression", DEFLATE))


def encode(values: np.ndarray, metadata: Metadata, compression: int = DEFLATE) -> bytes:
    """The content of a TIFF file.

    Args:
        values: ``(H, W, 1 to 4)`` uint8 or uint16.
        compression: its number; Deflate is written for all but no compression and LZW.
    """
    compression = compression if compression in (UNCOMPRESSED, LZW) else DEFLATE
    block = TiffBlock(bytearray(metadata.exif or b"II*\0" + struct.pack("<II", 8, 0) + bytes(2)))
    height, width, channels = values.shape
    differs = compression != UNCOMPRESSED
    rows = min(height, max(1, STRIP_BYTES // (values.itemsize * width * channels)))
    strips = [
        _compressed(values[top : top + rows], block.order, compression, differs) for top in range(0, height, rows)
    ]
    sizes = [len(strip) for strip in strips]
    start = len(block.data) + len(block.data) % 2
    numbers = {
        Base.ImageWidth: (LONG, [width]),
        Base.ImageLength: (LONG, [height]),
        Base.BitsPerSample: (SHORT, [8 * values.itemsize] * channels),
        Base.Compression: (SHORT, [compression]),
        Base.PhotometricInterpretation: (SHORT, [BLACK_IS_ZERO if channels < 3 else RGB]),
        Base.StripOffsets: (LONG, [start + int(before) for before in np.cumsum([0, *sizes[:-1]])]),
        Base.SamplesPerPixel: (SHORT, [channels]),
        Base.RowsPerStrip: (LONG, [rows]),
        Base.StripByteCounts: (LONG, sizes),
    }
    if differs:
        numbers[Base.Predictor] = (SHORT, [HORIZONTAL_DIFFERENCES])
    if channels in (2, 4):
        numbers[Base.ExtraSamples] = (SHORT, [UNASSOCIATED_ALPHA])
    pixels = b"".join(strips)
    at = start + len(pixels) + len(pixels) % 2
    fields = [
        *(_numbers(block.order, tag, kind, values) for tag, (kind, values) in numbers.items()),
        *_described(block, metadata),
    ]
    struct.pack_into(block.order + "I", block.data, 4, at)
    return bytes(block.data).ljust(start, b"\0") + pixels.ljust(at - start, b"\0") + encode_ifd(block.order, fields, at)


def _described(block: TiffBlock, metadata: Metadata) -> list[IfdField]:
    """Fields of the EXIF block, which stays in its place before the pixels, and those of the other metadata."""
    fields = read_fields(block, block.first, DESCRIPTIVE)
    if metadata.dpi:
        for tag, dots in zip((Base.XResolution, Base.YResolution), metadata.dpi, strict=True):
            fields.append(_numbers(block.order, tag, RATIONAL, [round(dots * 1000), 1000]))
        fields.append(_numbers(block.order, Base.ResolutionUnit, SHORT, [2]))
    blobs = (
        (Base.XMLPacket, BYTE, metadata.xmp),
        (Base.IPTCNAA, UNDEFINED, metadata.iptc),
        (Base.InterColorProfile, UNDEFINED, metadata.icc_profile),
    )
    return fields + [IfdField(tag, kind, len(content), content) for tag, kind, content in blobs if content]


def _numbers(order: str, tag: int, kind: int, values: list[int]) -> IfdField:
    value = struct.pack(f"{order}{len(values)}{'H' if kind == SHORT else 'I'}", *values)
    return IfdField(tag, kind, len(values) // (2 if kind == RATIONAL else 1), value)


def _compressed(strip: np.ndarray, order: str, compression: int, differs: bool) -> bytes:
    """Rows ``(h, W, C)``, compressed; if ``differs``, each value has its left neighbour subtracted first."""
    import imagecodecs

    content = strip.astype(strip.dtype.newbyteorder("<" if order == "<" else ">"))
    if differs:
        content[:, 1:] -= strip[:, :-1]
    if compression == UNCOMPRESSED:
        return content.tobytes()
    encode = imagecodecs.lzw_encode if compression == LZW else imagecodecs.deflate_encode
    return bytes(encode(content.tobytes()))
