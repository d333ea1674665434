"""HEIC and HEIF files. Reading needs pi-heif; writing needs pillow-heif, whose wheels contain a GPL encoder."""

import io
import re
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from f2a.photo.codecs import boxes, losses
from f2a.photo.color_space import HdrProfile, color_profile
from f2a.photo.limits import check_size
from f2a.photo.metadata.metadata import Metadata, dpi_of_ratio, read_metadata
from f2a.photo.photo import Photo, PhotoFile, Stored
from f2a.photo.pixels import to_full_range, unassociated

SUFFIXES = (".heic", ".heif", ".hif", ".heics", ".heifs")
MODES = ("RGB", "RGBA")
BITS = 10
METADATA = ("exif", "xmp", "is_stretched")
QUALITY = 91
LOSSLESS = -1
MAX_SIDE = 0xFFFF
"""Longest side, in pixels, that is encoded; with longer ones x265 takes minutes or crashes."""
SAMPLINGS = {420: "4:2:0", 422: "4:2:2", 444: "4:4:4"}
PRESET = "ultrafast"
"""x265's preset. At quality 91 it takes an eighth of the time of the default ("slow") at 90, for the same PSNR and SSIM
and a file up to an eighth larger."""

PICTURE_PARAMETERS = re.compile(rb"[\x22\x62\xa2\xe2]\0...\x44\x01(.*)", re.DOTALL)
"""In a configuration (ISO 14496-15, 8.3.3.1): kind, number and length of the parameter sets, then the first of them."""
NUMBER = 0
"""Length given for an Exp-Golomb number, whose leading zeros tell its length."""

DEPTH_NAMES = ("hevc:2015:auxid:2", "depth", "disparity")


MAGIC = re.compile(rb".{4}ftyp(.{4})*?(heic|heix|heim|heis|hevc|hevx|mif1|msf1)", re.DOTALL)
"""The start of a HEIC or HEIF file. Some AVIF files match, too, so AVIF is tried first."""


def can_write() -> bool:
    return find_spec("pillow_heif") is not None


def opened(path: Path) -> Any:
    """The library's ``HeifFile``, not yet decoded; its pictures will be upright."""
    library = import_module("pillow_heif" if can_write() else "pi_heif")
    return library.open_heif(path, convert_hdr_to_8bit=False)


def stated_size(path: Path) -> tuple[int, int]:
    file = opened(path)
    width, height = file[file.primary_index].size
    return width, height


def read(path: Path) -> PhotoFile:
    content, file = memoryview(path.read_bytes()), opened(path)
    image = file[file.primary_index]
    check_size(path, image.size, 2 * len(image.mode.partition(";")[0]) if image.mode.endswith("16") else 3)
    metadata = metadata_of(image)
    notes = losses.of_pictures(len(file), "main one") + notes_on(image) + boxes.notes_on_parts(content)
    stored = _decode(image)
    profile = color_profile(metadata, "L" if stored.shape[-1] < 3 else "RGB", notes)
    photo, bits = Photo.from_array(stored, profile), int(image.info.get("bit_depth", 8))
    if can_write():
        encoding = encoding_of(image)
        configurations = list(boxes.found(content, *boxes.PROPERTIES, b"hvcC"))
        if configurations and all(map(_is_lossless, configurations)):
            encoding["quality"] = LOSSLESS
        if not isinstance(profile, HdrProfile):
            encoding["nclx_profile"] = image.info.get("nclx_profile")
        return PhotoFile(path, "HEIF", photo, metadata, encoding, tuple(notes), bits)
    format = "PNG" if photo.has_alpha else "JPEG"
    notes.append(
        f"its result is a {format} unless another format is named; for HEIC files run: pip install pillow-heif"
    )
    return PhotoFile(path, format, photo, metadata, notes=tuple(notes), bits=bits)


def metadata_of(image: Any) -> Metadata:
    nclx, density = image.info.get("nclx_profile") or {}, (image.info.get("pixel_aspect_ratio") or ())[::-1]
    cicp = (nclx.get("color_primaries", 2), nclx.get("transfer_characteristics", 2))
    return replace(read_metadata(image), cicp=cicp, dpi=dpi_of_ratio(density))


