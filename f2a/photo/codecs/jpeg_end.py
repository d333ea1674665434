"""Whether a JPEG (ITU-T T.81) is complete: some programs forget the end marker, and some files are cut short."""

import mmap
import re
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from f2a.photo.codecs import losses

END, FILL, SCAN = b"\xff\xd9", b"\xff", 0xDA
RESTARTS = range(0xD0, 0xD8)
PROGRESSIVE = (0xC2, 0xCA)
ARITHMETIC = (0xC9, 0xCA, 0xCB)
DROPPED = 8
"""Number of bytes, more than the trailing zeros that an arithmetic encoder may leave out (T.81, D.1.8)."""
SCANNED_FRAMES = (0xC0, 0xC1, 0xC9, *PROGRESSIVE)
"""Markers of frames whose scans each state the range of coefficients, 0 to 63, and the bits still missing (B.2.2)."""
MARKER = re.compile(rb"\xff[^\x00\xff]")
"""A marker, which any number of fill bytes may precede."""
FURTHER_DATA = b"\x5a\xa5" * 32
DARKER = b"\x80" * 64
"""Data that soon change a white picture; most other data leave it white."""
MISSING_LINES = "its last lines are missing"
MAX_PADDING = 16
"""Number of zero bytes at the end of its data that a complete picture may need."""
BLOCK, FLAT = 8, 3
"""Side of a block in pixels, and the largest difference in brightness, in 8-bit levels, within a flat one."""


def segments(content: bytes | mmap.mmap) -> Iterator[tuple[int, int]]:
    """Marker of each segment, and the offset of its length; like decoders, it skips what is not a marker."""
    at = 2
    while (marker := MARKER.search(content, at)) and marker.end() + 2 <= len(content):
        at = marker.end()
        if content[at - 1] not in RESTARTS:
            yield content[at - 1], at
            at += int.from_bytes(content[at : at + 2], "big")


def end_of_picture(content: bytes) -> int | None:
    """Offset of the end marker of the first picture; None if it is missing."""
    at = next((at for marker, at in segments(content) if marker == SCAN), 2)
    end = content.find(END, at)  # never in pixel data, where 255 is followed by 0 or a restart marker's code
    return end if end >= 0 else None


def may_lack_data(content: bytes) -> bool:
    """Whether the end marker is missing, zeros precede it, as if a card was not written to, or the picture has not
    exactly one scan: one of several may lack data though the last lines look whole."""
    data = content[: end_of_picture(content)]
    scans = sum(marker == SCAN for marker, _ in segments(data))
    is_plain = scans == 1 and _has_all_scans(data)
    return len(data) == len(content) or not is_plain or data.rstrip(FILL).endswith(b"\0")


def _has_all_scans(content: bytes) -> bool:
    """Whether every component has a scan and, if progressive, every coefficient is refined to its last bit."""
    missing: dict[int, set[int]] = {}
    is_progressive = False
    for marker, at in segments(content):
        head = content[at + 2 : at + int.from_bytes(content[at : at + 2], "big")]
        if marker in SCANNED_FRAMES:
            is_progressive = marker in PROGRESSIVE
            missing = {component: set(range(64)) for component in head[6::3]}
        elif marker == SCAN:
            *components, first, last, bits = head[1::2][: head[0]] + head[-3:]
            done = () if bits & 15 else range(first, last + 1)
            for component in components:
                missing.setdefault(component, set()).difference_update(done if is_progressive else range(64))
    return not any(missing.values())


def _with_further_data(data: bytes) -> bytes:
    """The file with further data appended to those of each scan."""
    parts, start, further, is_scanned = list[bytes](), 0, FURTHER_DATA, False
    for marker, at in segments(data):
        if is_scanned:
            parts += [data[start : at - 2].rstrip(FILL), further]
            start = at - 2
        is_scanned = marker == SCAN
        if marker in ARITHMETIC:
            further = bytes(DROPPED) + FURTHER_DATA
    return b"".join([*parts, data[start:], further, END])


def with_end(
    content: bytes, decoded: Callable[[bytes], bytes], digest: bytes | None = None, is_flat: bool = False
) -> tuple[bytes, str]:
    """The file, cut after its first picture, and a note if it lacked the end marker.

    Data appended to a scan change the picture only if the scan lacks lines.

    Args:
        decoded: returns a digest of the picture in a file.
        digest: digest of the picture in this file, if it is known.
        is_flat: whether the picture :func:`ends_flat`, so that zeros before its end marker may be its data.

    Raises:
        OSError: lines are missing.
    """
    end = end_of_picture(content)
    data = content[:end].rstrip(FILL)
    digest = digest or decoded(data + END)
    is_suspect = end is None or not is_flat
    if (
        not _has_all_scans(data)
        or digest != decoded(_with_further_data(data))
        or (is_suspect and _is_filled_up(data, digest, decoded))
    ):
        raise OSError(MISSING_LINES)
    return data + END, losses.END if end is None else ""


def _is_filled_up(data: bytes, digest: bytes, decoded: Callable[[bytes], bytes]) -> bool:
    """Whether a picture needs some of the many zeros at the end of its data, but not the last ones, as if a card was
    not written to. A white picture may need all of them; zeros that some cameras append are not needed at all."""
    first = data.rstrip(b"\0") + bytes(MAX_PADDING) + FURTHER_DATA
    last = data[:-4] + DARKER
    return len(first) < len(data) + len(FURTHER_DATA) and decoded(first + END) != digest == decoded(last + END)


def ends_flat(picture: Image.Image) -> bool:
    """Whether its last block has one brightness, as decoders fill in missing data; many backgrounds have it, too."""
    width, height = picture.size
    block = picture.crop(((width - 1) // BLOCK * BLOCK, (height - 1) // BLOCK * BLOCK, width, height)).convert("L")
    return bool(np.ptp(np.asarray(block).astype(int)) <= FLAT)
