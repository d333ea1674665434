"""ICC profiles with a matrix and a curve, for colours that are stated without a profile."""

import struct

import numpy as np

from f2a.photo.chromaticity import Primaries, adaptation, rgb_to_xyz, xyz_of

Parameters = tuple[float, float, float, float, float]
"""Parameters g, a, b, c, d of a transfer curve from encoded to linear: ``(a x + b) ** g`` from d up, ``c x`` below."""


SRGB_CURVE: Parameters = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)

PCS_WHITE = np.array([0.9642, 1.0, 0.8249])
ICC_VERSION = 0x04300000


def matrix_profile(name: str, primaries: Primaries, curve: Parameters, mode: str) -> bytes:
    """An ICC profile (ICC.1:2022, 8.3.3 and 8.4.3) for pixels of mode ``L`` or ``RGB``."""
    curve_tag = b"para\0\0\0\0\0\3\0\0" + _fixed(*curve)
    tags = {b"desc": _text(name), b"cprt": _text("No copyright"), b"wtpt": _xyz(PCS_WHITE)}
    if mode == "L":
        tags[b"kTRC"] = curve_tag
    else:
        tags[b"chad"] = b"sf32\0\0\0\0" + _fixed(*_to_pcs(primaries).flat)
        for color, colorant in zip((b"r", b"g", b"b"), colorants(primaries).T, strict=True):
            tags |= {color + b"XYZ": _xyz(colorant), color + b"TRC": curve_tag}
    table, content, start = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for tag, value in tags.items():
        table += struct.pack(">4sII", tag, start + len(content), len(value))
        content += value + bytes(-len(value) % 4)
    data_space = b"GRAY" if mode == "L" else b"RGB "
    header = struct.pack(">I4xI4s4s4s12x4s", start + len(content), ICC_VERSION, b"mntr", data_space, b"XYZ ", b"acsp")
    return (header + bytes(28) + _fixed(*PCS_WHITE)).ljust(128, b"\0") + table + content


def _fixed(*numbers: float) -> bytes:
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def _xyz(value: np.ndarray) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*value)


def _text(words: str) -> bytes:
    content = words.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(content), 28) + content


def colorants(primaries: Primaries) -> np.ndarray:
    """XYZ of red, green and blue as columns, relative to the white of profiles; not finite for impossible primaries."""
    try:
        columns: np.ndarray = _to_pcs(primaries) @ rgb_to_xyz(primaries)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return np.full((3, 3), np.nan)
    return columns


def _to_pcs(primaries: Primaries) -> np.ndarray:
    return adaptation(xyz_of(primaries[:2]), PCS_WHITE)
