"""JPEG files (ITU-T T.81), including those with several pictures (MPO, gain maps)."""

import hashlib
import io
import mmap
import re
import struct
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, JpegImagePlugin

from f2a.photo.codecs import losses, pillow
from f2a.photo.codecs.jpeg_end import ARITHMETIC, END, end_of_picture, ends_flat, may_lack_data, segments, with_end
from f2a.photo.errors import PhotoError
from f2a.photo.limits import check_size
from f2a.photo.metadata.iptc import find_iptc, jpeg_segment, photoshop_resources
from f2a.photo.metadata.metadata import Metadata, read_metadata
from f2a.photo.metadata.xmp import XmpError
from f2a.photo.metadata.xmp_extension import join_extension, xmp_segments
from f2a.photo.photo import PhotoFile, Stored
from f2a.photo.pixels import to_full_range

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".jps", ".pjpeg", ".pjp", ".insp")
MODES = ("L", "RGB")
BITS = 8
METADATA = ("exif", "xmp", "iptc", "comments", "is_stretched")

QUALITY = 95
"""Quality written if the photo's own file was not a JPEG."""

MAX_SEGMENT = 65_500
"""Largest number of bytes of EXIF or of captions that a JPEG can store."""
MAX_COMMENT = 0xFFFF - 2
"""Largest number of bytes of a comment; a GIF's may be longer."""

FULL_CHROMA, HALF_ACROSS = 0, 1
"""Pillow's numbers for 4:4:4 and 4:2:2."""

FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA, 0xCB}
NOT_READ = dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF, 0xDE), "hierarchical JPEG") | {0xF7: "JPEG-LS"}
"""Markers of frames, and of kinds of frames that no library used here decodes."""
FILLED_UNEVENLY = (0xC3, *ARITHMETIC)
"""Markers of lossless and arithmetic-coded frames, whose missing data decoders do not turn into one flat patch."""
LINES = b"\xff\xdc\0\4"
COLORS = 3
ICC, PHOTOSHOP = b"ICC_PROFILE\0", b"Photoshop 3.0\0"
KEPT_SEGMENTS = (
    b"JFIF", b"JFXX", b"Exif\0", b"http://ns.adobe.com/", ICC, b"MPF\0", PHOTOSHOP, b"Adobe", losses.ISO_GAIN_MAP
)  # fmt: skip
"""Starts of the segments that are kept, or whose subject has a note of its own."""
PROFILE_RESOURCE = 0x040F
STRAY_BYTES = "the data before its start marker are left out"
UNPRINTABLE = re.compile(rb"[^ -~].*", re.DOTALL)


MAGIC = re.compile(re.escape(losses.JPEG_START))


def stated_size(path: Path) -> tuple[int, int]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        stray = content.find(losses.JPEG_START)
        frame = _frame(content[stray:] if stray else content)
    return frame.width, frame.height


def read(path: Path) -> PhotoFile:
    content = path.read_bytes()
    stray = content.index(losses.JPEG_START)
    return _with_note(_read(path, content[stray:]), STRAY_BYTES if stray else "")


def _read(path: Path, content: bytes) -> PhotoFile:
    frame = _frame(content)
    if not any(content[frame.at + 1 : frame.at + 3]):  # it follows the scan, where no decoder looks
        content = content[: frame.at + 1] + struct.pack(">H", frame.height) + content[frame.at + 3 :]
    if frame.bits > BITS:
        check_size(path, (frame.width, frame.height), bytes_per_pixel=6)
        whole, note = with_end(content, lambda content: _digest(_decode(content, frame.bits)))
        return _with_note(_read_deep(path, frame, whole), note)
    is_suspect = frame.marker in FILLED_UNEVENLY
    try:
        file, digest, is_flat = _read_with_pillow(path, content, is_suspect)
    except OSError:
        whole, note = with_end(content, _digest_by_pillow)
        return _with_note(_read_with_pillow(path, whole, is_suspect)[0], note)
    return _with_note(file, with_end(content, _digest_by_pillow, digest, is_flat)[1] if digest else "")


def _with_note(file: PhotoFile, note: str) -> PhotoFile:
    return replace(file, notes=(note, *file.notes) if note else file.notes)


