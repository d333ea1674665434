"""Pillow's modes and arrays: from one to the other, and from one depth to another."""

import numpy as np
from PIL import Image

HIGH_BIT_DEPTH_GREY = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
"""Pillow's modes of more than eight bits, all of them grey."""


def stored_array(image: Image.Image) -> np.ndarray:
    """``(H, W, 1 to 4)`` uint8: grey, or red, green and blue, and alpha if any, of an image of at most 8 bits."""
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("L" if image.mode == "1" else "RGBA" if image.has_transparency_data else "RGB")
    elif image.has_transparency_data and image.mode in ("L", "RGB"):
        image = image.convert("LA" if image.mode == "L" else "RGBA")
    return with_channels(np.asarray(image))


def with_channels(values: np.ndarray) -> np.ndarray:
    """``(H, W)`` as ``(H, W, 1)``; ``(H, W, C)`` as it is."""
    return values if values.ndim == 3 else values[..., None]


def unassociated(values: np.ndarray) -> np.ndarray:
    """``(H, W, 2 or 4)`` uint8 or uint16 with the colours that they were before alpha was multiplied in."""
    colors, alpha, white = values[..., :-1], values[..., -1:], np.iinfo(values.dtype).max
    colors = (colors * float(white) / np.maximum(alpha, 1)).round().clip(max=white).astype(values.dtype)
    return np.concatenate([colors, alpha], -1)


def image_of(stored: np.ndarray) -> Image.Image:
    """``(H, W, 1 to 4)`` uint8, or one channel of uint16, as Pillow's image."""
    return Image.fromarray(stored[..., 0] if stored.shape[-1] == 1 else stored)


TURNS = {2: (0, True), 3: (2, False), 4: (2, True), 5: (1, True), 6: (3, False), 7: (3, True), 8: (1, False)}
"""By EXIF orientation: quarter turns counter-clockwise after mirroring left and right."""


def turned(stored: np.ndarray, orientation: int) -> np.ndarray:
    """``(H, W, C)`` upright."""
    turns, mirrored = TURNS.get(orientation, (0, False))
    return np.ascontiguousarray(np.rot90(stored[:, ::-1] if mirrored else stored, turns))


def to_eight_bits(values: np.ndarray) -> np.ndarray:
    """uint16 to uint8, rounded: 65535 is 255 and 257 is 1; uint8 stays as it is."""
    rounded: np.ndarray = values if values.dtype == np.uint8 else _TO_EIGHT_BITS[values]
    return rounded


def grey16(image: Image.Image) -> np.ndarray:
    """``(H, W)`` uint16 of an image of more than eight bits. Integers beyond 16 bits are scaled down."""
    values: np.ndarray = np.asarray(image)
    if image.mode.startswith("I;16"):
        return values.astype(np.uint16)
    if image.mode == "I":
        values = values.clip(min=0) / 65535
    return float_to_16_bits(values)


def float_to_16_bits(values: np.ndarray) -> np.ndarray:
    """uint16 of floats in [0, 1], cut off there; where most lie above, in [0, 255] or [0, 65535]. NaN becomes black,
    and infinity, as which half floats hold what is above 65504, white."""
    with np.errstate(invalid="ignore"):  # NumPy warns of some that are no numbers
        values = np.nan_to_num(values.astype(np.float64), posinf=np.inf).clip(min=0)
    white = float_white(values)
    scaled: np.ndarray = (values / white * 65535).round().clip(max=65535)
    return scaled.astype(np.uint16)


BRIGHTEST = 16
"""Times as bright as white: more than most HDR photos are, and no white of integers."""


def float_white(values: np.ndarray) -> float:
    """What white is in floats that are not below 0: 1, 255 or 65535. Highlights may lie above."""
    brightest = values.max(initial=0, where=np.isfinite(values))
    if brightest <= BRIGHTEST or np.median(values[:: max(1, len(values) // 512)]) <= 1:
        return 1.0
    return 255.0 if brightest <= 255 else 65535.0


def integer_to_16_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """uint16 of unsigned integers of so many bits: the largest becomes 65535, others are rounded."""
    return (values >> (bits - 16)).astype(np.uint16) if bits > 16 else scaled(values, (1 << bits) - 1, np.uint16)


def integer_to_8_bits(values: np.ndarray, bits: int) -> np.ndarray:
    """uint8 of unsigned integers of at most eight bits: the largest becomes 255, others are rounded."""
    return scaled(values, (1 << bits) - 1, np.uint8)


def scaled(values: np.ndarray, white: int, dtype: type[np.unsignedinteger]) -> np.ndarray:
    """Of unsigned integers up to ``white``, which becomes the largest of ``dtype``; others are rounded."""
    top = int(np.iinfo(dtype).max)
    return values if white == top else ((values.astype(np.uint32) * top + white // 2) // white).astype(dtype)


_TO_EIGHT_BITS = scaled(np.arange(65536), 65535, np.uint8)