def encoding_of(image: Any) -> dict[str, Any]:
    """The chroma sampling, if it is known."""
    return {"subsampling": SAMPLINGS[chroma]} if (chroma := image.info.get("chroma")) else {}


def notes_on(image: Any) -> list[str]:
    """Notes on gain maps, depth maps and other auxiliary pictures, which are not read."""
    kinds = {str(kind).lower() for kind in image.info.get("aux", {})}
    gain_maps = {kind for kind in kinds if "gainmap" in kind}
    depth_maps = {kind for kind in kinds if kind.endswith(DEPTH_NAMES)}
    notes = [losses.GAIN_MAP] if gain_maps else []
    if depth_maps or image.info.get("depth_images"):
        notes.append(losses.DEPTH_MAP)
    if further := len(kinds - gain_maps - depth_maps):
        notes.append(f"its auxiliary pictures of {further} kind{'s are' if further > 1 else ' is'} left out")
    return notes


def _is_lossless(configuration: memoryview) -> bool:
    """Whether a decoder configuration says that pictures are lossless: the flag ``transquant_bypass_enabled`` (H.265,
    7.3.2.3.1), which follows other flags and Exp-Golomb numbers."""
    parameters = PICTURE_PARAMETERS.search(configuration)
    bits = "".join(f"{byte:08b}" for byte in parameters[1].replace(b"\0\0\3", b"\0\0")) if parameters else ""

    def behind(at: int, *lengths: int) -> int:
        for length in lengths:
            at += length or 2 * (bits.index("1", at) - at) + 1
        return at

    with suppress(IndexError, ValueError):  # the parameters are cut short
        at = behind(0, NUMBER, NUMBER, 7, NUMBER, NUMBER, NUMBER, 2)
        at = behind(at, 1, *([NUMBER] if bits[at] == "1" else []), NUMBER, NUMBER, 3)
        return bits[at] == "1"
    return False


def _decode(image: Any) -> np.ndarray:
    """``(H, W, 1 to 4)`` uint8, or uint16 with white at 65535 for pictures of ten and twelve bits."""
    values = np.atleast_3d(np.asarray(image))
    if values.dtype != np.uint8:
        bits = int(image.info.get("bit_depth", 10))
        values = to_full_range(values >> (16 - bits), bits)
    return unassociated(values) if image.mode.startswith("RGBa") else values


def write(stored: Stored, metadata: Metadata, encoding: dict[str, Any], quality: int | None, notes: list[str]) -> bytes:
    import pillow_heif

    values = np.atleast_3d(np.asarray(stored))
    mode = ("RGBA" if values.shape[-1] == 4 else "RGB") + (";16" if values.dtype == np.uint16 else "")
    size = (values.shape[1], values.shape[0])
    if max(size) > MAX_SIDE:
        raise ValueError(f"it is limited to {MAX_SIDE} pixels a side")
    image = pillow_heif.from_bytes(mode, size, np.ascontiguousarray(values).tobytes())
    info: dict[str, Any] = {"exif": metadata.exif, "xmp": metadata.xmp, "icc_profile": metadata.icc_profile}
    info |= {"nclx_profile": encoding.get("nclx_profile"), "pixel_aspect_ratio": _pixel_aspect(metadata)}
    image.info.update({name: value for name, value in info.items() if value})
    content, sampling = io.BytesIO(), encoding.get("subsampling", "4:2:0")
    quality = quality or encoding.get("quality", QUALITY)
    image.save(content, quality=quality, subsampling=sampling, enc_params={"preset": PRESET})
    return content.getvalue()


def _pixel_aspect(metadata: Metadata) -> tuple[int, int] | None:
    """Width and height of a pixel; None if it is square."""
    across, down = metadata.dpi if metadata.dpi and metadata.is_stretched else (0, 0)
    return (round(down), round(across)) if across else None