@contextmanager
def _opened(content: bytes) -> Iterator[JpegImagePlugin.JpegImageFile]:
    with pillow.opened(io.BytesIO(content), "JPEG") as source:
        assert isinstance(source, JpegImagePlugin.JpegImageFile)
        source.decodermaxblock = len(content)  # decoders of arithmetic coding cannot wait for more data
        yield source


def _read_with_pillow(path: Path, content: bytes, is_suspect: bool) -> tuple[PhotoFile, bytes | None, bool]:
    """The photo; its digest if lines may be missing, which Pillow may fill in unasked; and whether it ends flat."""
    with _opened(content) as source:
        notes = _notes_on(source, content)
        metadata = _metadata(source, notes)
        progressive = {"progressive": True} if source.info.get("progressive") else {}
        photo = pillow.decode(source, path, metadata, notes)
        file = PhotoFile(path, "JPEG", photo, metadata, _encoding(source) | progressive, tuple(notes))
        is_flat = ends_flat(source)
        is_suspect = is_suspect or is_flat or may_lack_data(content)
        return file, _digest(source) if is_suspect else None, is_flat


def _notes_on(source: JpegImagePlugin.JpegImageFile, content: bytes) -> list[str]:
    notes, end = pillow.notes_on(source), end_of_picture(content)
    behind = losses.of_data_behind(content[end + len(END) :]) if end else []
    if not notes or behind == [losses.FILM]:
        notes += behind
    return [*notes, *losses.of_photoshop(_resources(source.applist)), *_notes_on_segments(source.applist)]


def _resources(segments: list[tuple[str, bytes]]) -> bytes:
    """Photoshop's resources; one may continue in the next segment."""
    return b"".join(body.removeprefix(PHOTOSHOP) for name, body in segments if name == "APP13")


def _icc_profile(segments: list[tuple[str, bytes]]) -> bytes:
    """The profile, joined from its numbered parts (ICC.1:2022, B.4) in whatever order, even if some occur twice.

    If a part is missing, bytes that are not a profile, so that a note says that it is damaged.
    """
    parts = {body[12]: body for name, body in segments if name == "APP2" and body.startswith(ICC) and len(body) > 14}
    is_whole = all(body[13] == len(parts) for body in parts.values())
    return b"".join(parts[number][14:] for number in sorted(parts)) if is_whole else b"damaged"


def _notes_on_segments(segments: list[tuple[str, bytes]]) -> list[str]:
    """Notes on data that span several segments. A maker's shorter data go without a note, as a maker's note does."""
    kinds = Counter(
        (name.encode() + b" " + UNPRINTABLE.sub(b"", content[:20])).strip()
        for name, content in segments
        if name != "COM" and not content.startswith(KEPT_SEGMENTS)
    )
    long = [kind for kind, number in kinds.items() if number > 1 or kind.startswith(b"APP11")]
    is_c2pa = any(b"c2pa" in content for name, content in segments if name == "APP11")
    return losses.of_parts(long, {b"APP11 JP": losses.CREDENTIALS} if is_c2pa else {})


def _metadata(source: JpegImagePlugin.JpegImageFile, notes: list[str]) -> Metadata:
    segments = source.applist
    comments = tuple(content for name, content in segments if name == "COM")
    resources = _resources(segments)
    icc_profile = _icc_profile(segments) or dict(photoshop_resources(resources)).get(PROFILE_RESOURCE, b"")
    iptc = find_iptc(resources)
    metadata = replace(read_metadata(source), icc_profile=icc_profile, iptc=iptc, comments=comments)
    try:
        return replace(metadata, xmp=join_extension(metadata.xmp, [body for name, body in segments if name == "APP1"]))
    except XmpError:
        notes.append("its Extended XMP is damaged and was left out")
        return metadata


class Frame(NamedTuple):
    """A frame header (T.81, B.2.2); ``bits`` is the sample precision, and ``at`` its offset in the file."""

    marker: int
    bits: int
    height: int
    width: int
    at: int


