"""Colour profiles (ICC.1:2022): a photo keeps its own primaries and its own transfer curve.

The gain is applied in the photo's own linear red, green and blue, so that no colour outside sRGB is clipped. What the
network sees is a small copy converted to sRGB by LittleCMS.
"""

import io
import struct
from collections.abc import Callable
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import DTypeLike
from PIL import Image, ImageCms

from f2a.color import linear_to_srgb, srgb_to_linear
from f2a.photo.chromaticity import D50
from f2a.photo.matrix_profile import SRGB_CURVE, matrix_profile
from f2a.photo.metadata.privacy import is_private_text

T = TypeVar("T")

SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}

CURVES = {"L": (b"kTRC",), "RGB": (b"rTRC", b"gTRC", b"bTRC"), "CMYK": (), "LAB": ()}
"""Tags of the transfer curves, by colour space; the other spaces have tables, which LittleCMS reads."""

HEADER_SIZE, PROFILE_ID, MAX_TAGS = 128, slice(84, 100), 100

COLOR_TAGS = frozenset(
    b"""A2B0 A2B1 A2B2 A2M0 B2A0 B2A1 B2A2 B2D0 B2D1 B2D2 B2D3 D2B0 D2B1 D2B2 D2B3 bTRC bXYZ bkpt calt chad chrm cicp
    ciis clot clro clrt cprt desc dmdd dmnd dscm gTRC gXYZ gamt kTRC lumi meas ncl2 pre0 pre1 pre2 pseq psid rTRC rXYZ
    resp rig0 rig2 tech vcgt view vued wtpt""".split()
)
"""Tags defined by versions 4 and 2 of the standard, and the curves of a graphics card. Tags that displays add identify
the individual display, for example by its serial number."""

TEXTS = (b"desc", b"mluc", b"pseq", b"psid", b"text")
"""Types of tags that contain texts."""

SAME_CURVE = 1 / 1024
"""Difference in encoded value below which a profile's curve counts as sRGB's."""


COARSE = 1 / 1000
"""Light of the first of 256 levels above which eight bits are too few for shadows; sRGB's is 1 / 3295."""


class ProfileError(ValueError):
    """A profile, or another statement of colours, is damaged, for other pixels, or of a kind that is not read."""


class ColorProfile:
    """What the values of a photo mean.

    Args:
        icc_profile: the profile's bytes; None for sRGB.
        space: colour space of the photo's pixels: ``L``, ``RGB``, ``CMYK`` or ``LAB``.

    Attributes:
        has_tables: whether an RGB profile has tables instead of curves, which only LittleCMS can interpret.
        with_srgb_curve: the profile with the same primaries and sRGB's curve.

    Raises:
        ProfileError: the profile is damaged, describes other pixels, or has impossible primaries.
    """

    def __init__(self, icc_profile: bytes | None = None, space: str = "RGB") -> None:
        icc_profile = clean_icc(icc_profile) if icc_profile else None
        self.icc_profile = icc_profile
        self._space = space
        self._profile = open_profile(icc_profile, space) if icc_profile else None
        curves = _curves(icc_profile, CURVES[space]) if icc_profile else []
        self.has_tables = bool(icc_profile) and space == "RGB" and not curves
        steps = np.linspace(0, 1, 1025)
        same = all(np.abs(srgb_encoded(curve(steps)) - steps).max() < SAME_CURVE for curve in curves)
        self._curves = [] if same else curves
        self.with_srgb_curve = self if same or self._profile is None else _with_srgb_curve(self._profile, space)

    @classmethod
    def of_image(cls, image: Image.Image) -> "ColorProfile":
        """The profile in ``image.info``; sRGB if there is none that fits."""
        return fitting_profile(image.info.get("icc_profile") or b"", space_of(image.mode), [])

    @property
    def has_srgb_curve(self) -> bool:
        return not self._curves

    @property
    def is_coarse(self) -> bool:
        """Whether the curve, like that of linear light, leaves few levels for shadows."""
        return bool(self.light(256)[:, 1].max() > COARSE)

    def light(self, levels: int) -> np.ndarray:
        """Linear light of each of ``levels`` stored levels, ``(1 or C, levels)`` in [0, 1], never decreasing."""
        codes = np.linspace(0, 1, levels)
        curves: list[Curve] = self._curves or [srgb_decoded]
        light = np.stack([np.maximum.accumulate(curve(codes)) for curve in curves])
        return light[:1] if (light == light[0]).all() else light

    def srgb_codes(self, levels: int, dtype: DTypeLike = np.uint8) -> np.ndarray:
        """Each of ``levels`` stored levels converted to sRGB's curve, ``(1 or C, levels)`` of ``dtype``."""
        return _codes(srgb_encoded(self.light(levels)), dtype)

    def in_srgb_curve(self, values: np.ndarray) -> np.ndarray:
        """Levels ``(H, W, C)`` converted from this profile's curve to sRGB's, with the same dtype."""
        if self.has_srgb_curve:
            return values
        return look_up(self.srgb_codes(np.iinfo(values.dtype).max + 1, values.dtype), values)

    def from_srgb_curve(self, values: np.ndarray, dtype: np.dtype) -> np.ndarray:
        """Levels ``(H, W, C)`` uint8 with sRGB's curve, converted to this profile's if it differs, as ``dtype``."""
        if self.has_srgb_curve:
            return values
        codes = np.linspace(0, 1, 65536)
        light = srgb_decoded(np.linspace(0, 1, 256))
        return look_up(_codes(np.stack([np.interp(light, own, codes) for own in self.light(65536)]), dtype), values)

    def to_srgb(self, photo: Image.Image) -> Image.Image:
        """An 8-bit RGB photo with sRGB's curve and this profile's primaries, converted to sRGB (clipped there)."""
        profile = self.with_srgb_curve._profile
        if profile is None or profile.profile.xcolor_space != "RGB " or _is_srgb(profile):
            return photo
        return convert_to_srgb(photo, profile)

    def cmyk_or_lab_to_srgb(self, photo: Image.Image) -> Image.Image:
        """The photo in sRGB, converted through this profile, or by Pillow's formula if there is none."""
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")) if photo.mode == "LAB" else self._profile
        return convert_to_srgb(photo, profile) if profile else photo.convert("RGB")


