"""Files that state their colours in a header of their own: BMP, JPEG 2000, TIFF, and a profile with code points."""

import io
import struct

import tifffile
from PIL import Image

from tests.support.parts import box

Chromaticities = tuple[tuple[float, float], ...]


def bmp(image: Image.Image, space: bytes = b"\0\0\0\0", xyz=(0,) * 9, gamma: float = 0, profile: bytes = b"") -> bytes:
    """Return a BMP with a BITMAPV5HEADER; ``space`` as in the file, least significant byte first."""
    plain = io.BytesIO()
    image.save(plain, "BMP")
    pixels = plain.getvalue()[54:]
    colors = space + struct.pack("<9i3I", *(round(v * (1 << 30)) for v in xyz), *[round(gamma * 65536)] * 3)
    place = struct.pack("<4I", 4, 124 + len(pixels) if profile else 0, len(profile), 0)
    header = struct.pack("<IiiHHIIiiII16x", 124, *image.size, 1, 24, 0, len(pixels), 0, 0, 0, 0) + colors + place
    return struct.pack("<2sIII", b"BM", 138 + len(pixels) + len(profile), 0, 138) + header + pixels + profile


def jp2(image: Image.Image, colr: bytes) -> bytes:
    """Return a JPEG 2000 file; ``colr`` begins with its method and two further bytes."""
    plain = io.BytesIO()
    image.save(plain, "JPEG2000", irreversible=False)
    content = plain.getvalue()
    start = content.index(b"jp2h") - 4
    size = struct.unpack_from(">I", content, start)[0]
    inner = content[start + 8 : start + size]
    old = inner.index(b"colr") - 4
    return content[:start] + box(b"jp2h", inner[:old] + box(b"colr", colr)) + content[start + size :]


def save_tiff(path, values, xy: Chromaticities, *further: tuple[int, int, bytes]) -> None:
    """Save a TIFF; ``xy`` are the chromaticities of red, green, blue and white."""
    ratios = [part for x_or_y in sum(xy, ()) for part in (round(x_or_y * 1e6), 1_000_000)]
    tags = [(318, "2I", 2, ratios[12:], True), (319, "2I", 6, ratios[:12], True)]
    extra = [(tag, kind, len(content) // (2 if kind == 3 else 1), content, True) for tag, kind, content in further]
    tifffile.imwrite(path, values, photometric="rgb", metadata=None, extratags=tags + extra)


def with_code_points(profile: bytes, primaries: int, transfer: int) -> bytes:
    """Return the ICC profile with its copyright tag replaced by ``cicp`` (ICC.1:2022, 9.2.17)."""
    at = profile.index(b"cprt")
    tag = b"cicp" + bytes(4) + bytes([primaries, transfer, 0, 1])
    entry = b"cicp" + struct.pack(">II", len(profile), len(tag))
    return struct.pack(">I", len(profile) + len(tag)) + profile[4:at] + entry + profile[at + 12 :] + tag
