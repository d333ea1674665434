"""Kind 3: the result states the same colours as the file, in every format."""

import shutil
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from f2a.photo.icc import open_profile
from f2a.relight.controls import Controls
from f2a.relight.relighter import relight_file
from tests.photo.faults.case import Bench, Case, given, magick, run
from tests.support import profiles, stated_colors
from tests.support.exiftool import exiftool
from tests.support.parts import resource, segment

RED = (240, 20, 30)
PROFILES = {"display_p3": profiles.DISPLAY_P3, "adobe_rgb": profiles.ADOBE_RGB, "prophoto": profiles.PROPHOTO}
Color = tuple[int, int, int]
Chunks = tuple[tuple[bytes, bytes], ...]
SUFFIXES = (".jpg", ".png", ".webp", ".tif", ".avif", ".heic")


def limit_of(suffix: str, name: str = "") -> int:
    """Limit of deltaE: WebP has only 220 levels, those of BT.2020 and PQ are coarse, and given files have grain."""
    if "pq" in name or "hlg" in name:
        return 3
    return 2 if suffix == ".webp" or name.startswith(("p3.", "nclx_2020")) else 1


def under(limit: int) -> str:
    return f"deltaE under {limit}"


class Right(NamedTuple):
    """Colours that a file states without a profile: a profile of the same colours, and an HDR photo's light."""

    profile: bytes = b""
    levels: tuple[int, ...] = ()


AS_STATED = Right()


def lab(path: Path, right: Right = AS_STATED, left: int = 8) -> np.ndarray:
    """Lab of the pixels from ``left`` on, read through the profile in the file or as ``right`` says."""
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
    image, profile = image.convert("RGB").crop((left, 8, left + 16, 16)), right.profile or profile
    image = image.point(right.levels * 3) if right.levels else image
    space = open_profile(profile, "RGB") if profile else ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    seen = in_lab(image, space)
    lightness, *opponents = np.moveaxis(np.asarray(seen), -1, 0)
    return np.array([lightness.mean() / 2.55, *(axis.view(np.int8).mean() for axis in opponents)])