def read_tags(profile: bytes) -> list[tuple[bytes, int, int]]:
    """Name, offset and length of each tag.

    Raises:
        struct.error: the profile is damaged.
    """
    count = min(struct.unpack_from(">I", profile, HEADER_SIZE)[0], MAX_TAGS)
    return [struct.unpack_from(">4sII", profile, HEADER_SIZE + 4 + 12 * n) for n in range(count)]


def cicp_of(profile: bytes) -> tuple[int, int]:
    """Code points (H.273) of primaries and transfer curve in an undamaged profile; 2 is unspecified."""
    for name, start, _ in read_tags(profile):
        if name == b"cicp" and len(profile) >= start + 12:
            return profile[start + 8], profile[start + 9]
    return 2, 2


def clean_icc(profile: bytes) -> bytes:
    """The profile, with its length unchanged, without tags not in :data:`COLOR_TAGS`, private texts, and data between
    tags; a damaged profile is returned unchanged."""
    try:
        tags = read_tags(profile)
    except struct.error:
        return profile
    kept = [
        (name, start, size)
        for name, start, size in tags
        if name in COLOR_TAGS
        and not (profile.startswith(TEXTS, start) and is_private_text(profile[start : start + size]))
    ]
    table = struct.pack(">I", len(kept)) + b"".join(struct.pack(">4sII", *tag) for tag in kept)
    cleaned = bytearray(len(profile))
    cleaned[:HEADER_SIZE] = profile[:HEADER_SIZE]
    cleaned[HEADER_SIZE : HEADER_SIZE + len(table)] = table
    for _, start, size in kept:
        cleaned[start : start + size] = profile[start : start + size]
    if cleaned != profile:
        cleaned[PROFILE_ID] = bytes(16)  # a checksum; zero means none
    return bytes(cleaned)


def open_profile(icc_profile: bytes, space: str) -> ImageCms.ImageCmsProfile:
    """
    Raises:
        ProfileError: the profile is damaged or is not for pixels of mode ``space``.
    """
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
        described = profile.profile.xcolor_space.strip()
    except (ImageCms.PyCMSError, OSError, UnicodeDecodeError):
        raise ProfileError("its colour profile is damaged and was ignored") from None
    if described != SPACES[space]:
        raise ProfileError(f"its colour profile is one for {described} pixels and was ignored")
    if space in ("RGB", "CMYK"):
        try:
            convert_to_srgb(Image.new(space, (1, 1)), profile, ImageCms.Flags.NOOPTIMIZE)
        except (ImageCms.PyCMSError, OSError, ValueError):  # LittleCMS reads the curves and tables only now
            raise ProfileError("its colour profile is damaged and was ignored") from None
    return profile


def _with_srgb_curve(profile: ImageCms.ImageCmsProfile, space: str) -> ColorProfile:
    if space == "L":
        return SRGB
    cms = profile.profile  # its primaries are relative to the white of profiles
    colors = (color[1][:2] for color in (cms.red_primary, cms.green_primary, cms.blue_primary) if color)
    primaries: Any = (*D50, *chain.from_iterable(colors))
    try:
        with np.errstate(all="ignore"):  # NumPy warns about some of them
            return ColorProfile(matrix_profile("As the photo, with the curve of sRGB", primaries, SRGB_CURVE, "RGB"))
    except (ValueError, OverflowError, struct.error):
        raise ProfileError("its colour profile states impossible primaries and was ignored") from None


