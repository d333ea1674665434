"""``Photo``: one photo, whatever its format, depth and colours; what codecs read and write, and what is relit."""

import numpy as np
from PIL import Image, ImageOps

from f2a.photo.icc import SRGB, ColorProfile
from f2a.photo.pixels import HIGH_BIT_DEPTH_GREY, grey16, image_of, stored_array, to_eight_bits

Stored = Image.Image | np.ndarray
"""Pixels as a file holds them: a Pillow image of at most eight bits, or ``(H, W, 1 to 4)`` uint16, alpha last."""


class ImageStorage:
    """The rows of an 8-bit RGB image: copying all of it into an array and back would take as long as relighting it."""

    dtype = np.dtype(np.uint8)
    alpha = None

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self.shape: tuple[int, ...] = (image.height, image.width, 3)

    def rows(self, top: int, end: int) -> np.ndarray:
        return np.asarray(self.image.crop((0, top, self.image.width, end)))

    def set_rows(self, top: int, rows: np.ndarray) -> None:
        self.image.paste(Image.fromarray(rows), (0, top))

    def blank_copy(self) -> "ImageStorage":
        return ImageStorage(Image.new("RGB", self.image.size, None))

    def rgb8(self) -> Image.Image:
        return self.image

    def stored(self, colors: ColorProfile) -> Stored:
        """As a file with this profile holds them."""
        return self.image


class ArrayStorage:
    """The rows of all other photos, in an array.

    Args:
        values: ``(H, W, 1 or 3)`` uint8 or uint16, shared where they may be written to.
        alpha: ``(H, W)`` of the depth at which the photo is stored.
        bits: that depth, 8 or 16.
    """

    def __init__(self, values: np.ndarray, alpha: np.ndarray | None = None, bits: int = 8) -> None:
        self.values = np.require(values, requirements=("C", "W"))
        self.alpha, self.bits = alpha, bits

    @classmethod
    def of(cls, stored: np.ndarray, profile: ColorProfile) -> "ArrayStorage":
        """``(H, W, 1 to 4)`` as a file with this profile holds it."""
        has_alpha = stored.shape[-1] in (2, 4)
        values = np.ascontiguousarray(stored[..., :-1]) if has_alpha else stored
        bits = 8 * stored.itemsize
        return cls(profile.to_srgb_curve(values), stored[..., -1] if has_alpha else None, bits)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def dtype(self) -> np.dtype:
        return self.values.dtype

    def rows(self, top: int, end: int) -> np.ndarray:
        return self.values[top:end]

    def set_rows(self, top: int, rows: np.ndarray) -> None:
        self.values[top : top + len(rows)] = rows

    def blank_copy(self) -> "ArrayStorage":
        return ArrayStorage(np.empty_like(self.values), self.alpha, self.bits)

    def rgb8(self) -> Image.Image:
        image = image_of(to_eight_bits(self.values))
        return image if image.mode == "RGB" else image.convert("RGB")

    def stored(self, colors: ColorProfile) -> Stored:
        values = colors.from_srgb_curve(self.values, np.dtype(f"uint{self.bits}"))
        if self.alpha is not None:
            values = np.concatenate([values, self.alpha[..., None]], -1)
        return values if self.bits == 16 else image_of(values)


Storage = ImageStorage | ArrayStorage


