"""Kind 3: the colours that a file states are those that the result states, in every format."""

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


CASES = [
    Case(3, f"{name}.png as {suffix[1:]}", "Pillow", under(limit_of(suffix)), partial(result, suffix))
    for name in PROFILES
    for suffix in SUFFIXES
]
