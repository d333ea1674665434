"""Colour profiles made from their definitions (ICC.1:2022), small enough to read."""

import struct

import numpy as np

D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def _xyz(x, y):
    return np.array([x / y, 1, (1 - x - y) / y])


def _colorants(red, green, blue, white):
    """Return the primaries' XYZ adapted to D50, as columns."""
    primaries = np.stack([_xyz(*red), _xyz(*green), _xyz(*blue)], 1)
    scaled = primaries * np.linalg.solve(primaries, _xyz(*white))
    cones = BRADFORD @ D50 / (BRADFORD @ _xyz(*white))
    return np.linalg.inv(BRADFORD) @ np.diag(cones) @ BRADFORD @ scaled


def _fixed(*numbers):
    return struct.pack(f">{len(numbers)}i", *(round(n * 65536) for n in numbers))


def curve(gamma):
    """Return a ``para`` curve for a tuple of parameters, a ``curv`` curve for a gamma or an array of values."""
    if isinstance(gamma, tuple):
        return b"para\0\0\0\0" + struct.pack(">HH", {1: 0, 5: 3}[len(gamma)], 0) + _fixed(*gamma)
    if isinstance(gamma, np.ndarray):
        table = (gamma * 65535).round().astype(">u2")
        return b"curv\0\0\0\0" + struct.pack(">I", len(table)) + table.tobytes()
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def profile(name, space, tags):
    """Return an ICC profile with these tags; ``space`` is ``RGB``, ``GRAY`` or ``CMYK``."""
    name = name.encode() + b"\0"
    texts = {b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + bytes(78), b"cprt": b"text\0\0\0\0none\0"}
    tags = {**texts, b"wtpt": b"XYZ \0\0\0\0" + _fixed(*D50), **tags}
    table, data, at = b"", b"", 132 + 12 * len(tags)
    for name, content in tags.items():
        table += struct.pack(">4sII", name, at + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    kind, connection = (b"prtr", b"Lab ") if b"A2B0" in tags else (b"mntr", b"XYZ ")
    header = struct.pack(
        ">I4xI4s4s4s12x4s", at + len(data), 0x02400000, kind, space.encode().ljust(4), connection, b"acsp"
    )
    header = (header + bytes(28) + _fixed(*D50)).ljust(128, b"\0")
    return header + struct.pack(">I", len(tags)) + table + data


def rgb_profile(name, red, green, blue, white, gamma):
    """Return a matrix profile; ``gamma`` is an argument of :func:`curve`, or a tuple of three, one per channel."""
    tags = {}
    gammas = gamma if isinstance(gamma, tuple) and len(gamma) == 3 else (gamma,) * 3
    colorants = _colorants(red, green, blue, white).T
    for channel, colorant, own in zip((b"r", b"g", b"b"), colorants, gammas, strict=True):
        tags[channel + b"XYZ"] = b"XYZ \0\0\0\0" + _fixed(*colorant)
        tags[channel + b"TRC"] = curve(own)
    return profile(name, "RGB", tags)


D65_XY, D50_XY = (0.3127, 0.3290), (0.3457, 0.3585)
DISPLAY_P3 = rgb_profile("Display P3", (0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65_XY, SRGB_CURVE)
ADOBE_RGB = rgb_profile("Adobe RGB", (0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65_XY, 563 / 256)
PROPHOTO = rgb_profile("ProPhoto RGB", (0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), D50_XY, 1.8)
SRGB_XY = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65_XY)
SRGB = rgb_profile("sRGB", *SRGB_XY, SRGB_CURVE)
GREY_22 = profile("Grey 2.2", "GRAY", {b"kTRC": curve(2.2)})
GREY_TABLE = profile("Dot gain", "GRAY", {b"kTRC": curve(np.linspace(0, 1, 256) ** 1.75)})
"""Grey profile with a dot gain of about 20 %."""


def cmyk_profile():
    """Two steps per ink: no ink is white, one full ink a grey of L* 20, and black or several inks are black."""
    lightness = [255 if inks == 0 else 51 if inks in (1, 2, 4, 8) and inks != 1 else 0 for inks in range(16)]
    identity = bytes(range(256))
    table = b"".join(bytes([light, 128, 128]) for light in lightness)
    matrix = _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + identity * 4 + table + identity * 3
    return profile("Two steps an ink", "CMYK", {b"A2B0": lut})


CMYK = cmyk_profile()


def table_profile():
    """Two steps per channel, in 8-bit Lab, with the axes blue, green, red: those of XYB JPEGs are unusual, too."""
    corners = ((0, 128, 128), (138, 209, 198), (224, 49, 209), (248, 107, 222),
               (75, 196, 20), (154, 226, 68), (231, 78, 114), (255, 128, 128))  # fmt: skip
    table = b"".join(map(bytes, corners))
    identity, matrix = bytes(range(256)), _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    lut = b"mft1\0\0\0\0" + bytes([3, 3, 2, 0]) + matrix + identity * 3 + table + identity * 3
    return profile("Blue, green and red", "RGB", {b"A2B0": lut})


TABLE = table_profile()
