"""Whether a JPEG (ITU-T T.81) holds all of its picture: some programs forget the end marker, and some files are cut."""

import mmap
import re
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from f2a.photo.codecs import losses

END, FILL, SCAN = b"\xff\xd9", b"\xff", 0xDA
MARKER = re.compile(rb"\xff[^\x00\xff]")
"""Before which any number of fill bytes stand."""
FURTHER_DATA = b"\x5a\xa5" * 32
MISSING_LINES = "its last lines are missing"
MAX_PADDING = 16
"""Zeros of which a whole picture may be made, or behind which it may be whole."""
BLOCK, FLAT = 8, 3
"""Pixels of a block's side, and levels of brightness between which it is one."""


def segments(content: bytes | mmap.mmap) -> Iterator[tuple[int, int]]:
    """The marker of each up to the first scan's, and where its length stands; as decoders, past what is no marker."""
    at = 2
    while (marker := MARKER.search(content, at)) and marker.end() + 2 <= len(content):
        at = marker.end()
        yield content[at - 1], at
        if content[at - 1] == SCAN:
            return
        at += int.from_bytes(content[at : at + 2], "big")


def end_of_picture(content: bytes) -> int | None:
    """Where the end marker of the first picture stands; None where it is missing."""
    at = max((at for _, at in segments(content)), default=2)
    end = content.find(END, at)  # never among the pixels, where 255 is followed by 0 or the number of a restart
    return end if end >= 0 else None


def with_end(content: bytes, decoded: Callable[[bytes], bytes], digest: bytes | None = None) -> tuple[bytes, str]:
    """The file, ending behind its first picture, and a note if it lacked the end marker.

    Further data before the marker change a picture that lacks lines, and no other.

    Args:
        decoded: a digest of the picture in a file.
        digest: of the picture in this one, where it is known.

    Raises:
        OSError: lines are missing.
    """
    end = end_of_picture(content)
    data = _without_padding(content) if end is None else content[:end].rstrip(FILL)
    if (digest or decoded(data + END)) != decoded(data + FURTHER_DATA + END):
        raise OSError(MISSING_LINES)
    return data + END, losses.END if end is None else ""


def trailing_zeros(content: bytes) -> int:
    """In front of the end marker: where a card was not written to, or as some cameras fill up their files."""
    data = content[: end_of_picture(content)].rstrip(FILL)
    return len(data) - len(data.rstrip(b"\0"))


def is_filled_up(content: bytes, digest: bytes, decoded: Callable[[bytes], bytes]) -> bool:
    """Whether a picture whose file has many such zeros is made from the first of them, and yet not from the last.

    Args:
        digest: of the picture.
        decoded: a digest of the picture in a file.
    """
    data = content[: end_of_picture(content)].rstrip(FILL)
    first = data.rstrip(b"\0") + bytes(MAX_PADDING) + FURTHER_DATA
    last = data[:-2] + FURTHER_DATA[:2]
    return decoded(first + END) != digest and decoded(last + END) == digest


def _without_padding(content: bytes) -> bytes:
    """Without the zeros that stand for data where a card was not written to, and without half an end marker."""
    data = content.rstrip(b"\0")
    return data + b"\0" if len(data) < len(content) and data.endswith(FILL) else data.rstrip(FILL)


def ends_flat(picture: Image.Image) -> bool:
    """Whether its last block has one brightness, as decoders fill in for missing data; so has many a background."""
    width, height = picture.size
    block = picture.crop((width - BLOCK, height - BLOCK, width, height)).convert("L")
    return bool(np.ptp(np.asarray(block).astype(int)) <= FLAT)
