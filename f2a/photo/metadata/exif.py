"""EXIF (Exif 3.0, TIFF 6.0): every value that is kept keeps its type, byte order and bytes."""

import struct

from PIL import Image
from PIL.ExifTags import TAGS, Base

from f2a.photo.metadata.privacy import is_private_name, is_private_text
from f2a.photo.metadata.tiff_ifd import EXIF_IFD, ExifError, IfdField, TiffBlock, copy_exif

WIDTHS, HEIGHTS = (Base.ImageWidth, Base.ExifImageWidth), (Base.ImageLength, Base.ExifImageHeight)

DECODE = 0x01B1
STALE = {
    Base.Orientation, Base.SubIFDs,
    # how the old file encoded its pixels
    Base.BitsPerSample, Base.Compression, Base.PhotometricInterpretation, Base.SamplesPerPixel, Base.ExtraSamples,
    Base.SampleFormat, Base.TransferRange, DECODE, Base.YCbCrCoefficients, Base.YCbCrSubSampling,
    Base.ReferenceBlackWhite, Base.InkSet, Base.InkNames, Base.NumberOfInks, Base.DotRange, Base.TargetPrinter,
    # blocks that a photo file carries elsewhere
    Base.XMLPacket, Base.IPTCNAA, Base.ImageResources, Base.InterColorProfile,
}  # fmt: skip
"""Fields that would be false in the new file, or that it stores elsewhere."""

DNG = 0xC612
"""Tag of DNG's first field: it and higher ones say how a raw file is developed, and one contains the whole raw file."""
NAMES = {tag: name for tag, name in TAGS.items() if tag < DNG} | {
    0x0002: "InteropVersion",
    0x9214: "SubjectArea",
    0xA436: "ImageTitle",
    0xA437: "Photographer",
    0xA438: "ImageEditor",
    0xA439: "CameraFirmware",
    0xA43A: "RAWDevelopingSoftware",
    0xA43B: "ImageEditingSoftware",
    0xA43C: "MetadataEditingSoftware",
}
"""Pillow's names of fields, by tag, and those that it lacks or confuses. A field without a name may say anything."""

BYTE, TEXT, UNDEFINED, UTF8 = 1, 2, 7, 129


def clean_exif(exif: bytes, size: tuple[int, int], keep_private: bool, notes: list[str] | None = None) -> bytes:
    """EXIF for a photo that has been turned upright.

    Orientation and thumbnail are removed, and the size is set to ``size`` (width, height). Unless ``keep_private``,
    only fields known not to reveal where or with which individual camera the photo was taken are kept. Otherwise the
    block is edited in place, since most makers count the offsets inside their notes from its start.

    Args:
        exif: the block, beginning with the byte order.
        notes: receives a sentence if a text is left out.

    Raises:
        ExifError: the block is damaged.
    """
    block = TiffBlock(bytearray(exif))
    if block.is_big:  # EXIF never is, and the code below cannot edit it
        raise ExifError
    if not keep_private:
        block = TiffBlock(bytearray(copy_exif(block, lambda _, field: _is_harmless(field, notes))))
    try:
        _remove_thumbnail(block, block.first)
        block.remove_tags(block.first, STALE)
        inner = [block.value(entry) for entry in block.entries(block.first) if entry.tag == EXIF_IFD]
        for at in (block.first, *inner):
            for entry in block.entries(at):
                if entry.tag in WIDTHS + HEIGHTS:
                    block.put(entry, size[entry.tag in HEIGHTS])
    except (struct.error, IndexError, OverflowError):
        raise ExifError from None
    return bytes(block.data)


def _is_harmless(field: IfdField, notes: list[str] | None) -> bool:
    name = NAMES.get(field.tag)
    if field.tag in STALE or name is None or is_private_name(name):
        return False
    return field.type not in (BYTE, TEXT, UNDEFINED, UTF8) or not is_private_text(field.value, notes)


def _remove_thumbnail(block: TiffBlock, first: int) -> None:
    at = block.next_at(first)
    second = block.number(at, "I")
    if second:
        block.data[at : at + 4] = bytes(4)
        block.zero_fill_ifd(second)


def flash_fired(exif: Image.Exif) -> bool | None:
    """Bit 0 of EXIF's Flash (0x9209, EXIF 2.32 table 8); None if the camera wrote nothing that can be read."""
    try:
        value = exif.get_ifd(EXIF_IFD).get(Base.Flash)
    except Exception:  # Pillow parses EXIF lazily and raises whatever the bytes provoke
        return None
    return bool(value & 1) if isinstance(value, int) else None