class Photo:
    """A photo that stands upright.

    Its rows, which are relit, have sRGB's transfer curve but the photo's own primaries, so that no colour outside sRGB
    is clipped; alpha stays apart. :meth:`from_pil` and :meth:`from_array` choose their storage, once.

    Args:
        storage: of the rows.
        colors: the rows' primaries, and the way back to the curve of the file.
        original: the pixels as their file holds them and their profile, where these are more than the rows (a palette,
            CMYK); they are written unless a row is set.
    """

    def __init__(
        self, storage: Storage, colors: ColorProfile = SRGB, original: tuple[Stored, ColorProfile] | None = None
    ) -> None:
        self.colors = colors
        self._storage, self._original = storage, original

    @classmethod
    def from_pil(cls, image: Image.Image, profile: ColorProfile | None = None) -> "Photo":
        """The upright ``image``, of any mode; it is shared, not copied.

        16-bit, integer and float grey stay 16 bits deep; CMYK and Lab become sRGB as soon as they are relit.

        Args:
            profile: None for the one in ``image.info``, which is ignored if it does not fit.
        """
        profile = profile or ColorProfile.of_image(image)
        if image.mode in HIGH_BIT_DEPTH_GREY:
            return cls.from_array(grey16(image)[..., None], profile)
        if image.mode in ("CMYK", "LAB"):
            return cls(ArrayStorage(np.asarray(profile.cmyk_or_lab_to_srgb(image))), SRGB, (image, profile))
        if image.mode == "RGB" and not image.has_transparency_data and profile.has_srgb_curve:
            return cls(ImageStorage(image), profile)
        return cls(ArrayStorage.of(stored_array(image), profile), profile, (image, profile))

    @classmethod
    def from_array(cls, stored: np.ndarray, profile: ColorProfile = SRGB) -> "Photo":
        """The upright photo of ``(H, W, 1 to 4)`` uint8 or uint16 values; a second or fourth channel is alpha."""
        if stored.dtype == np.uint8:
            return cls.from_pil(image_of(stored), profile)
        return cls(ArrayStorage.of(stored, profile), profile, (stored, profile))

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width, and 1 channel (grey) or 3."""
        return self._storage.shape

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.shape[1], self.shape[0]

    @property
    def dtype(self) -> np.dtype:
        """Of the rows: uint8, or uint16 for more bits and for other curves than sRGB's, so that none is lost."""
        return self._storage.dtype

    @property
    def has_alpha(self) -> bool:
        return self._storage.alpha is not None

    def rows(self, top: int = 0, end: int | None = None) -> np.ndarray:
        """Rows ``top`` to ``end``, ``(rows, W, C)``."""
        return self._storage.rows(top, self.shape[0] if end is None else end)

    def set_rows(self, top: int, rows: np.ndarray) -> None:
        """Put ``(rows, W, C)`` at ``top``, over what is there."""
        self._original = None
        self._storage.set_rows(top, rows)

    def blank_copy(self) -> "Photo":
        """A photo of the same kind, with the same alpha, whose rows are still to be set."""
        return Photo(self._storage.blank_copy(), self.colors)

    def copy(self) -> "Photo":
        """A photo of the same kind with the same rows."""
        copy = self.blank_copy()
        copy.set_rows(0, self.rows())
        return copy

    def small_copy(self, size: tuple[int, int]) -> Image.Image:
        """Of ``size``, as :meth:`to_rgb8`."""
        image = self.to_rgb8()
        return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)

    def fit_within(self, longest_side: int) -> "Photo":
        """A copy for a screen: 8-bit RGB, without alpha, never enlarged, in the photo's own colours (grey in sRGB)."""
        scale = min(1.0, longest_side / max(self.size))
        small = self.small_copy((max(1, round(self.size[0] * scale)), max(1, round(self.size[1] * scale))))
        if self.shape[2] == 1:
            return Photo(ImageStorage(small))
        if self.colors.has_srgb_curve:
            return Photo(ImageStorage(small), self.colors)
        return Photo(ArrayStorage(np.asarray(small).astype(np.uint16) * 257), self.colors)

    def to_rgb8(self) -> Image.Image:
        """In 8-bit RGB: sRGB's curve in the photo's own primaries, without alpha."""
        return self._storage.rgb8()

    def to_srgb(self) -> Image.Image:
        """In 8-bit sRGB, without alpha; colours outside it are clipped."""
        return self.colors.to_srgb(self.to_rgb8())

    @property
    def stored(self) -> Stored:
        """The pixels as a file with :attr:`icc_profile` holds them."""
        return self._original[0] if self._original else self._storage.stored(self.colors)

    @property
    def icc_profile(self) -> bytes:
        """Of :attr:`stored`; empty for sRGB."""
        profile = self._original[1] if self._original else self.colors
        return profile.icc_profile or b""

    def to_pil(self) -> Image.Image:
        """The photo in Pillow's terms, its profile in ``info``; Pillow has no 16-bit colour, which comes in 8 bits."""
        image = as_image(self.stored)
        if self.icc_profile:
            image.info["icc_profile"] = self.icc_profile
        return image


def as_image(stored: Stored) -> Image.Image:
    """In Pillow's terms: 16-bit grey stays, 16-bit colour and grey with alpha are rounded to 8 bits."""
    if isinstance(stored, Image.Image):
        return stored
    return image_of(stored if stored.shape[-1] == 1 else to_eight_bits(stored))


def exif_transposed(image: Image.Image) -> Image.Image:
    """A copy of ``image`` turned as its EXIF orientation says; broken EXIF counts as upright."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow parses EXIF lazily and raises whatever the bytes provoke
        return image.copy()
