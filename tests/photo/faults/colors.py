"""Kind 3: the colours that a file states are those that the result states, in every format."""

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from f2a.photo.icc import open_profile
from f2a.relight.controls import Controls
from f2a.relight.relighter import relight_file
from tests.photo.faults.case import Bench, Case
from tests.support import profiles
from tests.support.hostile_metadata import chunk

RED = (240, 20, 30)
PROFILES = {"display_p3": profiles.DISPLAY_P3, "adobe_rgb": profiles.ADOBE_RGB, "prophoto": profiles.PROPHOTO}
SUFFIXES = (".jpg", ".png", ".webp", ".tif", ".avif", ".heic")


def limit_of(suffix: str) -> int:
    """WebP has only the 220 levels of television."""
    return 2 if suffix == ".webp" else 1


def under(limit: int) -> str:
    return f"deltaE under {limit}"


def lab(path: Path) -> np.ndarray:
    """Of the middle, through the profile in the file."""
    if path.suffix == ".heic":
        heif = pytest.importorskip("pillow_heif").open_heif(path)
        image, profile = heif.to_pillow(), heif.info.get("icc_profile")
    elif path.suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            values, profile = file.pages.first.asarray(), file.pages.first.tags.valueof(34675)
        image = Image.fromarray((values // 257).astype(np.uint8) if values.dtype == np.uint16 else values)
    else:
        image = Image.open(path)
        profile = image.info.get("icc_profile")
    image = image.convert("RGB").crop((8, 8, 24, 16))
    space = open_profile(profile, "RGB") if profile else ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    seen = ImageCms.profileToProfile(image, space, ImageCms.createProfile("LAB"), outputMode="LAB")
    assert seen is not None
    lightness, *opponents = np.moveaxis(np.asarray(seen), -1, 0)
    return np.array([lightness.mean() / 2.55, *(axis.view(np.int8).mean() for axis in opponents)])


def result(suffix: str, bench: Bench, path: Path) -> str:
    """A red of the file's own space, relit with strength 0 and written in another format."""
    Image.new("RGB", (32, 24), RED).save(path, icc_profile=PROFILES[path.stem])
    target = relight_file(bench.relighter, path, path.with_name(f"relit{suffix}"), Controls(strength=0))
    difference = np.linalg.norm(lab(target) - lab(path))
    limit = limit_of(suffix)
    return under(limit) if difference < limit else f"deltaE {difference:.1f}"


def by_chunk(kind: bytes, data: bytes) -> Callable[[Path], None]:
    """A PNG whose colours a chunk states, and no profile."""

    def make(path: Path) -> None:
        Image.new("RGB", (32, 24), RED).save(path)
        content = path.read_bytes()
        path.write_bytes(content[:33] + chunk(kind, data) + content[33:])

    return make


def by_interoperability(path: Path) -> None:
    """As cameras state Adobe RGB (DCF 2.0): ColorSpace is uncalibrated, the interoperability index R03."""
    exif = Image.Exif()
    exif.get_ifd(0x8769).update({0xA001: 65535, 0xA005: {1: "R03"}})
    Image.new("RGB", (32, 24), RED).save(path, "JPEG", quality=98, subsampling=0, exif=exif)


def stated(make: Callable[[Path], None], profile: bytes, bench: Bench, path: Path) -> str:
    """Relit with strength 0 and written as a JPEG, against the same red with a profile."""
    make(path)
    Image.new("RGB", (32, 24), RED).save(path.with_name("expected.png"), icc_profile=profile)
    target = relight_file(bench.relighter, path, path.with_name("relit.jpg"), Controls(strength=0), quality=98)
    difference = np.linalg.norm(lab(target) - lab(path.with_name("expected.png")))
    return under(2) if difference < 2 else f"deltaE {difference:.1f}"


LINEAR = profiles.rgb_profile("linear", *profiles.SRGB_XY, 1.0)
STATED = {
    "cicp_p3.png": ("Pillow, by hand", by_chunk(b"cICP", bytes((12, 13, 0, 1))), profiles.DISPLAY_P3),
    "gamma_10.png": ("Pillow, by hand", by_chunk(b"gAMA", struct.pack(">I", 100_000)), LINEAR),
    "r03.jpg": ("Pillow", by_interoperability, profiles.ADOBE_RGB),
}  # fmt: skip

CASES = [
    Case(3, f"{name}.png as {suffix[1:]}", "Pillow", under(limit_of(suffix)), partial(result, suffix))
    for name in PROFILES
    for suffix in SUFFIXES
]
CASES += [
    Case(3, f"{name} as jpg", maker, under(2), partial(stated, make, profile))
    for name, (maker, make, profile) in STATED.items()
]