def in_lab(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """The image in Lab, without the tables that LittleCMS builds for many pixels, which take longer than these few."""
    lab_profile = ImageCms.createProfile("LAB")
    seen = ImageCms.profileToProfile(image, profile, lab_profile, outputMode="LAB", flags=ImageCms.Flags.NOOPTIMIZE)
    assert seen is not None
    return seen


def save_png(path: Path, chunks: Chunks = (), icc_profile: bytes | None = None, color: Color | int = RED) -> Path:
    info = PngInfo()
    for chunk in chunks:
        info.add(*chunk)
    Image.new("L" if isinstance(color, int) else "RGB", (32, 24), color).save(
        path, pnginfo=info, icc_profile=icc_profile
    )
    return path


def in_text(profile: bytes) -> Chunks:
    """The text chunk in which ImageMagick once wrote a profile into a PNG."""
    content = f"\nicc\n{len(profile):8}\n{profile.hex()}\n".encode()
    return ((b"zTXt", b"Raw profile type icc\0\0" + zlib.compress(content)),)


def integers(kind: bytes, *numbers: int) -> tuple[bytes, bytes]:
    return kind, struct.pack(f">{len(numbers)}I", *numbers)


def save_photoshop_jpeg(path: Path) -> None:
    resources = b"Photoshop 3.0\0" + resource(0x040F, profiles.ADOBE_RGB)
    Image.new("RGB", (32, 24), RED).save(path, quality=100, subsampling=0, extra=segment(0xED, resources))


def save_camera_jpeg(path: Path, tags: tuple[str, ...] = ("-InteropIndex#=R03",)) -> None:
    Image.new("RGB", (32, 24), RED).save(path, quality=100, subsampling=0)
    exiftool("-q", "-overwrite_original", "-ColorSpace#=65535", *tags, path)


def save_avif(path: Path, code_points: str, color: Color = RED) -> None:
    """Save an AVIF with these code points of primaries, transfer curve and matrix."""
    save_png(path.with_suffix(".png"), color=color)
    lossless = ("--min", 0, "--max", 0, "-y", "444")
    run("avifenc", *lossless, "--cicp", code_points, path.with_suffix(".png"), path)


def save_jpeg(path: Path) -> None:
    """Save a JPEG with its profile in two parts, second first, after the frame header, where Pillow does not look."""
    Image.new("RGB", (32, 24), RED).save(path, quality=100, subsampling=0)
    content, half = path.read_bytes(), len(profiles.DISPLAY_P3) // 2
    parts = profiles.DISPLAY_P3[:half], profiles.DISPLAY_P3[half:]
    segments = [segment(0xE2, b"ICC_PROFILE\0" + bytes([n, 2]) + part) for n, part in enumerate(parts, 1)]
    at = content.index(b"\xff\xc0") + 19
    path.write_bytes(content[:at] + b"".join(reversed(segments)) + content[at:])


def save_heic(path: Path, code_points: tuple[int, int], color: Color = RED) -> Path:
    """Save a HEIC with these code points of primaries and transfer curve."""
    heif = pytest.importorskip("pillow_heif").from_pillow(Image.new("RGB", (32, 24), color))
    heif.save(path, quality=100, chroma=444, color_primaries=code_points[0], transfer_characteristics=code_points[1])
    return path


def save_tiff(path: Path) -> None:
    stated_colors.save_tiff(path, np.full((24, 32, 3), RED, np.uint8), (*P3_XY, D65))


def save_bmp(path: Path) -> None:
    """Save a BMP in Adobe RGB, stated by the XYZ of its primaries relative to D65."""
    xyz = (0.57667, 0.29734, 0.02703, 0.18556, 0.62736, 0.07069, 0.18823, 0.07529, 0.99134)
    path.write_bytes(stated_colors.bmp(Image.new("RGB", (32, 24), RED), xyz=xyz, gamma=563 / 256))


def save_converted(path: Path, profile: bytes) -> None:
    path.with_suffix(".icc").write_bytes(profile)
    save_png(path.with_suffix(".png"))
    magick(path.with_suffix(".png"), "-profile", path.with_suffix(".icc"), path)


def save_jp2(path: Path, colr: bytes) -> None:
    path.write_bytes(stated_colors.jp2(Image.new("RGB", (32, 24), RED), colr))


def save_pq_profile(path: Path) -> None:
    save_png(path, icc_profile=stated_colors.with_code_points(BT2020, 9, 16), color=DIM)


def save_given(path: Path) -> None:
    shutil.copy(given(f"05-avif-nclx/{path.name}"), path)


def levels_of(light: Callable[[np.ndarray], np.ndarray]) -> tuple[int, ...]:
    """The sRGB level of each of 256 levels, with ``light`` in candela per square metre; 203 are white."""
    linear = (light(np.arange(256) / 255) / 203).clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return tuple((255 * encoded).round().astype(int).tolist())


def pq_light(signal: np.ndarray) -> np.ndarray:
    """Light of a PQ signal (ST 2084)."""
    power = signal ** (1 / 78.84375)
    return 1e4 * ((power - 0.8359375).clip(0) / (18.8515625 - 18.6875 * power)) ** (1 / 0.1593017578125)


def hlg_light(signal: np.ndarray) -> np.ndarray:
    """Light of a grey HLG signal on a display of 1000 candela per square metre (BT.2100)."""
    return (
        1e3
        * np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12) ** 1.2
    )


