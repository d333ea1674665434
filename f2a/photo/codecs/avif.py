"""AVIF files (ISO 23000-22 with AV1)."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from f2a.photo.codecs import boxes, heif, losses, pillow
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.photo import PhotoFile, Stored
from f2a.photo.pixels import integer_to_16_bits

SUFFIXES = (".avif", ".avifs")
MODES = ("RGB", "RGBA")
BITS = 8
METADATA = ("exif", "xmp")
QUALITY, LOSSLESS = 90, 100
"""Pillow cannot write it wholly lossless; the best quality comes next to that."""
SEQUENCE = re.compile(rb"\x12\0\x0a([\1-\x7f])")
FRAME = re.compile(rb"[\x1a\x32][\x80-\xff]*.(.{4,16})", re.DOTALL)
"""The kinds and lengths of the units with which each picture begins, and the first bytes of the last one (AV1, 5.3)."""


MAGIC = re.compile(rb".{4}ftyp(avis|.*avif)", re.DOTALL)
"""Of an ISO file (ISO 14496-12) with AVIF among its brands."""
stated_size = partial(pillow.stated_size, formats=("AVIF",))


def read(path: Path) -> PhotoFile:
    """With what Pillow does not tell: the colours that the header states, more than eight bits, the chroma sampling,
    the shape of a pixel, and what was cropped away and is still in the file."""
    notes = boxes.notes_on_parts(path, rest={b"moov"})
    try:
        file = heif.opened(path)
    except Exception:  # libheif's many; whether the file is damaged, its decoder says
        return pillow.read(path, "AVIF", notes=notes)
    image = file[file.primary_index]
    notes = [*losses.of_pictures(len(file), "main one"), *heif.notes_on(image), *notes]
    content = path.read_bytes()
    stated = boxes.clean_apertures(memoryview(content))
    cropped = next((aperture for aperture in stated if aperture[:2] in (image.size, image.size[::-1])), None)
    bits = int(image.info.get("bit_depth", 8))
    deep = partial(_decode, path, bits, cropped) if bits > 8 or cropped else None
    metadata = heif.metadata_of(image)
    photo = pillow.read(path, "AVIF", notes=notes, deep=deep, cicp=metadata.cicp, dpi=metadata.dpi)
    encoding, headers = heif.encoding_of(image), list(_headers(content))
    if headers and all(_is_lossless(*pair) for pair in headers):
        encoding["quality"] = LOSSLESS
    return replace(photo, encoding=encoding, bits=bits)


def _headers(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Of each picture's sequence, and of its first frame."""
    for start in SEQUENCE.finditer(content):
        end = start.end() + start[1][0]
        if frame := FRAME.match(content, end):
            yield content[start.end() : end], frame[1]


def _is_lossless(sequence: bytes, frame: bytes) -> bool:
    """Whether a picture's quantiser is 0, the number behind those of the tiles (AV1, 5.5.1, 5.9.2, 5.9.15)."""
    take = _reader(sequence)
    if take(5) & 3 != 3:  # no still picture with short headers
        return False
    take(5)
    width, height = (take(length) + 1 for length in (take(4) + 1, take(4) + 1))
    side = 128 if take(1) else 64
    may_be_scaled = take(3) & 1
    take = _reader(frame)
    has_screen_content = take(2) & 1
    if take(has_screen_content + may_be_scaled) & may_be_scaled:
        return False
    take(32 * take(1) + has_screen_content)
    if not take(1):  # tiles of several sizes
        return False
    columns, rows = -(-width // side), -(-height // side)
    least = _log2(columns * side / 4096)
    across = _counted(take, least, _log2(min(columns, 64)))
    least = max(least, _log2(columns * rows * side**2 / (4096 * 2304))) - across
    down = _counted(take, max(0, least), _log2(min(rows, 64)))
    take(across + down and across + down + 2)
    return take(8) == 0


def _reader(content: bytes) -> Callable[[int], int]:
    """Reads the next number, of so many bits."""
    bits = iter("".join(f"{byte:08b}" for byte in content))
    return lambda length: int("0" + "".join(islice(bits, length)), 2)


def _log2(number: float) -> int:
    return (math.ceil(number) - 1).bit_length()


def _counted(take: Callable[[int], int], number: int, most: int) -> int:
    """How far flags raise the number."""
    while number < most and take(1):
        number += 1
    return number


def _decode(path: Path, bits: int, cropped: tuple[float, ...] | None) -> np.ndarray:
    import imagecodecs

    values = imagecodecs.avif_decode(path.read_bytes(), index=0)
    if cropped:
        width, height, right, down = cropped
        left, top = (values.shape[1] - width) / 2 + right, (values.shape[0] - height) / 2 + down
        left, top = max(0, round(left)), max(0, round(top))
        values = values[top : top + round(height), left : left + round(width)]
    return integer_to_16_bits(values, bits) if bits > 8 else values


def write(
    stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]
) -> memoryview:
    if not quality and "quality" in encoding:
        notes.append("AVIF is written with a slight loss (quality 100); the photo's own file is lossless")
    options = pillow.metadata_options(metadata) | {"quality": QUALITY} | encoding
    return pillow.save(stored, "AVIF", **options | ({"quality": quality} if quality else {}))