def fitting_profile(icc_profile: bytes, space: str, notes: list[str]) -> ColorProfile:
    """A file's profile (empty: none) for its pixels; sRGB, and a sentence in ``notes``, if it does not fit."""
    return or_note(lambda: ColorProfile(icc_profile or None, space), notes) or SRGB


def or_note(read: Callable[[], T | None], notes: list[str]) -> T | None:
    """What ``read`` returns; None, and a sentence in ``notes``, if it raises a :class:`ProfileError`."""
    try:
        return read()
    except ProfileError as error:
        notes.append(str(error))
        return None


def space_of(mode: str) -> str:
    """The colour space of a Pillow mode: ``L``, ``RGB``, ``CMYK`` or ``LAB``."""
    if mode in ("CMYK", "LAB"):
        return mode
    return "L" if mode in ("1", "L", "LA", "F") or mode.startswith("I") else "RGB"


def convert_to_srgb(
    photo: Image.Image, profile: ImageCms.ImageCmsProfile, flags: ImageCms.Flags = ImageCms.Flags.NONE
) -> Image.Image:
    """Convert ``photo`` from ``profile`` to 8-bit sRGB; for a few pixels, ``NOOPTIMIZE`` saves building a table."""
    result = ImageCms.profileToProfile(photo, profile, ImageCms.createProfile("sRGB"), outputMode="RGB", flags=flags)
    assert result is not None  # not asked to work in place
    return result


Curve = Callable[[np.ndarray], np.ndarray]


def _curves(icc_profile: bytes, names: tuple[bytes, ...]) -> list[Curve]:
    """Transfer curves from encoded to linear values in [0, 1]; none for a profile with tables."""
    try:
        tags = {name: icc_profile[start : start + size] for name, start, size in read_tags(icc_profile)}
        return [_curve(tags[name]) for name in names] if tags.keys() >= set(names) else []
    except struct.error:
        raise ProfileError("its colour profile is damaged and was ignored") from None


def _curve(tag: bytes) -> Curve:
    """The curve in a ``curv`` or ``para`` tag (ICC.1:2022, 10.6 and 10.18)."""
    if tag[:4] == b"curv":
        count = struct.unpack_from(">I", tag, 8)[0]
        if count == 0:
            return lambda x: x
        table = np.frombuffer(tag, ">u2", min(count, (len(tag) - 12) // 2), 12)
        if not len(table):
            raise ProfileError("its colour profile is damaged and was ignored")
        if count == 1:
            gamma = float(table[0]) / 256
            return lambda x: x**gamma
        return lambda x: np.interp(x, np.linspace(0, 1, len(table)), table / 65535)
    kind = struct.unpack_from(">H", tag, 8)[0]
    if tag[:4] != b"para" or kind > 4:
        raise ProfileError("its colour profile has a curve of an unknown kind and was ignored")
    parameters = [v / 65536 for v in struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)]
    g, a, b, c, d, e, f = parameters + [0.0] * (7 - len(parameters))
    if kind == 0:
        a, c, d = 1.0, 0.0, 0.0
    elif kind in (1, 2):  # constant below -b / a: 0, or c, which the other part has added
        c, d, e, f = 0.0, -b / a if a else 0.0, c, c

    def curve(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):  # a hostile profile may overflow, which is clipped
            values: np.ndarray = np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)
        return values.clip(0, 1)

    return curve


def look_up(tables: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Look ``values`` ``(H, W, C)`` up in a table for each channel, or in one for all."""
    if len(tables) == 1:
        alike: np.ndarray = tables[0][values]
        return alike
    return np.stack([table[values[..., n]] for n, table in enumerate(tables)], -1)


def _codes(values: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """Values in [0, 1], rounded to levels of ``dtype``."""
    codes: np.ndarray = (values * np.iinfo(np.dtype(dtype)).max).round().astype(dtype)
    return codes


def srgb_encoded(linear: np.ndarray) -> np.ndarray:
    """:func:`f2a.color.linear_to_srgb` of an array, clipped to [0, 1]."""
    return linear_to_srgb(torch.from_numpy(linear.clip(0, 1))).numpy()


def srgb_decoded(encoded: np.ndarray) -> np.ndarray:
    """:func:`f2a.color.srgb_to_linear` of an array."""
    return srgb_to_linear(torch.from_numpy(encoded)).numpy()


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    """Whether the primaries are sRGB's, so that a conversion would only round."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).profile
    for name in ("red_colorant", "green_colorant", "blue_colorant"):
        own, other = getattr(profile.profile, name), getattr(srgb, name)
        if own is None or np.abs(np.subtract(own[0], other[0])).max() > 2e-3:
            return False
    return True


SRGB = ColorProfile()