D65, SRGB_CURVE = profiles.D65_XY, profiles.SRGB_CURVE
P3_XY = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
BT2020 = profiles.rgb_profile("BT.2020", (0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65, SRGB_CURVE)
P3_TAG = "-PrimaryChromaticities=0.68 0.32 0.265 0.69 0.15 0.06"
ADOBE_GAMA = integers(b"gAMA", 45470)
ADOBE_CHRM = integers(b"cHRM", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)
P3_CICP = (b"cICP", bytes([12, 13, 0, 1]))
LINEAR = Right(profiles.rgb_profile("linear", *profiles.SRGB_XY, 1.0))
IN_P3, IN_ADOBE, IN_2020 = Right(profiles.DISPLAY_P3), Right(profiles.ADOBE_RGB), Right(BT2020)
PQ, HLG = Right(BT2020, levels_of(pq_light)), Right(BT2020, levels_of(hlg_light))
PALE, DIM, GREY = (200, 60, 50), (110, 95, 80), (120, 120, 120)
STATEMENTS: dict[str, tuple[str, Callable[[Path], object], Right]] = {
    **{f"{name}.png": ("Pillow", partial(save_png, icc_profile=PROFILES[name]), Right()) for name in PROFILES},
    "cicp.png": ("Pillow", partial(save_png, chunks=(P3_CICP,)), IN_P3),
    "cicp_and_profile.png": ("Pillow", partial(save_png, chunks=(P3_CICP,), icc_profile=profiles.PROPHOTO), IN_P3),
    "gama_and_chrm.png": ("Pillow", partial(save_png, chunks=(ADOBE_GAMA, ADOBE_CHRM)), IN_ADOBE),
    "gama.png": ("Pillow", partial(save_png, chunks=(integers(b"gAMA", 100_000),)), LINEAR),
    "profile_in_text.png": ("Pillow", partial(save_png, chunks=in_text(profiles.DISPLAY_P3)), IN_P3),
    "pq.png": ("Pillow", partial(save_png, chunks=((b"cICP", bytes([9, 16, 0, 1])),), color=DIM), PQ),
    "camera.jpg": ("Pillow, exiftool", save_camera_jpeg, IN_ADOBE),
    "chromaticities.jpg": (
        "Pillow, exiftool",
        partial(save_camera_jpeg, tags=("-WhitePoint=0.3127 0.329", P3_TAG)),
        IN_P3,
    ),
    "gamma.jpg": ("Pillow, exiftool", partial(save_camera_jpeg, tags=("-Gamma=1",)), LINEAR),
    "profile_in_photoshop.jpg": ("Pillow, by hand", save_photoshop_jpeg, IN_ADOBE),
    "linear.avif": ("avifenc", partial(save_avif, code_points="1/8/6", color=PALE), LINEAR),
    "profile_behind_frame.jpg": ("Pillow, by hand", save_jpeg, IN_P3),
    "nclx_p3.avif": ("avifenc", partial(save_avif, code_points="12/13/6"), IN_P3),
    "nclx_2020.avif": ("avifenc", partial(save_avif, code_points="9/13/9", color=PALE), IN_2020),
    "nclx_pq.avif": ("avifenc", partial(save_avif, code_points="9/16/9", color=DIM), PQ),
    "nclx_hlg.avif": ("avifenc", partial(save_avif, code_points="9/18/9", color=GREY), HLG),
    "nclx_p3.heic": ("libheif", partial(save_heic, code_points=(12, 13)), IN_P3),
    "nclx_pq.heic": ("libheif", partial(save_heic, code_points=(9, 16), color=DIM), PQ),
    "chromaticities.tif": ("tifffile", save_tiff, IN_P3),
    "endpoints.bmp": ("by hand", save_bmp, IN_ADOBE),
    "profile.bmp": ("ImageMagick", partial(save_converted, profile=profiles.ADOBE_RGB), IN_ADOBE),
    "profile.jp2": ("Pillow, by hand", partial(save_jp2, colr=b"\2\0\0" + profiles.PROPHOTO), Right(profiles.PROPHOTO)),
    "code_points.jp2": ("Pillow, by hand", partial(save_jp2, colr=b"\5\0\0\0\x0c\0\x0d\0\0\x80"), IN_P3),
    "pq_in_profile.png": ("Pillow, by hand", save_pq_profile, PQ),
    "p3_and_bt709.avif": ("avifenc", partial(save_avif, code_points="12/1/6"), IN_P3),
    "p3.avif": ("given", save_given, IN_P3),
    "p3.heic": ("given", save_given, IN_P3),
    "pq.avif": ("given", save_given, PQ),
}
"""By name: the program that makes each file, how, and how its colours are to be read."""


def result(name: str, suffix: str, bench: Bench, path: Path) -> str:
    """Relight with strength 0 a colour that the file states in its own way, and write it in another format."""
    _, save, right = STATEMENTS[name]
    save(path)
    left = 200 if name.startswith("p3.") else 8  # the red half
    target = relight_file(bench.relighter, path, path.with_name(f"relit{suffix}"), Controls(strength=0))
    difference = np.linalg.norm(lab(target, left=left) - lab(path, right, left))
    limit = limit_of(suffix, name)
    return under(limit) if difference < limit else f"deltaE {difference:.1f}"


CASES = [
    Case(3, f"{name} as {suffix[1:]}", made_with, under(limit_of(suffix, name)), partial(result, name, suffix))
    for name, (made_with, *_) in STATEMENTS.items()
    for suffix in SUFFIXES
]
