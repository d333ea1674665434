"""JPEG files (ITU-T T.81), among them those with several pictures (MPO, gain maps)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image, JpegImagePlugin

from f2a.photo.codecs import pillow
from f2a.photo.file import PhotoFile
from f2a.photo.metadata.iptc import jpeg_segment
from f2a.photo.metadata.metadata import Metadata, read_metadata
from f2a.photo.photo import Stored

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif")
MODES = ("L", "RGB", "CMYK")
BITS = 8

QUALITY = 95
"""Where the photo's own file was no JPEG."""

MAX_SEGMENT = 65_500
"""Bytes of EXIF, of XMP or of a comment that a JPEG can hold."""

FULL_CHROMA, HALF_ACROSS = 0, 1
"""Pillow's numbers of 4:4:4 and 4:2:2."""


def sniff(start: bytes, suffix: str) -> bool:
    return start.startswith(b"\xff\xd8\xff")


def stated_size(path: Path) -> tuple[int, int]:
    return pillow.stated_size(path, "JPEG")


def read(path: Path) -> PhotoFile:
    with pillow.opened(path, "JPEG") as source:
        metadata, notes = read_metadata(source), pillow.notes_on(source)
        progressive = {"progressive": True} if source.info.get("progressive") else {}
        photo = pillow.decode(source, path, metadata, notes)
        return PhotoFile(path, "JPEG", photo, metadata, _encoding(source) | progressive, tuple(notes))


def _encoding(source: Image.Image) -> dict[str, Any]:
    """Its tables and its sampling."""
    assert isinstance(source, JpegImagePlugin.JpegImageFile)
    sampling = JpegImagePlugin.get_sampling(source)
    lies_down = pillow.orientation(source) > 4
    if sampling < 0 or (sampling == HALF_ACROSS and lies_down):  # other than 4:4:4, 4:2:2 and 4:2:0
        sampling = FULL_CHROMA
    return {"qtables": source.quantization, "subsampling": sampling}


def write(
    stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
) -> memoryview:
    metadata = _fitting(metadata, notes)
    options = pillow.metadata_options(metadata) | {"extra": jpeg_segment(metadata.iptc), "comment": metadata.comment}
    options |= {"subsampling": FULL_CHROMA} | encoding
    if quality or "qtables" not in encoding:
        options.pop("qtables", None)
        options["quality"] = quality or QUALITY
    return pillow.save(stored, "JPEG", **options)


def _fitting(metadata: Metadata, notes: list[str]) -> Metadata:
    too_long = {name: b"" for name in ("exif", "xmp", "comment") if len(getattr(metadata, name)) > MAX_SEGMENT}
    notes += [f"its {name} is longer than a JPEG can hold and was left out" for name in too_long]
    return replace(metadata, **too_long)  # type: ignore[arg-type]
