"""Formats that can only be read: GIF, TGA, PPM, bitmaps without a header; the result is written as PNG."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from f2a.photo.codecs import losses, pillow
from f2a.photo.errors import PhotoError
from f2a.photo.photo import PhotoFile
from f2a.photo.pixels import scaled

SUFFIXES = (".gif", ".mpo", ".tga", ".icb", ".vda", ".vst", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm")
FORMATS = ("GIF", "TGA", "PPM", "DIB")
WHITE_OF_8_BITS = 255
GIF_EXTENSIONS = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"C2PA_GIF\1\0\0")
"""Application extensions that need no note: how often a film is repeated, and what is noted elsewhere."""
GIF_PROFILE, GIF_XMP, XMP_END = b"ICCRGBG1012", b"XMP DataXMP", bytes([1, *range(255, -1, -1), 0])
"""Application extensions with a profile, and with a packet that is not divided into blocks (XMP part 3, 1.1.2): its end
leads a reader of blocks, wherever it is, to the last byte."""
APPLICATION, EXTENSION, PICTURE = b"!\xff", b"!", b","
"""Starts of the blocks of a GIF (GIF89a, appendix A)."""
PPM_COMMENT = re.compile(rb"#[ \t]*([^\r\n]*)")
TGA_AREAS = re.compile(rb"(.{8})TRUEVISION-XFILE\.\0", re.DOTALL)
"""End of a TGA file that may have a thumbnail, an author and more: their offsets, or zeros."""


MAGIC = re.compile(b"")
"""Any start: TGA files have no signature, and Pillow refuses what is none of these formats."""
NOT_READ = {
    b"P7\n": "PAM", b"PF\n": "PFM in colour", b"8BPS": "Photoshop", b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL", b"II\xbc": "JPEG XR", b"v/1\1": "OpenEXR", b"#?RADIANCE": "Radiance HDR",
    b"\0\0\1\0": "icons", b"DDS ": "DDS", b"qoif": "QOI", b"BPG\xfb": "BPG", b"gimp xcf": "GIMP", b"%PDF": "PDF",
}  # fmt: skip
"""Starts of files in other formats, and the formats' names."""
SIGNED = re.compile(rb"GIF8|P[1-6f]\s|\x89PNG|" + b"|".join(map(re.escape, NOT_READ)))


def stated_size(path: Path) -> tuple[int, int]:
    with _opened(path) as source:
        return source.size


def _opened(path: Path) -> Image.Image:
    try:
        return pillow.opened(path, *FORMATS)
    except UnidentifiedImageError:
        with path.open("rb") as file:
            start = file.read(16)
        if (signature := SIGNED.match(start)) and (kind := NOT_READ.get(signature[0])):
            raise PhotoError(path, f"is of a kind that is not read ({kind}); save it as a PNG or TIFF") from None
        if signature:
            raise
        raise PhotoError(
            path, "is not a photo that can be read; use a JPEG, PNG, WebP, TIFF, HEIC, AVIF or raw file"
        ) from None


class Parts(NamedTuple):
    """What Pillow does not report about a file.

    Attributes:
        stated: metadata, by the attributes of :class:`Metadata`.
        kinds: kinds of further parts.
        end: offset at which the known parts end; None if it cannot be told.
        bits: bits per colour.
        deep: decodes colours that Pillow would reduce to eight bits.
    """

    stated: Mapping[str, Any] = {}
    kinds: Iterable[bytes] = ()
    end: int | None = None
    bits: int = 8
    deep: Callable[[], np.ndarray] | None = None


def read(path: Path) -> PhotoFile:
    content = path.read_bytes()
    with _opened(path) as source:
        parts = PARTS[source.format or ""](source, content)
    notes = losses.of_parts(parts.kinds, {}, GIF_EXTENSIONS)
    notes += losses.of_data_behind(content[parts.end :] if parts.end else b"")
    file = pillow.read(path, *FORMATS, notes=notes, deep=parts.deep, **parts.stated)
    return replace(pillow.written_as_png(file), bits=parts.bits)


def _gif(source: Any, content: bytes) -> Parts:
    at, kinds = _behind_colors(content, 10, 13), []
    stated: dict[str, Any] = {}
    while content[at : at + 1] in (EXTENSION, PICTURE):
        kind = content[at + 3 : at + 14] if content.startswith(APPLICATION, at) else b""
        at = at + 2 if content.startswith(EXTENSION, at) else 1 + _behind_colors(content, at + 9, at + 10)
        start, blocks = at, list[bytes]()
        while at < len(content) and content[at]:
            blocks.append(content[at + 1 : at + 1 + content[at]])
            at += 1 + content[at]
        at += 1
        if kind == GIF_PROFILE:
            stated["icc_profile"] = b"".join(blocks[1:])
        elif kind == GIF_XMP:
            stated["xmp"] = content[start + 12 : at].removesuffix(XMP_END)
        elif kind:
            kinds.append(kind)
    return Parts(stated, kinds, end=at + 1)


def _behind_colors(content: bytes, flags: int, at: int) -> int:
    """The offset after the colour table at ``at``, or ``at`` if there is none."""
    flag = int.from_bytes(content[flags : flags + 1], "big")
    return at + (3 * (2 << (flag & 7)) if flag & 0x80 else 0)


def _tga(source: Any, content: bytes) -> Parts:
    areas, name = TGA_AREAS.search(content, len(content) - 26), source.info.get("id_section", b"").strip(b"\0 ")
    return Parts({"comments": (name,)} if name else {}, [b"areas of a TGA"] if areas and any(areas[1]) else [])


def _ppm(source: Any, content: bytes) -> Parts:
    codec, _, start, args = source.tile[0]
    is_plain, channels, shape = codec == "ppm_plain", len(source.getbands()), (source.height, source.width, 3)
    white = 65535 if args == "I;16B" else WHITE_OF_8_BITS if codec == "raw" or source.mode == "1" else args[1]
    bits = {"1": 1, "F": 32}.get(source.mode, channels * (16 if white > WHITE_OF_8_BITS else 8))

    def deep() -> np.ndarray:
        if is_plain:
            values = np.array(PPM_COMMENT.sub(b"", content[start:]).split()[: math.prod(shape)], np.uint32)
        else:
            values = np.frombuffer(content, ">u2", math.prod(shape), start)
        return scaled(values.reshape(shape).clip(max=white).astype(np.uint16), white, np.uint16)

    return Parts(
        {"comments": tuple(filter(None, PPM_COMMENT.findall(content, 0, start)))},
        end=None if is_plain else start + -(-bits * source.width // 8) * source.height,
        bits=16 if source.mode == "F" else white.bit_length(),
        deep=deep if source.mode == "RGB" and white > WHITE_OF_8_BITS else None,
    )


PARTS: dict[str, Callable[[Any, bytes], Parts]] = {"GIF": _gif, "TGA": _tga, "PPM": _ppm, "DIB": lambda *_: Parts()}
