"""HEIC and HEIF files. Reading takes pi-heif; writing takes pillow-heif, whose wheels hold an encoder under the GPL."""

import io
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from f2a.photo.formats import can_write_heif
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.pixels import with_channels

BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
HDR_TRANSFERS = (16, 18)
"""PQ and HLG, as ISO 23091-2 numbers them."""


class HeifError(ValueError):
    """What is missing to write HEIC files."""


def is_heif(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(64)
    return start[4:8] == b"ftyp" and start[8:12] in BRANDS and b"avif" not in start[8:]


def open_heif(path: Path) -> Any:
    """The opened main picture: a ``HeifImage`` of the library's, not yet decoded; it will be upright."""
    library = import_module("pillow_heif" if can_write_heif() else "pi_heif")
    file = library.open_heif(path, convert_hdr_to_8bit=False)
    return file[file.primary_index]


def metadata(image: Any) -> Metadata:
    info = image.info
    exif = (info.get("exif") or b"").removeprefix(b"Exif\0\0")
    return Metadata(exif=exif, xmp=info.get("xmp") or b"", icc_profile=info.get("icc_profile") or b"")


def notes_on(image: Any) -> list[str]:
    notes = []
    if any("hdrgainmap" in str(name).lower() for name in image.info.get("aux", {})):
        notes.append("its HDR gain map is left out: the result is the standard picture")
    if (image.info.get("nclx_profile") or {}).get("transfer_characteristics") in HDR_TRANSFERS:
        notes.append("is an HDR photo (PQ or HLG) and is relit as if it were a standard one")
    return notes


def decode(image: Any) -> np.ndarray:
    """``(H, W, 1 to 4)`` uint8, or uint16 for pictures of ten and twelve bits, of which white is 65535."""
    values = with_channels(np.asarray(image))
    if values.dtype == np.uint8:
        return values
    bits = int(image.info.get("bit_depth", 10))
    codes = (values >> (16 - bits)).astype(np.uint32)
    return (codes * 65535 // ((1 << bits) - 1)).astype(np.uint16)


def encode(stored: np.ndarray, metadata: Metadata, quality: int, nclx: dict[str, Any] | None = None) -> bytes:
    """A HEIC of ``(H, W, 1 to 4)`` uint8, or of uint16 in ten bits.

    Raises:
        HeifError: pillow-heif is not installed.
    """
    if not can_write_heif():
        raise HeifError("cannot be written without its encoder; run: pip install pillow-heif")
    import pillow_heif

    channels = stored.shape[-1]
    if channels == 2 or (channels == 1 and stored.dtype == np.uint16):  # not among the modes that it takes
        stored = np.concatenate([stored[..., :1]] * 3 + ([stored[..., 1:]] if channels == 2 else []), -1)
    mode = {1: "L", 3: "RGB", 4: "RGBA"}[stored.shape[-1]] + (";16" if stored.dtype == np.uint16 else "")
    size = (stored.shape[1], stored.shape[0])
    image = pillow_heif.from_bytes(mode, size, np.ascontiguousarray(stored).tobytes())
    content = io.BytesIO()
    known = {"exif": metadata.exif, "xmp": metadata.xmp, "icc_profile": metadata.icc_profile, "nclx_profile": nclx}
    image.info.update({name: value for name, value in known.items() if value})
    image.save(content, quality=quality)
    return content.getvalue()