def _frame(content: bytes | mmap.mmap) -> Frame:
    """
    Raises:
        OSError: there is no frame, or it is of a kind that is not read.
    """
    for marker, at in segments(content):
        if marker in NOT_READ:
            raise OSError(f"{NOT_READ[marker]} is not supported")
        if marker in FRAMES:
            bits, height, width = struct.unpack(">BHH", content[at + 2 : at + 7])
            height = height or _height_behind(content, at)
            return Frame(marker, bits, height, width, at + 2)
    raise OSError("it has no picture")


def _height_behind(content: bytes | mmap.mmap, at: int) -> int:
    """Height from the marker DNL (B.2.5), which cameras write after the first scan if they did not know it before."""
    found = content.find(LINES, at)
    return int.from_bytes(content[found + 4 : found + 6], "big") if found >= 0 else 0


def _read_deep(path: Path, frame: Frame, content: bytes) -> PhotoFile:
    """Read a photo of more than eight bits; Pillow reads all but its pixels if the header is changed to say eight."""
    usual = content[: frame.at] + b"\x08" + content[frame.at + 1 :]
    with _opened(usual) as source:
        notes = _notes_on(source, content)
        metadata = _metadata(source, notes)
        if source.mode not in ("L", "RGB"):
            raise PhotoError(path, f"is a JPEG of a kind that is not read ({source.mode}); save it as RGB")
        photo = pillow.decode(source, path, metadata, notes, lambda: _decode(content, frame.bits))
        return PhotoFile(path, "JPEG", photo, metadata, notes=tuple(notes), bits=frame.bits)


def _digest_by_pillow(content: bytes) -> bytes:
    with _opened(content) as source:
        return _digest(source)


def _digest(picture: Image.Image | np.ndarray) -> bytes:
    """Hash of all pixels, for comparison: keeping three whole pictures would take too much memory."""
    return hashlib.blake2b(np.ascontiguousarray(picture).data).digest()


def _decode(content: bytes, bits: int) -> np.ndarray:
    import imagecodecs

    return to_full_range(imagecodecs.jpeg8_decode(content), bits)


def _encoding(source: JpegImagePlugin.JpegImageFile) -> dict[str, Any]:
    """Chroma sampling, and quantisation tables in the order of the components that use them."""
    sampling = JpegImagePlugin.get_sampling(source)
    lies_down = pillow.orientation(source) > 4
    if sampling < 0 or (sampling == HALF_ACROSS and lies_down):  # not 4:4:4, 4:2:2 or 4:2:0, or 4:2:2 turned
        sampling = FULL_CHROMA
    tables = [source.quantization[slot] for *_, slot in source.layer[:COLORS] if slot in source.quantization]
    if tables[1:2] == tables[2:3]:  # Cb and Cr share one, as usual
        del tables[2:]
    return {"subsampling": sampling} | ({"qtables": tables} if tables else {})


def write(
    stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
) -> memoryview:
    metadata = _fitting(metadata, notes)
    options = pillow.metadata_options(replace(metadata, xmp=b"")) | {"subsampling": FULL_CHROMA} | encoding
    options["extra"] = _segments(metadata, notes)
    if quality or "qtables" not in encoding:
        options.pop("qtables", None)
        options["quality"] = quality or QUALITY
    return pillow.save(stored, "JPEG", **options)


def _fitting(metadata: Metadata, notes: list[str]) -> Metadata:
    names = {"exif": "EXIF is", "iptc": "captions are"}
    too_long = {name: b"" for name in names if len(getattr(metadata, name)) > MAX_SEGMENT}
    notes += [f"its {names[name]} too long for a JPEG and left out" for name in too_long]
    comments = tuple(text for text in metadata.comments if len(text) <= MAX_COMMENT)
    if comments != metadata.comments:
        notes.append("its comment is too long for a JPEG and left out")
    return replace(metadata, comments=comments, **too_long)  # type: ignore[arg-type]


def _segments(metadata: Metadata, notes: list[str]) -> bytes:
    """The segments of XMP, captions and comments."""
    try:
        xmp = xmp_segments(metadata.xmp)
    except XmpError:
        xmp = b""
        notes.append("its XMP is too long for a JPEG and left out")
    comments = (b"\xff\xfe" + struct.pack(">H", 2 + len(text)) + text for text in metadata.comments)
    return xmp + jpeg_segment(metadata.iptc) + b"".join(comments)
