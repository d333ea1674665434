"""Kind 8: strength 0 is treated like any other strength, in every format, depth and profile."""

import io
from functools import cache, partial
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from f2a.photo import read_photo
from f2a.relight.controls import Controls
from f2a.relight.relighter import Relighter
from tests.photo.faults.case import Bench, Case
from tests.support import profiles
from tests.support.corpus import saved

ONE_STEP = "as it was, and within one step of strength 0.000001"
SHAPE = (29, 37)

PROFILES = {
    "sRGB": profiles.SRGB, "Display P3": profiles.DISPLAY_P3, "Adobe RGB": profiles.ADOBE_RGB,
    "ProPhoto": profiles.PROPHOTO, "linear": profiles.rgb_profile("linear", *profiles.SRGB_XY, 1.0),
    "scanner": profiles.rgb_profile("scanner", *profiles.SRGB_XY, (1.7, 2.0, 2.6)), "none": None,
}  # fmt: skip
OTHER_PROFILES = {"L": profiles.GREY_22, "CMYK": profiles.CMYK}


def pillow(mode, format, profile=None, **options):
    def encoded(colors, icc_profile):
        own = profile or OTHER_PROFILES.get(mode, icc_profile)
        return saved(Image.fromarray(colors).convert(mode), format, icc_profile=own, **options)

    return encoded


def lab(colors, icc_profile):
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    return saved(ImageCms.applyTransform(Image.fromarray(colors), to_lab), "TIFF")


def tiff(scale, dtype):
    def encoded(colors, icc_profile):
        content, values = io.BytesIO(), (colors.astype(float) * scale).astype(dtype)
        tifffile.imwrite(content, values, photometric="rgb", iccprofile=icc_profile, metadata=None)
        return content.getvalue()

    return encoded


def deep_png(colors, icc_profile):
    return bytes(imagecodecs.png_encode(colors.astype(np.uint16) * 257))


def deep_grey(colors, icc_profile):
    return saved(Image.fromarray(colors[..., 0].astype(np.uint16) * 257), "PNG", icc_profile=profiles.GREY_22)


def heic(colors, icc_profile):
    pytest.importorskip("pillow_heif")
    return saved(Image.fromarray(colors), "HEIF", icc_profile=icc_profile or b"")


FORMATS = {
    "a.jpg": pillow("RGB", "JPEG"), "grey.jpg": pillow("L", "JPEG"), "ink.jpg": pillow("CMYK", "JPEG"),
    "a.png": pillow("RGB", "PNG"), "grey.png": pillow("L", "PNG"), "clear.png": pillow("RGBA", "PNG"),
    "palette.png": pillow("P", "PNG"), "bits.png": pillow("1", "PNG"), "deep.png": deep_png,
    "deep_grey.png": deep_grey, "grey_table.png": pillow("L", "PNG", profiles.GREY_TABLE),
    "a.webp": pillow("RGB", "WEBP", lossless=True), "clear.webp": pillow("RGBA", "WEBP", lossless=True),
    "a.avif": pillow("RGB", "AVIF"), "a.heic": heic,
    "a.bmp": pillow("RGB", "BMP"), "a.gif": pillow("P", "GIF"), "a.jp2": pillow("RGB", "JPEG2000"),
    "a.tif": tiff(1, np.uint8), "deep.tif": tiff(257, np.uint16), "long.tif": tiff(16843009, np.uint32),
    "float.tif": tiff(1 / 255, np.float32), "lab.tif": lab,
}  # fmt: skip
WITHOUT_RGB_PROFILES = {"grey.jpg", "ink.jpg", "grey.png", "deep.png", "deep_grey.png", "grey_table.png", "lab.tif"}


@cache
def bundled() -> Relighter:
    return Relighter.from_pretrained(device="cpu")


def result(name: str, bench: Bench, path: Path) -> str:
    """The result for noise, and for a smooth ramp from black to white as in photos, in every profile."""
    for seed, icc_profile in enumerate([None] if name in WITHOUT_RGB_PROFILES else PROFILES.values()):
        colors = np.random.default_rng(seed).integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
        colors[8:16] = np.linspace(0, 255, SHAPE[1])[:, None]
        path.write_bytes(FORMATS[name](colors, icc_profile))
        prepared = bundled().prepare(read_photo(path).photo)
        none, little = (prepared.render(Controls(strength)).rows().astype(int) for strength in (0, 1e-6))
        if (steps := np.abs(none - little).max()) > 1 or not np.array_equal(none, prepared.photo.rows()):
            return f"in profile {seed} {steps} steps off"
    return ONE_STEP


MADE_WITH = {"deep.png": "imagecodecs", "a.heic": "libheif"}
MADE_WITH |= dict.fromkeys(("a.tif", "deep.tif", "long.tif", "float.tif"), "tifffile")
CASES = [Case(8, name, MADE_WITH.get(name, "Pillow"), ONE_STEP, partial(result, name)) for name in FORMATS]
