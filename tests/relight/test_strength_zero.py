"""One way for every strength: strength 0 is what strength a millionth comes to, in every format, depth and profile."""

import io

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from f2a.photo import read_photo
from f2a.relight.controls import Controls
from f2a.relight.relighter import Relighter
from tests.support import profiles

SHAPE = (29, 37)

COLOR_PROFILES = {
    "sRGB": profiles.SRGB, "Display P3": profiles.DISPLAY_P3, "Adobe RGB": profiles.ADOBE_RGB,
    "ProPhoto": profiles.PROPHOTO, "linear": profiles.rgb_profile("linear", *profiles.SRGB_XY, 1.0),
    "scanner": profiles.rgb_profile("scanner", *profiles.SRGB_XY, (1.7, 2.0, 2.6)), "none": b"",
}  # fmt: skip


def pillow(mode, format, **options):
    def write(colors, icc_profile):
        content = io.BytesIO()
        icc_profile = {"L": profiles.GREY_22, "CMYK": profiles.CMYK}.get(mode, icc_profile)
        Image.fromarray(colors).convert(mode).save(content, format, icc_profile=icc_profile or None, **options)
        return content.getvalue()

    return write


def lab(colors, icc_profile):
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    content = io.BytesIO()
    ImageCms.applyTransform(Image.fromarray(colors), to_lab).save(content, "TIFF")
    return content.getvalue()


def tiff(scale, dtype):
    def write(colors, icc_profile):
        content = io.BytesIO()
        values = (colors.astype(float) * scale).astype(dtype)
        tifffile.imwrite(content, values, photometric="rgb", iccprofile=icc_profile or None, metadata=None)
        return content.getvalue()

    return write


def deep_png(colors, icc_profile):
    return bytes(imagecodecs.png_encode(colors.astype(np.uint16) * 257))


def heic(colors, icc_profile):
    pillow_heif = pytest.importorskip("pillow_heif")
    content = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(colors)).save(content, icc_profile=icc_profile or None)
    return content.getvalue()


KINDS = {
    "a.jpg": pillow("RGB", "JPEG"), "grey.jpg": pillow("L", "JPEG"), "ink.jpg": pillow("CMYK", "JPEG"),
    "a.png": pillow("RGB", "PNG"), "grey.png": pillow("L", "PNG"), "clear.png": pillow("RGBA", "PNG"),
    "palette.png": pillow("P", "PNG"), "bits.png": pillow("1", "PNG"), "deep.png": deep_png,
    "a.webp": pillow("RGB", "WEBP", lossless=True), "a.avif": pillow("RGB", "AVIF"), "a.heic": heic,
    "a.bmp": pillow("RGB", "BMP"), "a.gif": pillow("P", "GIF"), "a.jp2": pillow("RGB", "JPEG2000"),
    "a.tif": tiff(1, np.uint8), "deep.tif": tiff(257, np.uint16), "long.tif": tiff(16843009, np.uint32),
    "float.tif": tiff(1 / 255, np.float32), "lab.tif": lab,
}  # fmt: skip


@pytest.fixture(scope="module")
def bundled():
    return Relighter.from_pretrained(device="cpu")


OWN_COLORS = {"grey.jpg", "ink.jpg", "grey.png", "deep.png", "lab.tif"}
"""Those that hold no profile of RGB."""


@pytest.mark.parametrize("name", KINDS)
def test_strength_zero_is_the_end_of_the_smallest_strengths(tmp_path, bundled, name):
    for seed, icc_profile in enumerate([b""] if name in OWN_COLORS else COLOR_PROFILES.values()):
        colors = np.random.default_rng(seed).integers(0, 256, (*SHAPE, 3)).astype(np.uint8)
        colors[8:16] = np.linspace(0, 255, SHAPE[1])[:, None]  # smooth, as photos are, with black and white
        (tmp_path / name).write_bytes(KINDS[name](colors, icc_profile))
        prepared = bundled.prepare(read_photo(tmp_path / name).photo)
        none, little = (prepared.render(Controls(strength)).rows().astype(int) for strength in (0, 1e-6))
        assert np.abs(none - little).max() <= 1
        assert np.array_equal(none, prepared.photo.rows())


def test_the_effect_grows_with_the_strength(bundled):
    ramp = np.linspace(0, 255, 37 * 29 * 3).reshape(29, 37, 3).astype(np.uint8)
    flash = Image.fromarray(ramp)
    change = [np.abs(np.asarray(bundled(flash, Controls(s))).astype(int) - ramp).mean() for s in (0, 0.25, 0.5, 1)]
    assert change[0] == 0
    assert change == sorted(change)
    assert change[3] > 1
