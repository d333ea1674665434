"""Colours that a file states without a profile: by the format's precedence, in every format, as others see them."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from f2a.photo import read_photo, write_photo
from f2a.photo.color_space import ADOBE_RGB, BT709_CURVE, SRGB_SPACE, ColorSpace, exif_space, matrix_profile
from tests.photo.faults.colors import SUFFIXES, lab, limit_of
from tests.support import profiles

RED = (240, 20, 30)
P3_XY = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), profiles.D65_XY)
ADOBE_XY = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), profiles.D65_XY)
BT2020_XY = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), profiles.D65_XY)
BT709_INVERSE = np.array(
    [v / 4.5 if v < 0.08124 else ((v + 0.0993) / 1.0993) ** (1 / 0.45) for v in np.linspace(0, 1, 1024)]
)


def chrm(red, green, blue, white):
    return b"cHRM", struct.pack(">8I", *(round(value * 1e5) for xy in (white, red, green, blue) for value in xy))


def gama(gamma):
    return b"gAMA", struct.pack(">I", round(1e5 / gamma))


def cicp(primaries, transfer, matrix=0, full_range=1):
    return b"cICP", bytes([primaries, transfer, matrix, full_range])


SRGB_CHUNK = (b"sRGB", b"\0")


def save_png(path, chunks, icc_profile=None, color=RED):
    info = PngInfo()
    for chunk in chunks:
        info.add(*chunk)
    Image.new("RGB" if isinstance(color, tuple) else "L", (32, 24), color).save(
        path, pnginfo=info, icc_profile=icc_profile
    )
    return path


def exif_of(color_space, index):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = color_space
    exif.get_ifd(0x8769)[0xA005] = {1: index}
    return exif.tobytes()


def lab_of(color, icc_profile):
    """By LittleCMS, through a profile of the tests' own."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
    seen = ImageCms.profileToProfile(
        Image.new("RGB", (1, 1), color), source, ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    lightness, *opponents = seen.getpixel((0, 0))
    return np.array([lightness / 2.55, *(value - 128 for value in opponents)])


P3, ADOBE, SRGB = profiles.DISPLAY_P3, profiles.ADOBE_RGB, profiles.SRGB
PNG_STATEMENTS = {
    "cICP of P3": ([cicp(12, 13)], None, P3),
    "cICP of BT.2020": ([cicp(9, 14)], None, profiles.rgb_profile("2020", *BT2020_XY, BT709_INVERSE)),
    "cICP before a profile": ([cicp(12, 13)], ADOBE, P3),
    "cICP of sRGB before a profile": ([cicp(1, 13)], ADOBE, SRGB),
    "cICP of other values is passed over": ([cicp(12, 13, 9)], ADOBE, ADOBE),
    "cICP of unknown code points is passed over": ([cicp(99, 13), gama(2.2), chrm(*ADOBE_XY)], None, ADOBE),
    "a profile before sRGB": ([SRGB_CHUNK], P3, P3),
    "a profile before gAMA and cHRM": ([gama(2.2), chrm(*ADOBE_XY)], P3, P3),
    "sRGB before gAMA and cHRM": ([SRGB_CHUNK, gama(1.8), chrm(*P3_XY)], None, SRGB),
    "gAMA and cHRM": ([gama(563 / 256), chrm(*ADOBE_XY)], None, ADOBE),
    "gAMA alone": ([gama(1.5)], None, profiles.rgb_profile("1.5", *profiles.SRGB_XY, 1.5)),
    "cHRM alone": ([chrm(*P3_XY)], None, P3),
    "gAMA and cHRM of sRGB": ([gama(2.2), chrm(*profiles.SRGB_XY)], None, SRGB),
    "impossible cHRM": ([gama(1.5), (b"cHRM", bytes(32))], None, SRGB),
    "gAMA of 0": ([(b"gAMA", bytes(4))], None, SRGB),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("statement", PNG_STATEMENTS)
def test_what_a_png_states_is_what_every_format_shows(tmp_path, statement, suffix):
    chunks, icc_profile, right = PNG_STATEMENTS[statement]
    file = read_photo(save_png(tmp_path / "a.png", chunks, icc_profile))
    target = tmp_path / f"b{suffix}"
    write_photo(file.photo, target, file)
    assert np.linalg.norm(lab(target) - lab_of(RED, right)) < limit_of(suffix)
    assert any("ignored" in note or "not read" in note for note in file.notes) == any(
        word in statement for word in ("passed over", "impossible", "of 0")
    )
    again = read_photo(target)
    assert np.abs(np.subtract(again.photo.to_srgb().getpixel((8, 8)), file.photo.to_srgb().getpixel((8, 8)))).max() <= 4


def test_the_network_sees_p3_in_srgb(tmp_path):
    color = (180, 100, 90)
    seen = read_photo(save_png(tmp_path / "a.png", [cicp(12, 13)], color=color)).photo.to_srgb().getpixel((0, 0))
    assert np.abs(np.subtract(seen, (193, 95, 86))).max() <= 1  # P3's matrix by hand


@pytest.mark.parametrize("chunks", [[gama(2.2)], [SRGB_CHUNK], [cicp(1, 13)], [cicp(1, 1)], []])
def test_srgb_needs_no_profile(tmp_path, chunks):
    assert not read_photo(save_png(tmp_path / "a.png", chunks)).photo.icc_profile


def test_grey_has_the_stated_curve(tmp_path):
    file = read_photo(save_png(tmp_path / "a.png", [gama(1.0), chrm(*P3_XY)], color=128))
    assert file.photo.to_rgb8().getpixel((0, 0)) == (188, 188, 188)
    write_photo(file.photo, tmp_path / "b.tif", file)
    assert read_photo(tmp_path / "b.tif").photo.to_rgb8().getpixel((0, 0)) == (188, 188, 188)
    write_photo(file.photo, tmp_path / "b.webp", file)
    assert read_photo(tmp_path / "b.webp").photo.to_rgb8().getpixel((0, 0)) == pytest.approx((188,) * 3, abs=1)


def test_deep_pngs_have_the_stated_colours(tmp_path):
    from f2a.photo.codecs import png
    from f2a.photo.metadata.metadata import Metadata

    values = np.full((5, 7, 3), 40000, np.uint16)
    (tmp_path / "a.png").write_bytes(png.with_metadata(png.encode16(values), Metadata(png_chunks=[cicp(12, 13)])))
    assert read_photo(tmp_path / "a.png").photo.icc_profile == matrix_profile(
        ColorSpace("Display P3", (*P3_XY[3], *P3_XY[0], *P3_XY[1], *P3_XY[2]), SRGB_SPACE.curve), "RGB"
    )


EXIF_STATEMENTS = {
    "R03": (exif_of(0xFFFF, "R03"), None, ADOBE),
    "2": (exif_of(2, "R98"), None, ADOBE),
    "R98": (exif_of(0xFFFF, "R98"), None, SRGB),
    "sRGB": (exif_of(1, "R03"), None, SRGB),
    "a profile before R03": (exif_of(0xFFFF, "R03"), P3, P3),
}


@pytest.mark.parametrize("source", [".jpg", ".webp", ".avif"])  # Pillow writes no such index into a TIFF
@pytest.mark.parametrize("statement", EXIF_STATEMENTS)
def test_exif_states_adobe_rgb(tmp_path, statement, source):
    exif, icc_profile, right = EXIF_STATEMENTS[statement]
    options = (
        {"quality": 100, "subsampling": 0} if source == ".jpg" else {"lossless": True} if source == ".webp" else {}
    )
    Image.new("RGB", (32, 24), RED).save(tmp_path / f"a{source}", exif=exif, icc_profile=icc_profile, **options)
    file = read_photo(tmp_path / f"a{source}")
    for suffix in (".jpg", ".png", ".avif"):
        write_photo(file.photo, tmp_path / f"b{suffix}", file)
        assert np.linalg.norm(lab(tmp_path / f"b{suffix}") - lab_of(RED, right)) < 1.5


def test_exif_of_a_photo_without_profile_says_srgb(tmp_path):
    """CMYK comes back in sRGB, which its EXIF must not deny."""
    Image.new("CMYK", (32, 24), (0, 200, 100, 0)).save(tmp_path / "a.jpg", exif=exif_of(0xFFFF, "R03"))
    file = read_photo(tmp_path / "a.jpg")
    write_photo(file.photo, tmp_path / "b.jpg", file)
    with Image.open(tmp_path / "b.jpg") as written:
        exif = written.getexif()
        assert exif.get_ifd(0x8769)[0xA001] == 1
        assert exif.get_ifd(0xA005)[1] == "R98"
    assert read_photo(tmp_path / "b.jpg").photo.to_srgb().getpixel((0, 0)) == pytest.approx(
        file.photo.to_srgb().getpixel((0, 0)), abs=2
    )


@pytest.mark.parametrize("exif", [b"", b"damaged", b"II*\0\xff\xff\0\0", exif_of(2, "R03")[6:40]])
def test_damaged_exif_states_nothing(exif):
    assert exif_space(exif) is None


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_others_read_the_profiles(mode):
    profile = ImageCms.ImageCmsProfile(io.BytesIO(matrix_profile(ADOBE_RGB, mode)))
    assert profile.profile.profile_description == "Adobe RGB"
    assert profile.profile.xcolor_space.strip() == ("RGB" if mode == "RGB" else "GRAY")
    if mode == "RGB":
        assert profile.profile.red_colorant[0] == pytest.approx((0.60974, 0.31111, 0.01947), abs=2e-4)  # Adobe's own
        assert profile.profile.green_colorant[0] == pytest.approx((0.20528, 0.62567, 0.06087), abs=2e-4)


def test_bt709s_curve_counts_as_srgbs_with_its_own_primaries_only():
    assert SRGB_SPACE._replace(curve=BT709_CURVE).is_srgb
    assert not ADOBE_RGB._replace(curve=BT709_CURVE).is_srgb
