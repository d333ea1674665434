"""How coarsely an AV1 picture is quantised, read from its headers (AV1 Bitstream & Decoding Process Specification)."""

import math
import re
from collections.abc import Callable, Iterator
from itertools import islice

Take = Callable[[int], int]
"""A function that returns the next number of the given length in bits."""

UNIT = re.compile(rb"([\0-\x7f])([\x80-\xff]*[\0-\x7f])")
"""Kind and length of one of the units (OBUs) that make up a picture (5.3)."""
SEQUENCE, FRAMES = 1, (3, 6)
"""Kinds of the units that begin with a sequence header, and with a frame header."""
HEADER_SIZE = 128
"""Number of bytes within which any such header ends."""
SHOWN_KEY_FRAME = 0b0001
SELECTED = 2
"""Value by which a sequence leaves it to each frame whether to use a tool."""


class Av1Error(ValueError):
    """Headers are missing, or are such as no still picture has."""


def quantiser(picture: memoryview) -> int:
    """The base quantiser, 0 (lossless) to 255, which follows the tile information (5.5.1, 5.9.2, 5.9.15).

    Raises:
        Av1Error: it cannot be found.
    """
    units = dict(_units(picture))
    frame = next((units[kind] for kind in FRAMES if kind in units), b"")
    _expect(SEQUENCE in units and bool(frame))
    take = reader(units[SEQUENCE])
    is_short = bool(take(5) & 1)
    if is_short:
        take(5)
    else:
        _skip_operating_point(take)
    width, height = (take(length) + 1 for length in (take(4) + 1, take(4) + 1))
    _expect(is_short or not take(1))  # no frame numbers
    side = 128 if take(3) & 4 else 64
    screen_content, whole_steps, order = (SELECTED, SELECTED, 0) if is_short else _tools(take)
    may_be_scaled = take(1)

    take = reader(frame)
    _expect(is_short or take(4) == SHOWN_KEY_FRAME)
    keeps_probabilities = take(1) or is_short
    screen_content = take(1) if screen_content == SELECTED else screen_content
    take(int(screen_content and whole_steps == SELECTED))
    _expect(is_short or not take(1))  # the sequence's size is not overridden
    take(order)
    _expect(not (may_be_scaled and take(1)))
    take(32 * take(1) + screen_content + (not keeps_probabilities))
    _skip_tiles(take, -(-width // side), -(-height // side), side)
    return take(8)


def reader(content: bytes | memoryview) -> Take:
    bits = iter("".join(f"{byte:08b}" for byte in content))
    return lambda length: int("0" + "".join(islice(bits, length)), 2)


def _expect(is_so: bool) -> None:
    if not is_so:
        raise Av1Error


def _units(picture: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Kind and first bytes of each unit."""
    at = 0
    while unit := UNIT.match(picture, at):
        size = sum((byte & 0x7F) << 7 * n for n, byte in enumerate(unit[2]))
        yield unit[1][0] >> 3, picture[unit.end() : unit.end() + min(size, HEADER_SIZE)]
        at = unit.end() + size


def _skip_operating_point(take: Take) -> None:
    has_times, has_delay, further = take(1), take(1), take(5)
    _expect(not has_times and not further)
    take(12)
    take(int(take(5) > 7))
    take(4 * (has_delay and take(1)))


def _tools(take: Take) -> tuple[int, int, int]:
    """The settings for screen content tools and integer motion vectors, and the number of bits of the frame order."""
    has_order = take(5) & 1
    take(2 * has_order)
    screen_content = SELECTED if take(1) else take(1)
    whole_steps = SELECTED if not screen_content or take(1) else take(1)
    return screen_content, whole_steps, take(3) + 1 if has_order else 0


def _skip_tiles(take: Take, columns: int, rows: int, side: int) -> None:
    """Skip the tile information of uniformly spaced tiles."""
    _expect(bool(take(1)))
    least = _log2(columns * side / 4096)
    across = _counted(take, least, _log2(min(columns, 64)))
    least = max(least, _log2(columns * rows * side**2 / (4096 * 2304))) - across
    down = _counted(take, max(0, least), _log2(min(rows, 64)))
    take(across + down and across + down + 2)


def _log2(number: float) -> int:
    return (math.ceil(number) - 1).bit_length()


def _counted(take: Take, number: int, most: int) -> int:
    """The number, raised by 1 for each flag that is set, up to ``most``."""
    while number < most and take(1):
        number += 1
    return number
