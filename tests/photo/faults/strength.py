"""Kind 8: strength 0 goes the way of every other strength."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from f2a.photo import read_photo
from f2a.relight.controls import Controls
from tests.photo.faults.case import PICTURE, Bench, Case
from tests.support import profiles

ONE_STEP = "within one step of strength 0.000001"


def by_pillow(mode: str = "RGB", **options: object) -> Callable[[Path], None]:
    return lambda path: Image.fromarray(PICTURE).convert(mode).save(path, **options)


def deep(icc_profile: bytes) -> Callable[[Path], None]:
    tags = [(34675, 7, len(icc_profile), icc_profile, True)]
    values = PICTURE.astype(np.uint16) * 257
    return lambda path: tifffile.imwrite(path, values, photometric="rgb", metadata=None, extratags=tags)


def deep_grey(path: Path) -> None:
    Image.fromarray(PICTURE[..., 0].astype(np.uint16) * 257).save(path, icc_profile=profiles.GREY_22)


def heic(path: Path) -> None:
    pytest.importorskip("pillow_heif").from_pillow(Image.fromarray(PICTURE)).save(path)


def result(make: Callable[[Path], None], bench: Bench, path: Path) -> str:
    make(path)
    prepared = bench.relighter.prepare(read_photo(path).photo)
    none, little = (prepared.render(Controls(strength=strength)).rows().astype(int) for strength in (0, 1e-6))
    steps = np.abs(none - little).max()
    return ONE_STEP if steps <= 1 else f"{steps} steps off"


OWN = {
    "srgb.jpg": ("Pillow", by_pillow()),
    "display_p3.jpg": ("Pillow", by_pillow(icc_profile=profiles.DISPLAY_P3)),
    "cmyk.jpg": ("Pillow", by_pillow("CMYK", icc_profile=profiles.CMYK)),
    "adobe_rgb.png": ("Pillow", by_pillow(icc_profile=profiles.ADOBE_RGB)),
    "grey_table.png": ("Pillow", by_pillow("L", icc_profile=profiles.GREY_TABLE)),
    "deep_grey.png": ("Pillow", deep_grey),
    "palette.png": ("Pillow", by_pillow("P")),
    "prophoto_16.tif": ("tifffile", deep(profiles.PROPHOTO)),
    "transparent.webp": ("Pillow", by_pillow("RGBA", lossless=True)),
    "srgb.avif": ("Pillow", by_pillow()),
    "srgb.heic": ("libheif", heic),
}

CASES = [Case(8, name, maker, ONE_STEP, partial(result, make)) for name, (maker, make) in OWN.items()]
