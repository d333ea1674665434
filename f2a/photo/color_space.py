"""A photo's colour space, decided in this one place from all that its file says, by the format's own precedence.

PNG: ``cICP``, ``iCCP``, ``sRGB``, then ``gAMA`` and ``cHRM`` (PNG, third edition, 4.3). HEIC and AVIF: a profile, then
the code points of nclx (MIAF, ISO 23000-22). BMP: a profile, then white point, primaries and gamma. All others, and
files that state none of these: a profile, then EXIF (DCF 2.0) or its white point, primaries and gamma, which a TIFF has
as its own fields. HDR code points in a profile (ICC.1:2022, 9.2.17) take precedence over its curves. Colours stated
without a profile are turned into a profile on reading, so that the rest of f2a deals with profiles only.
"""

import struct
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL.ExifTags import Base

from f2a.photo.chromaticity import BT709, D65, Primaries
from f2a.photo.icc import SRGB, ColorProfile, ProfileError, cicp_of, or_note
from f2a.photo.matrix_profile import SRGB_CURVE, Parameters, colorants, matrix_profile
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.metadata.tiff_ifd import EXIF_IFD, INTEROPERABILITY_IFD, ExifError, IfdEntry, TiffBlock, read_fields

WHITE_C, WHITE_E, DCI_WHITE = (0.310, 0.316), (1 / 3, 1 / 3), (0.314, 0.351)
PRIMARIES: Mapping[int, tuple[str, Primaries]] = {
    1: ("sRGB", BT709),
    4: ("BT.470 M", (*WHITE_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08)),
    5: ("BT.470 BG", (*D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06)),
    6: ("SMPTE 170M", (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    7: ("SMPTE 240M", (*D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070)),
    8: ("Film", (*WHITE_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049)),
    9: ("BT.2020", (*D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046)),
    10: ("XYZ", (*WHITE_E, 1, 0, 0, 1, 0, 0)),
    11: ("DCI-P3", (*DCI_WHITE, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    12: ("Display P3", (*D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060)),
    22: ("EBU 3213", (*D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077)),
}
"""Name and chromaticities of the colour primaries, by code point (ISO/IEC 23091-2, H.273, table 2)."""

UNSPECIFIED, PQ, HLG = 2, 16, 18


def gamma_curve(gamma: float) -> Parameters:
    return (gamma, 1, 0, 0, 0)


CURVES: Mapping[int, Parameters] = {
    **dict.fromkeys((1, 6, 11, 14, 15), SRGB_CURVE),
    4: gamma_curve(2.2),
    5: gamma_curve(2.8),
    7: (1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4, 0.0912),
    8: gamma_curve(1),
    13: SRGB_CURVE,
    **dict.fromkeys((PQ, HLG), SRGB_CURVE),
}
"""Transfer curves by code point (table 3). BT.709's curves count as sRGB's with any primaries, since browsers show them
so; for HDR it is the curve that the photos are converted to."""


class ColorSpace(NamedTuple):
    """
    Attributes:
        name: the profile's description.
        primaries: chromaticities of white and the primaries.
        curve: the transfer curve of all three channels.
        transfer: :data:`PQ` or :data:`HLG` if the stored values still have that curve.
    """

    name: str
    primaries: Primaries
    curve: Parameters
    transfer: int = 0

    @property
    def is_srgb(self) -> bool:
        same_primaries = np.abs(np.subtract(self.primaries, BT709)).max() < 1e-3
        return bool(same_primaries) and self.curve == SRGB_CURVE and not self.transfer


SRGB_SPACE = ColorSpace("sRGB", BT709, SRGB_CURVE)
ADOBE_RGB = ColorSpace("Adobe RGB", (*D65, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06), gamma_curve(563 / 256))


class HdrProfile(ColorProfile):
    """The profile of an HDR photo until :func:`f2a.photo.hdr.standard_range` gives it sRGB's curve.

    Attributes:
        space: the colour space of the stored values.
        standard: the profile that the photo has afterwards.
    """

    def __init__(self, space: ColorSpace, mode: str) -> None:
        super().__init__()
        self.space = space
        self.standard = profile_of(space._replace(transfer=0), mode)


def color_profile(metadata: Metadata, mode: str, notes: list[str]) -> ColorProfile:
    """The profile of a photo, from what its file states.

    Args:
        metadata: the metadata as the codec found them.
        mode: mode of the stored pixels: ``L``, ``RGB``, or ``CMYK`` or ``LAB``, which only a profile can describe.
        notes: receives a sentence on each statement that is ignored because it is damaged or does not fit.
    """
    chunks = dict(metadata.png_chunks)
    is_matrix = mode in ("L", "RGB")
    if is_matrix and b"cICP" in chunks and (space := or_note(lambda: png_cicp(chunks[b"cICP"]), notes)):
        return profile_of(space, mode)
    icc_profile = metadata.icc_profile
    if icc_profile and (profile := or_note(lambda: _embedded_profile(icc_profile, mode), notes)):
        return profile
    if not is_matrix:
        return SRGB
    statements = (
        lambda: cicp_space(*metadata.cicp),
        lambda: png_space(chunks),
        lambda: measured_space(metadata.primaries, metadata.gamma),
        lambda: exif_space(metadata.exif),
    )
    spaces = (or_note(space, notes) for space in statements)
    return profile_of(next((space for space in spaces if space), SRGB_SPACE), mode)


def _embedded_profile(icc_profile: bytes, mode: str) -> ColorProfile:
    profile, (primaries, transfer) = ColorProfile(icc_profile, mode), cicp_of(icc_profile)
    if mode in ("L", "RGB") and transfer in (PQ, HLG) and primaries in PRIMARIES:
        return profile_of(cicp_space(primaries, transfer) or SRGB_SPACE, mode)
    return profile


@lru_cache(64)
def profile_of(space: ColorSpace, mode: str) -> ColorProfile:
    """The profile of pixels of mode ``L`` or ``RGB`` in a colour space."""
    if space.transfer:
        return HdrProfile(space, mode)
    if space.is_srgb or (mode == "L" and space.curve == SRGB_CURVE):
        return SRGB
    return ColorProfile(matrix_profile(space.name, space.primaries, space.curve, mode), mode)


def cicp_space(primaries: int, transfer: int) -> ColorSpace | None:
    """The colour space with these code points (H.273); None if neither is specified.

    Raises:
        ProfileError: a code point is reserved or of a kind that no photo has.
    """
    if primaries == transfer == UNSPECIFIED:
        return None
    primaries = 1 if primaries == UNSPECIFIED else primaries
    transfer = 13 if transfer == UNSPECIFIED else transfer
    if primaries not in PRIMARIES or transfer not in CURVES:
        raise ProfileError(f"its colours are stated by code points that are not read ({primaries}/{transfer})")
    name, chromaticities = PRIMARIES[primaries]
    return ColorSpace(name, chromaticities, CURVES[transfer], transfer if transfer in (PQ, HLG) else 0)


def png_cicp(content: bytes) -> ColorSpace | None:
    """The colour space that a PNG's ``cICP`` states.

    Raises:
        ProfileError: as :func:`cicp_space`, or the values are not full-range RGB.
    """
    if len(content) != 4 or content[2:] != b"\0\1":
        raise ProfileError("its cICP chunk does not state full-range RGB and was ignored")
    return cicp_space(*content[:2])


def png_space(chunks: Mapping[bytes, bytes]) -> ColorSpace | None:
    """The colour space that a PNG's ``sRGB`` states, or else ``gAMA`` and ``cHRM``, either of which may be missing.

    Raises:
        ProfileError: they state impossible colours.
    """
    if b"sRGB" in chunks:
        return SRGB_SPACE
    try:
        gamma = 1e5 / struct.unpack(">I", chunks[b"gAMA"])[0] if b"gAMA" in chunks else 0
        stated = struct.unpack(">8I", chunks[b"cHRM"]) if b"cHRM" in chunks else ()
    except (struct.error, ZeroDivisionError):
        raise ProfileError(IMPOSSIBLE) from None
    return measured_space(tuple(value / 1e5 for value in stated), gamma)


def measured_space(primaries: Primaries | None, gamma: float) -> ColorSpace | None:
    """The colour space with this white point, primaries and gamma; sRGB's replace those that are missing.

    Raises:
        ProfileError: they state impossible colours.
    """
    if not primaries and not gamma:
        return None
    space = ColorSpace("As the file states", primaries or BT709, SRGB_CURVE)
    if gamma and not (abs(gamma - 2.2) < SAME_GAMMA and space.is_srgb):
        space = space._replace(curve=gamma_curve(gamma))
    if not 0.1 < (gamma or 1) < 10 or not np.isfinite(colorants(space.primaries)).all():
        raise ProfileError(IMPOSSIBLE)
    return space


SAME_GAMMA = 0.005
"""Difference from 2.2 below which a gamma means sRGB's curve: a PNG's ``gAMA`` of 45455 and its neighbours."""
IMPOSSIBLE = "its white point, primaries or gamma state impossible colours and were ignored"

RATIONAL = 5
INTEROPERABILITY_INDEX = 0x0001
CHROMATICITIES: Mapping[int, tuple[float, ...]] = {Base.WhitePoint: BT709[:2], Base.PrimaryChromaticities: BT709[2:]}
"""EXIF's tags of chromaticities, with sRGB's values."""
IS_SRGB, IS_ADOBE_RGB, UNCALIBRATED = 1, 2, 0xFFFF


def exif_space(exif: bytes) -> ColorSpace | None:
    """The colour space that EXIF states unless it is sRGB: Adobe RGB, as "uncalibrated" with R03 (DCF 2.0) or as 2, or
    one given by white point, primaries and gamma.

    Raises:
        ProfileError: they state impossible colours.
    """
    try:
        block = TiffBlock(bytearray(exif))
        space, index, gamma = _exif_entries(block)
        stated = block.value(space) if space else 0
        is_r03 = index is not None and block.data[index.start : index.start + 3] == b"R03"
        if stated == IS_ADOBE_RGB or (stated == UNCALIBRATED and is_r03):
            return ADOBE_RGB
        if stated == IS_SRGB:
            return None
        primaries = sum(_chromaticities(block).values(), ())
        curve = block.number(gamma.start, "I") / (block.number(gamma.start + 4, "I") or 1) if gamma else 0
    except (ExifError, struct.error):
        return None
    return measured_space(primaries if len(primaries) == len(BT709) else None, curve)  # type: ignore[arg-type]


def _chromaticities(block: TiffBlock) -> dict[int, tuple[float, ...]]:
    """The stated chromaticities of white and the primaries, by tag."""
    stated = {}
    for field in sorted(read_fields(block, block.first, CHROMATICITIES)):
        if field.type == RATIONAL and field.number == len(CHROMATICITIES[field.tag]):
            ratios = struct.unpack(f"{block.order}{2 * field.number}I", field.value)
            stated[field.tag] = tuple(a / (b or 1) for a, b in zip(ratios[::2], ratios[1::2], strict=True))
    return stated


def exif_of_srgb(exif: bytes) -> bytes:
    """EXIF for sRGB pixels without a profile: statements of other colours are changed or removed."""
    if not exif:
        return exif
    block = TiffBlock(bytearray(exif))
    stated = or_note(lambda: exif_space(exif), [])
    if stated and not stated.is_srgb:
        space, index, gamma = _exif_entries(block)
        if space:
            block.put(space, IS_SRGB)
        if index:
            block.data[index.start : index.start + 3] = b"R98"
        if gamma:
            block.data[gamma.start : gamma.start + 8] = struct.pack(block.order + "II", 22, 10)
    usual = {tag for tag, xy in _chromaticities(block).items() if np.allclose(xy, CHROMATICITIES[tag], atol=1e-3)}
    block.remove_tags(block.first, {Base.TransferFunction, *CHROMATICITIES} - usual)
    return bytes(block.data)


def _exif_entries(block: TiffBlock) -> tuple[IfdEntry | None, IfdEntry | None, IfdEntry | None]:
    """The fields of the colour space, the interoperability index and the gamma."""
    inner = _entry(block, block.first, EXIF_IFD)
    if not inner:
        return None, None, None
    at = block.value(inner)
    below = _entry(block, at, INTEROPERABILITY_IFD)
    index = below and _entry(block, block.value(below), INTEROPERABILITY_INDEX)
    return _entry(block, at, Base.ColorSpace), index, _entry(block, at, Base.Gamma)


def _entry(block: TiffBlock, directory: int, tag: int) -> IfdEntry | None:
    return next((entry for entry in block.entries(directory) if entry.tag == tag), None)
