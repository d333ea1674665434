"""Photos as arrays: what a gain is applied to, and what the network and a screen see."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageOps

from f2a.photo.icc import Colours, ProfileError, converted, open_profile

DEEP_GREY = ("I", "I;16", "I;16L", "I;16B", "I;16N", "F")

SRGB = Colours()

_TO_EIGHT_BITS = ((np.arange(65536) * 255 + 32767) // 65535).astype(np.uint8)


class Pixels(NamedTuple):
    """The pixels of an upright photo.

    Attributes:
        values: ``(H, W, 1 or 3)`` uint8 or uint16, in the photo's own primaries, with sRGB's transfer curve.
        alpha: ``(H, W)`` uint8 or uint16, or None.
        colours: the photo's profile, which knows the way back to its own curve.
        bits: 8 or 16: the depth at which the photo is stored. Eight bits with another curve than sRGB's are held in
            uint16, so that changing the curve loses none of them.
    """

    values: np.ndarray
    alpha: np.ndarray | None = None
    colours: Colours = SRGB
    bits: int = 8

    @property
    def stored(self) -> np.ndarray:
        """``(H, W, 1 to 4)`` uint8 or uint16: the values as a file with this profile holds them, alpha last."""
        dtype = np.dtype(np.uint16 if self.bits == 16 else np.uint8)
        values = self.colours.from_srgb_curve(self.values, dtype)
        if self.alpha is None:
            return values
        return np.concatenate([values, self.alpha[..., None]], -1)


def pixels_of(stored: np.ndarray, icc_profile: bytes | None = None) -> Pixels:
    """The pixels of ``(H, W, 1 to 4)`` uint8 or uint16 as a file holds them; a second or fourth channel is alpha.

    Raises:
        ProfileError: the profile does not fit.
    """
    channels = stored.shape[-1]
    alpha = stored[..., -1] if channels in (2, 4) else None
    colours = Colours(icc_profile, "L" if channels < 3 else "RGB") if icc_profile else SRGB
    values = stored if alpha is None else np.ascontiguousarray(stored[..., :-1])
    return Pixels(colours.to_srgb_curve(values), alpha, colours, 16 if stored.dtype == np.uint16 else 8)


def to_pixels(photo: Image.Image) -> Pixels:
    """The pixels of an upright photo of any mode.

    16-bit, integer and float greyscale stay 16 bits deep. The profile in ``photo.info`` is honoured; one that does not
    fit is ignored. CMYK and Lab become sRGB.
    """
    if photo.mode in ("CMYK", "LAB"):
        return Pixels(np.asarray(_to_srgb(photo)))
    stored = _stored(photo)
    try:
        return pixels_of(stored, photo.info.get("icc_profile"))
    except ProfileError:
        return pixels_of(stored)


def _stored(photo: Image.Image) -> np.ndarray:
    if photo.mode in DEEP_GREY:
        return deep_grey(photo)[..., None]
    if photo.mode not in ("L", "LA", "RGB", "RGBA"):
        photo = photo.convert("L" if photo.mode == "1" else "RGBA" if photo.has_transparency_data else "RGB")
    elif photo.has_transparency_data and photo.mode in ("L", "RGB"):
        photo = photo.convert("LA" if photo.mode == "L" else "RGBA")
    stored: np.ndarray = np.asarray(photo)
    return stored if stored.ndim == 3 else stored[..., None]


def from_pixels(pixels: Pixels) -> Image.Image:
    """The photo with these pixels and, in ``info``, their profile: L, LA, RGB, RGBA or I;16.

    Pillow has no 16-bit colour: that comes in eight bits (``write_photo`` takes ``Pixels`` as they are).
    """
    stored = pixels.stored
    if stored.dtype == np.uint16 and stored.shape[-1] > 1:
        stored = to_eight_bits(stored)
    photo = image_of(stored)
    if pixels.colours.icc_profile:
        photo.info["icc_profile"] = pixels.colours.icc_profile
    return photo


def to_rgb8(pixels: Pixels) -> Image.Image:
    """8-bit RGB with sRGB's curve in the photo's own primaries; ``pixels.colours.to_srgb`` converts a copy of it."""
    values = pixels.values if pixels.values.dtype == np.uint8 else to_eight_bits(pixels.values)
    photo = image_of(values)
    return photo if photo.mode == "RGB" else photo.convert("RGB")


def image_of(stored: np.ndarray) -> Image.Image:
    """``(H, W, 1 to 4)`` uint8, or one channel of uint16, as Pillow's image."""
    return Image.fromarray(stored[..., 0] if stored.shape[-1] == 1 else stored)


def bounded(pixels: Pixels, longest_side: int) -> Pixels:
    """Eight-bit RGB pixels for a screen, without alpha, never enlarged; in the photo's own colours (grey in sRGB)."""
    copy = to_rgb8(pixels)
    copy.thumbnail((longest_side, longest_side), Image.Resampling.BILINEAR, reducing_gap=2.0)
    values = np.asarray(copy)
    if pixels.values.shape[-1] == 1:
        return Pixels(values)
    if not pixels.colours.has_srgb_curve:
        values = values.astype(np.uint16) * 257
    return Pixels(values, None, pixels.colours)


def preview(photo: Image.Image | Pixels, longest_side: int = 1600) -> Image.Image:
    """A copy that fits a screen: 8-bit RGB, sRGB, upright, without alpha, never enlarged."""
    pixels = photo if isinstance(photo, Pixels) else to_pixels(upright(photo))
    small = bounded(pixels, longest_side)
    return small.colours.to_srgb(to_rgb8(small))


def to_eight_bits(values: np.ndarray) -> np.ndarray:
    """uint16 to uint8, rounded: 65535 is 255 and 257 is 1."""
    found: np.ndarray = _TO_EIGHT_BITS[values]
    return found


def upright(photo: Image.Image) -> Image.Image:
    """A copy of ``photo`` turned as its EXIF orientation says; broken EXIF counts as upright."""
    try:
        return ImageOps.exif_transpose(photo)
    except Exception:  # Pillow parses EXIF lazily and raises whatever the bytes provoke
        return photo.copy()


def deep_grey(photo: Image.Image) -> np.ndarray:
    """``(H, W)`` uint16. Values beyond 16 bits are scaled down, floats in [0, 1] up; NaN counts as black."""
    values: np.ndarray = np.asarray(photo)
    if photo.mode.startswith("I;16"):
        return values.astype(np.uint16)
    values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0).clip(min=0)
    largest = values.max()
    full = 65535.0 if photo.mode == "I" or largest > 255 else 255.0 if largest > 1 else 1.0
    scaled: np.ndarray = (values / max(full, largest) * 65535).round()
    return scaled.astype(np.uint16)


def _to_srgb(photo: Image.Image) -> Image.Image:
    """CMYK or Lab to sRGB through the photo's own profile; without a usable one by Pillow's plain formula."""
    icc_profile = photo.info.get("icc_profile")
    try:
        if photo.mode == "CMYK" and icc_profile:
            return converted(photo, open_profile(icc_profile, "CMYK"))
        if photo.mode == "LAB":
            return converted(photo, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    except (ProfileError, ImageCms.PyCMSError, OSError, ValueError):
        pass
    return photo.convert("RGB")
