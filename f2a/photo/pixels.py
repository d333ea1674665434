"""Conversions between Pillow's images and arrays, and from one depth to another."""

import numpy as np
from PIL import Image

HIGH_BIT_DEPTH_GREY = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")
"""Pillow's modes with more than eight bits, all of them grey."""


def stored_array(image: Image.Image) -> np.ndarray:
    """Grey or RGB, and alpha if any, of an image of at most 8 bits: ``(H, W, 1 to 4)`` uint8."""
    if image.mode not in ("L", "LA", "RGB", "RGBA"):
        image = image.convert("L" if image.mode == "1" else "RGBA" if image.has_transparency_data else "RGB")
    elif image.has_transparency_data and image.mode in ("L", "RGB"):
        image = image.convert("LA" if image.mode == "L" else "RGBA")
    return np.atleast_3d(np.asarray(image))


def unassociated(values: np.ndarray) -> np.ndarray:
    """``(H, W, 2 or 4)`` uint8 or uint16, whose colours had alpha multiplied in, with the colours before that."""
    colors, alpha, white = values[..., :-1], values[..., -1:], np.iinfo(values.dtype).max
    colors = (colors * float(white) / np.maximum(alpha, 1)).round().clip(max=white).astype(values.dtype)
    return np.concatenate([colors, alpha], -1)


def image_of(stored: np.ndarray) -> Image.Image:
    """``(H, W, 1 to 4)`` uint8, or one channel of uint16, as a Pillow image."""
    return Image.fromarray(stored[..., 0] if stored.shape[-1] == 1 else stored)


def resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A copy of the image in this size; the same image if it has this size already."""
    return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)


TURNS = {2: (0, True), 3: (2, False), 4: (2, True), 5: (1, True), 6: (3, False), 7: (3, True), 8: (1, False)}
"""Quarter turns counter-clockwise, and whether to swap left and right before, by EXIF orientation."""


def turned(stored: np.ndarray, orientation: int) -> np.ndarray:
    """``(H, W, C)``, turned upright."""
    turns, mirrored = TURNS.get(orientation, (0, False))
    return np.ascontiguousarray(np.rot90(stored[:, ::-1] if mirrored else stored, turns))


def to_eight_bits(values: np.ndarray) -> np.ndarray:
    """uint16 rounded to uint8, so that 65535 becomes 255 and 257 becomes 1; uint8 unchanged."""
    rounded: np.ndarray = values if values.dtype == np.uint8 else _TO_EIGHT_BITS[values]
    return rounded


def grey16(image: Image.Image) -> np.ndarray:
    """``(H, W)`` uint16 of a grey image of more than eight bits; integers beyond 16 bits are scaled down."""
    values: np.ndarray = np.asarray(image)
    if image.mode.startswith("I;16"):
        return values.astype(np.uint16)
    if image.mode == "I":
        values = values.clip(min=0) / 65535
    return float_to_16_bits(values)


def float_to_16_bits(values: np.ndarray) -> np.ndarray:
    """uint16 of floats in [0, 1] or, if most are larger, in [0, 255] or [0, 65535], clipped there. NaN becomes black.
    Infinity, which half floats have for values above 65504, becomes white."""
    with np.errstate(invalid="ignore"):  # NumPy warns about some NaNs
        values = np.nan_to_num(values.astype(np.float64), posinf=np.inf).clip(min=0)
    white = float_white(values)
    scaled: np.ndarray = (values / white * 65535).round().clip(max=65535)
    return scaled.astype(np.uint16)


BRIGHTEST = 16
"""Largest value in a float photo up to which its white is 1: above most HDR photos, and below any integer white."""


def float_white(values: np.ndarray) -> float:
    """The value of white among floats that are not negative: 1, 255 or 65535. Highlights may be larger."""
    brightest = values.max(initial=0, where=np.isfinite(values))
    if brightest <= BRIGHTEST or np.median(values[:: max(1, len(values) // 512)]) <= 1:
        return 1.0
    return 255.0 if brightest <= 255 else 65535.0


def to_full_range(values: np.ndarray, bits: int) -> np.ndarray:
    """Unsigned integers of ``bits`` bits, rounded to uint8 or, if ``bits`` is above 8, to uint16; the largest becomes
    255 or 65535."""
    if bits > 16:
        return (values >> (bits - 16)).astype(np.uint16)
    return scaled(values, (1 << bits) - 1, np.uint8 if bits <= 8 else np.uint16)


def scaled(values: np.ndarray, white: int, dtype: type[np.unsignedinteger]) -> np.ndarray:
    """Unsigned integers scaled so that ``white`` becomes the largest value of ``dtype``, and rounded."""
    top = int(np.iinfo(dtype).max)
    return values if white == top else ((values.astype(np.uint32) * top + white // 2) // white).astype(dtype)


_TO_EIGHT_BITS = scaled(np.arange(65536), 65535, np.uint8)
