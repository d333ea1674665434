"""``Photo``: one photo of any format, depth and colours; ``PhotoFile``: what codecs read."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from f2a.photo.icc import SRGB, ColorProfile, look_up
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.pixels import HIGH_BIT_DEPTH_GREY, grey16, image_of, resized, scaled, stored_array, to_eight_bits

Stored = Image.Image | np.ndarray
"""Pixels as a file stores them: a Pillow image of at most eight bits, or ``(H, W, 1 to 4)`` uint16, alpha last."""


class ImageStorage:
    """The rows of an 8-bit RGB image. Copying all of it into an array and back would take as long as relighting it.

    Setting rows is fastest if they are stored in memory as one plane per colour.
    """

    dtype = np.dtype(np.uint8)
    alpha = None

    def __init__(self, image: Image.Image) -> None:
        self.image = image
        self.shape: tuple[int, ...] = (image.height, image.width, 3)

    def rows(self, top: int, end: int) -> np.ndarray:
        return np.asarray(self.image.crop((0, top, self.image.width, end)))

    def set_rows(self, top: int, rows: np.ndarray) -> None:
        planes = [Image.fromarray(plane) for plane in rows.transpose(2, 0, 1)]
        self.image.paste(Image.merge("RGB", planes), (0, top))

    def blank_copy(self) -> "ImageStorage":
        return ImageStorage(Image.new("RGB", self.image.size, None))

    def rgb8(self, colors: ColorProfile) -> Image.Image:
        if colors.has_srgb_curve:
            return self.image
        return self.image.point(np.broadcast_to(colors.srgb_codes(256), (3, 256)).ravel().tolist())

    @property
    def stored(self) -> Stored:
        return self.image


class ArrayStorage:
    """The rows of any other photo, in an array.

    Args:
        values: ``(H, W, 1 to 4)`` uint8 or uint16; a second or fourth channel is alpha. The array is shared, not
            copied, if it is writable and has no alpha.
    """

    def __init__(self, values: np.ndarray) -> None:
        has_alpha = values.shape[-1] in (2, 4)
        self.alpha = values[..., -1] if has_alpha else None
        self.values = np.require(values[..., :-1] if has_alpha else values, requirements=("C", "W"))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.values.shape

    @property
    def dtype(self) -> np.dtype:
        return self.values.dtype

    def rows(self, top: int, end: int) -> np.ndarray:
        return self.values[top:end]

    def set_rows(self, top: int, rows: np.ndarray) -> None:
        for channel in range(rows.shape[-1]):  # four times as fast as all at once if rows are stored as planes
            self.values[top : top + len(rows), :, channel] = rows[..., channel]

    def blank_copy(self) -> "ArrayStorage":
        copy = ArrayStorage(np.empty_like(self.values))
        copy.alpha = self.alpha
        return copy

    def rgb8(self, colors: ColorProfile) -> Image.Image:
        if colors.has_srgb_curve:
            values = to_eight_bits(self.values)
        else:
            values = look_up(colors.srgb_codes(np.iinfo(self.dtype).max + 1), self.values)
        image = image_of(values)
        return image if image.mode == "RGB" else image.convert("RGB")

    @property
    def stored(self) -> Stored:
        values = self.values if self.alpha is None else np.concatenate([self.values, self.alpha[..., None]], -1)
        return values if self.dtype == np.uint16 else image_of(values)


Storage = ImageStorage | ArrayStorage


class Photo:
    """An upright photo.

    Its rows, which are relit, are as in the file, with the photo's own primaries and transfer curve, so that no colour
    outside sRGB is clipped and no level is lost; alpha is kept separately. :meth:`from_pil` and :meth:`from_array`
    choose the storage.

    Args:
        storage: the storage of the rows.
        colors: the profile of the rows.
    """

    def __init__(self, storage: Storage, colors: ColorProfile = SRGB) -> None:
        self.colors = colors
        self._storage = storage

    @classmethod
    def from_pil(cls, image: Image.Image, profile: ColorProfile | None = None) -> "Photo":
        """The photo of an upright ``image`` of any mode, which is shared, not copied, if it is plain RGB.

        16-bit, integer and float grey become 16 bits deep, palettes RGB, and CMYK and Lab sRGB.

        Args:
            profile: None for the one in ``image.info``, which is ignored if it does not fit; if it has tables, the
                image is converted to sRGB.
        """
        if profile is None:
            photo = cls.from_pil(image, ColorProfile.of_image(image))
            return photo.in_srgb() if photo.colors.has_tables else photo
        if image.mode in HIGH_BIT_DEPTH_GREY:
            return cls(ArrayStorage(grey16(image)[..., None]), profile)
        if image.mode in ("CMYK", "LAB"):
            return cls(ImageStorage(profile.cmyk_or_lab_to_srgb(image)))
        if image.mode == "RGB" and not image.has_transparency_data:
            return cls(ImageStorage(image), profile)
        return cls(ArrayStorage(stored_array(image)), profile)

    @classmethod
    def from_array(cls, stored: np.ndarray, profile: ColorProfile = SRGB) -> "Photo":
        """The upright photo of ``(H, W, 1 to 4)`` uint8 or uint16 values; a second or fourth channel is alpha."""
        if stored.dtype == np.uint8:
            return cls.from_pil(image_of(stored), profile)
        return cls(ArrayStorage(stored), profile)

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
        """Data type of the rows: uint8 or uint16."""
        return self._storage.dtype

    @property
    def has_alpha(self) -> bool:
        return self._storage.alpha is not None

    @property
    def nbytes(self) -> int:
        """Number of bytes of the rows in memory, without alpha."""
        return math.prod(self.shape) * self.dtype.itemsize

    def rows(self, top: int = 0, end: int | None = None) -> np.ndarray:
        """Rows ``top`` to ``end``, ``(rows, W, C)``."""
        return self._storage.rows(top, self.shape[0] if end is None else end)

    def set_rows(self, top: int, rows: np.ndarray) -> None:
        """Overwrite the rows from ``top`` on with ``(rows, W, C)``."""
        self._storage.set_rows(top, rows)

    def blank_copy(self) -> "Photo":
        """A photo of the same kind, with the same alpha, whose rows have yet to be set."""
        return Photo(self._storage.blank_copy(), self.colors)

    def small_copy(self, size: tuple[int, int]) -> Image.Image:
        """The photo as in :meth:`to_rgb8`, resized to ``size``."""
        return resized(self.to_rgb8(), size)

    def fit_within(self, longest_side: int) -> "Photo":
        """A copy for a screen: RGB and alpha, if any, never enlarged, in the photo's own colours (grey in sRGB)."""
        scale = min(1.0, longest_side / max(self.size))
        size = max(1, round(self.size[0] * scale)), max(1, round(self.size[1] * scale))
        colors = SRGB if self.shape[2] == 1 else self.colors
        small = np.asarray(resized(self.with_alpha(self.to_rgb8()), size))
        values = colors.from_srgb_curve(small[..., :3], np.dtype(np.uint16))
        if self.has_alpha:
            values = np.concatenate([values, scaled(small[..., 3:], 255, values.dtype.type)], -1)
        return Photo.from_array(values, colors)

    def with_alpha(self, image: Image.Image) -> Image.Image:
        """A copy of an RGB image of this photo's size with its alpha, in 8 bits; the same image if it has none."""
        if self._storage.alpha is not None:
            image = image.copy()
            image.putalpha(Image.fromarray(to_eight_bits(self._storage.alpha)))
        return image

    def grey_in_rgb(self) -> "Photo":
        """A copy of a grey photo with three channels in sRGB, since its profile fits only grey."""
        grey = self.colors.in_srgb_curve(self.rows())
        alpha = [] if self._storage.alpha is None else [self._storage.alpha[..., None]]
        return Photo.from_array(np.concatenate([grey, grey, grey, *alpha], -1))

    def in_srgb(self) -> "Photo":
        """A copy in 8-bit sRGB, with three channels."""
        alpha = [] if self._storage.alpha is None else [to_eight_bits(self._storage.alpha)[..., None]]
        return Photo.from_array(np.concatenate([np.asarray(self.to_srgb()), *alpha], -1))

    def crop(self, box: tuple[int, int, int, int]) -> "Photo":
        """A copy of the part within ``box`` (left, top, right, bottom)."""
        left, top, right, bottom = box
        alpha = [] if self._storage.alpha is None else [self._storage.alpha[top:bottom, :, None]]
        part = np.concatenate([strip[:, left:right] for strip in (self.rows(top, bottom), *alpha)], -1)
        return Photo.from_array(part, self.colors)

    def to_rgb8(self) -> Image.Image:
        """The photo in 8-bit RGB, with sRGB's curve and its own primaries, without alpha."""
        return self._storage.rgb8(self.colors)

    def to_srgb(self) -> Image.Image:
        """The photo in 8-bit sRGB, without alpha; colours outside sRGB are clipped."""
        return self.colors.to_srgb(self.to_rgb8())

    @property
    def stored(self) -> Stored:
        """The pixels as a file with :attr:`icc_profile` stores them."""
        return self._storage.stored

    @property
    def icc_profile(self) -> bytes:
        """Profile of :attr:`stored`; empty for sRGB."""
        return self.colors.icc_profile or b""

    def to_pil(self) -> Image.Image:
        """A Pillow image with the profile in ``info``; of 16-bit photos, all but grey are rounded to 8 bits."""
        image = self.stored
        if isinstance(image, np.ndarray):
            image = image_of(image if image.shape[-1] == 1 else to_eight_bits(image))
        if self.icc_profile:
            image.info["icc_profile"] = self.icc_profile
        return image


@dataclass(frozen=True)
class PhotoFile:
    """The contents of a photo file.

    Attributes:
        path: the file.
        format: format of the result unless another is asked for: a key of ``f2a.photo.codecs.CODECS``.
        photo: the photo.
        metadata: the metadata as a codec finds them; cleaned by :func:`f2a.photo.read_photo`.
        encoding: how the file stores its pixels (quantisation tables, chroma sampling, compression), in the terms of
            the codec that ``format`` names.
        notes: what was left out or changed, one sentence each.
        bits: bits per colour in the file, if the photo has 16.
    """

    path: Path
    format: str
    photo: Photo
    metadata: Metadata = field(default_factory=Metadata)
    encoding: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    bits: int = 16


def exif_transposed(image: Image.Image) -> Image.Image:
    """A copy of ``image``, turned as its EXIF orientation says; with damaged EXIF it counts as upright."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow parses EXIF lazily and raises whatever the bytes provoke
        return image.copy()
