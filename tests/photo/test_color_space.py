"""Colours that a file states without a profile: the format's precedence is kept, and other programs see the same."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from f2a.photo import read_photo, write_photo
from f2a.photo.chromaticity import BT709
from f2a.photo.codecs import png
from f2a.photo.color_space import (
    ADOBE_RGB,
    PRIMARIES,
    SRGB_SPACE,
    ColorSpace,
    exif_space,
    gamma_curve,
    profile_of,
)
from f2a.photo.icc import ColorProfile
from f2a.photo.metadata.metadata import Metadata
from f2a.photo.photo import Photo
from f2a.relight.controls import Controls
from tests.photo.faults.colors import BT2020, RED, SUFFIXES, in_lab, lab, save_heic, save_png
from tests.support import profiles, stated_colors
from tests.support.corpus import saved
from tests.support.parts import box

P3_XY = ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), profiles.D65_XY)
ADOBE_XY = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), profiles.D65_XY)
BT2020_XY = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), profiles.D65_XY)


def chrm(red, green, blue, white):
    return b"cHRM", struct.pack(">8I", *(round(value * 1e5) for xy in (white, red, green, blue) for value in xy))


def gama(gamma):
    return b"gAMA", struct.pack(">I", round(1e5 / gamma))


def cicp(primaries, transfer, matrix=0, full_range=1):
    return b"cICP", bytes([primaries, transfer, matrix, full_range])


SRGB_CHUNK = (b"sRGB", b"\0")


def save_avif(path, code_points, icc_profile=None, color=RED, exif=b""):
    """Save an AVIF with these code points, in a box where Pillow states sRGB, or nothing if there is a profile."""
    options = {"quality": 100, "subsampling": "4:4:4", "icc_profile": icc_profile, "exif": exif}
    start, box, rest = saved(Image.new("RGB", (32, 24), color), "AVIF", **options).partition(b"colrnclx")
    path.write_bytes(start + box + struct.pack(">HH", *code_points) + rest[4:])
    return path


def exif_of(color_space, index):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA001] = color_space
    exif.get_ifd(0x8769)[0xA005] = {1: index}
    return exif.tobytes()


def lab_of(color, icc_profile):
    """Lab of a colour, converted by LittleCMS through a profile made by the tests."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
    seen = in_lab(Image.new("RGB", (1, 1), color), source)
    lightness, *opponents = seen.getpixel((0, 0))
    return np.array([lightness / 2.55, *(value - 128 for value in opponents)])


P3, ADOBE, SRGB = profiles.DISPLAY_P3, profiles.ADOBE_RGB, profiles.SRGB
PNG_STATEMENTS = {
    "cICP of BT.2020": ([cicp(9, 14)], None, BT2020),
    "cICP before a profile": ([cicp(12, 13)], ADOBE, P3),
    "cICP of sRGB before a profile": ([cicp(1, 13)], ADOBE, SRGB),
    "cICP of other values is passed over": ([cicp(12, 13, 9)], ADOBE, ADOBE),
    "cICP of unknown code points is passed over": ([cicp(99, 13), gama(2.2), chrm(*ADOBE_XY)], None, ADOBE),
    "a profile before sRGB": ([SRGB_CHUNK], P3, P3),
    "a profile before gAMA and cHRM": ([gama(2.2), chrm(*ADOBE_XY)], P3, P3),
    "sRGB before gAMA and cHRM": ([SRGB_CHUNK, gama(1.8), chrm(*P3_XY)], None, SRGB),
    "gAMA alone": ([gama(1.5)], None, profiles.rgb_profile("1.5", *profiles.SRGB_XY, 1.5)),
    "cHRM alone": ([chrm(*P3_XY)], None, P3),
    "gAMA and cHRM of sRGB": ([gama(2.2), chrm(*profiles.SRGB_XY)], None, SRGB),
    "impossible cHRM": ([gama(1.5), (b"cHRM", bytes(32))], None, SRGB),
    "gAMA of 0": ([(b"gAMA", bytes(4))], None, SRGB),
}


@pytest.mark.parametrize("statement", PNG_STATEMENTS)
def test_what_a_png_states_is_what_another_format_shows(tmp_path, statement):
    chunks, icc_profile, right = PNG_STATEMENTS[statement]
    file = read_photo(save_png(tmp_path / "a.png", chunks, icc_profile))
    target = tmp_path / "b.tif"
    write_photo(file.photo, target, file)
    assert np.linalg.norm(lab(target) - lab_of(RED, right)) < 1
    assert any("ignored" in note or "not read" in note for note in file.notes) == any(
        word in statement for word in ("passed over", "impossible", "of 0")
    )
    again = read_photo(target)
    assert np.abs(np.subtract(again.photo.to_srgb().getpixel((8, 8)), file.photo.to_srgb().getpixel((8, 8)))).max() <= 4


@pytest.mark.parametrize("transfer", [1, 6, 14, 15])
def test_bt709s_curve_is_shown_as_srgbs_with_any_primaries(tmp_path, transfer):
    """Dark and middle greys of the two curves differ by up to 12 levels."""
    file = read_photo(save_png(tmp_path / "a.png", [cicp(12, transfer)], color=(60, 60, 60)))
    assert file.photo.to_srgb().getpixel((0, 0)) == (60, 60, 60)
    assert file.photo.icc_profile == read_photo(save_png(tmp_path / "b.png", [cicp(12, 13)])).photo.icc_profile


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
    values = np.full((5, 7, 3), 40000, np.uint16)
    (tmp_path / "a.png").write_bytes(png.with_metadata(png.encode16(values), Metadata(png_chunks=[cicp(12, 13)])))
    space = ColorSpace("Display P3", (*P3_XY[3], *P3_XY[0], *P3_XY[1], *P3_XY[2]), SRGB_SPACE.curve)
    assert read_photo(tmp_path / "a.png").photo.icc_profile == profile_of(space, "RGB").icc_profile


EXIF_STATEMENTS = {
    "R03": (exif_of(0xFFFF, "R03"), None, ADOBE),
    "2": (exif_of(2, "R98"), None, ADOBE),
    "R98": (exif_of(0xFFFF, "R98"), None, SRGB),
    "sRGB": (exif_of(1, "R03"), None, SRGB),
    "a profile before R03": (exif_of(0xFFFF, "R03"), P3, P3),
}


@pytest.mark.parametrize("source", [".jpg", ".webp"])  # Pillow writes no such index into a TIFF
@pytest.mark.parametrize("statement", EXIF_STATEMENTS)
def test_exif_states_adobe_rgb(tmp_path, statement, source):
    exif, icc_profile, right = EXIF_STATEMENTS[statement]
    options = {"quality": 100, "subsampling": 0} if source == ".jpg" else {"lossless": True}
    Image.new("RGB", (32, 24), RED).save(tmp_path / f"a{source}", exif=exif, icc_profile=icc_profile, **options)
    file = read_photo(tmp_path / f"a{source}")
    for suffix in (".jpg", ".png", ".avif"):
        write_photo(file.photo, tmp_path / f"b{suffix}", file)
        assert np.linalg.norm(lab(tmp_path / f"b{suffix}") - lab_of(RED, right)) < 1.5


def test_exif_of_a_photo_without_profile_says_srgb(tmp_path):
    """CMYK is written in sRGB, which its EXIF must not contradict."""
    Image.new("CMYK", (32, 24), (0, 200, 100, 0)).save(tmp_path / "a.jpg", exif=exif_of(0xFFFF, "R03"))
    file = read_photo(tmp_path / "a.jpg")
    write_photo(file.photo, tmp_path / "b.jpg", file)
    with Image.open(tmp_path / "b.jpg") as written:
        exif = written.getexif()
        assert exif.get_ifd(0x8769)[0xA001] == 1
        assert exif.get_ifd(0xA005)[1] == "R98"
    before, after = (photo.to_srgb().getpixel((0, 0)) for photo in (file.photo, read_photo(tmp_path / "b.jpg").photo))
    assert after == pytest.approx(before, abs=2)


PRIMARIES_OF_SRGB = [number for xy in profiles.SRGB_XY[:3] for value in xy for number in (round(value * 1e4), 10_000)]


@pytest.mark.parametrize(
    ("tags", "kept"),
    [
        ([(318, "2I", 2, (3127, 10_000, 3290, 10_000), True)], {318}),
        ([(318, "2I", 2, (3457, 10_000, 3585, 10_000), True)], set()),
        ([(318, "2I", 2, (3127, 0, 3290, 10_000), True)], set()),
        ([(318, "2I", 3, (3127, 10_000, 3290, 10_000, 1, 1), True)], set()),
        ([(319, "2I", 6, PRIMARIES_OF_SRGB, True)], {319}),
        ([(319, "2I", 6, PRIMARIES_OF_SRGB[::-1], True)], set()),
        ([(318, "s", 0, "white", True)], set()),
    ],
)
def test_a_tiff_of_converted_colours_states_no_white_or_primaries_but_srgbs(tmp_path, tags, kept):
    lab = np.full((5, 7, 3), (128, 10, 250), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", lab, photometric="cielab", metadata=None, extratags=tags)
    file = read_photo(tmp_path / "a.tif")
    write_photo(file.photo, tmp_path / "b.tif", file)
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert {318, 319} & {tag.code for tag in written.pages.first.tags} == kept


@pytest.mark.parametrize("keep_location", [False, True])
def test_exif_does_not_say_how_the_old_file_encoded_its_colours(tmp_path, keep_location):
    exif = Image.Exif()
    exif[301], exif[318], exif[315] = tuple(range(256)) * 3, (0.3457, 0.3585), "Zoe"
    exif[258], exif[262], exif[332], exif[529], exif[532] = (8,) * 4, 5, 1, (0.3, 0.6, 0.1), (0, 255) * 3
    Image.new("CMYK", (32, 24), (0, 200, 100, 0)).save(tmp_path / "a.jpg", exif=exif)
    file = read_photo(tmp_path / "a.jpg", keep_location)
    write_photo(file.photo, tmp_path / "b.jpg", file)
    with Image.open(tmp_path / "b.jpg") as written:
        assert dict(written.getexif()) == {315: "Zoe"}


def test_with_a_profile_white_and_primaries_stay(tmp_path):
    stated_colors.save_tiff(tmp_path / "a.tif", np.full((5, 7, 3), RED, np.uint8), P3_XY)
    file = read_photo(tmp_path / "a.tif")
    write_photo(file.photo, tmp_path / "b.tif", file)
    with tifffile.TiffFile(tmp_path / "b.tif") as written:
        assert {318, 319, 34675} <= {tag.code for tag in written.pages.first.tags}


@pytest.mark.parametrize("exif", [b"", b"damaged", b"II*\0\xff\xff\0\0", exif_of(2, "R03")[6:40]])
def test_damaged_exif_states_nothing(exif):
    assert exif_space(exif) is None


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_others_read_the_profiles(mode):
    profile = ImageCms.ImageCmsProfile(io.BytesIO(profile_of(ADOBE_RGB, mode).icc_profile))
    assert profile.profile.profile_description == "Adobe RGB"
    assert profile.profile.xcolor_space.strip() == ("RGB" if mode == "RGB" else "GRAY")
    if mode == "RGB":
        assert profile.profile.red_colorant[0] == pytest.approx((0.60974, 0.31111, 0.01947), abs=2e-4)  # Adobe's own
        assert profile.profile.green_colorant[0] == pytest.approx((0.20528, 0.62567, 0.06087), abs=2e-4)


P3_DCI = profiles.rgb_profile("DCI", *P3_XY[:3], (0.314, 0.351), 2.2)
NCLX_STATEMENTS = {
    (12, 1): P3,
    (12, 6): P3,
    (9, 14): BT2020,
    (9, 13): BT2020,
    (11, 4): P3_DCI,
    (12, 2): P3,
    (1, 8): profiles.rgb_profile("linear", *profiles.SRGB_XY, 1.0),
    (1, 13): SRGB,
    (1, 1): SRGB,
    (2, 2): SRGB,
    (1, 9): SRGB,
}


@pytest.mark.parametrize("source", [".avif", ".heic"])
@pytest.mark.parametrize("code_points", NCLX_STATEMENTS)
def test_what_nclx_states_is_what_every_format_shows(tmp_path, code_points, source):
    save = save_avif if source == ".avif" else save_heic
    file = read_photo(save(tmp_path / f"a{source}", code_points))
    right = lab_of(RED, NCLX_STATEMENTS[code_points])
    for suffix in (".jpg", ".png", ".avif", ".heic"):
        write_photo(file.photo, tmp_path / f"b{suffix}", file)
        assert np.linalg.norm(lab(tmp_path / f"b{suffix}") - right) < 1.5
    assert [note for note in file.notes if "code points" in note] == [
        "its colours are stated by code points that are not read (1/9)"
    ] * (code_points[1] == 9)


@pytest.mark.parametrize(
    ("code_points", "icc_profile", "right"),
    [((12, 13), ADOBE, ADOBE), ((9, 16), ADOBE, ADOBE), ((1, 13), None, b""),
     ((2, 2), None, profile_of(ADOBE_RGB, "RGB").icc_profile)],
)  # fmt: skip
def test_a_profile_wins_over_nclx_and_nclx_that_states_something_over_exif(tmp_path, code_points, icc_profile, right):
    exif = b"" if icc_profile else exif_of(0xFFFF, "R03")
    file = read_photo(save_avif(tmp_path / "a.avif", code_points, icc_profile, exif=exif))
    assert file.photo.icc_profile == right


def pq_of(light):
    """PQ signal in [0, 1] of light in candela per square metre (ST 2084)."""
    power = (light / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def srgb_of(linear):
    return 1.055 * linear ** (1 / 2.4) - 0.055


def deep_png(path, signal, code_points):
    values = (np.array(signal) * 65535).round().astype(np.uint16)
    path.write_bytes(png.with_metadata(png.encode16(values), Metadata(png_chunks=[cicp(*code_points), gama(2.2)])))
    return path


PQ_LIGHT = np.array([203, 100, 50, 10, 1])
HALF_OF_HLG = 1000 * (0.5**2 / 3) ** 1.2 / 203
"""Light of half of HLG's signal, whose scene light is 0.0833, on a display of 1000 candela; 203 are white (BT.2408)."""


@pytest.mark.parametrize(
    ("transfer", "signal", "shown", "tolerance"),
    [(16, pq_of(PQ_LIGHT), srgb_of(PQ_LIGHT / 203), 2e-4), (18, [0.75, 0.5], [1, srgb_of(HALF_OF_HLG)], 2e-3)],
    ids=["PQ's reference white is white", "HLG's three quarters are white"],
)
def test_of_hdr_the_light_of_paper_is_white(tmp_path, transfer, signal, shown, tolerance):
    row = np.repeat(np.array(signal)[None, :, None], 3, -1)
    file = read_photo(deep_png(tmp_path / "a.png", row, (9, transfer)))
    for channel in np.moveaxis(file.photo.rows()[0], -1, 0):
        assert channel / 65535 == pytest.approx(shown, abs=tolerance)
    assert [note for note in file.notes if "HDR" in note]


def test_highlights_are_rolled_off_and_the_rest_stays(tmp_path):
    lights = np.array([1000, 600, 300, 203, 150, 100, 20])
    row = pq_of(np.stack([lights, lights / 2, lights / 4], -1))[None]
    red, green, blue = np.moveaxis(
        read_photo(deep_png(tmp_path / "a.png", row, (9, 16))).photo.rows()[0] / 65535, -1, 0
    )
    assert red[0] == pytest.approx(1, abs=1e-4)
    assert (np.diff(red) < 0).all()
    assert red[3] > 0.93
    assert red[5:] == pytest.approx(srgb_of(lights[5:] / 203), abs=2e-4)
    linear = np.stack([((color + 0.055) / 1.055) ** 2.4 for color in (red, green, blue)])
    assert linear[0] / linear[1] == pytest.approx(2, rel=2e-3)
    assert linear[0] / linear[2] == pytest.approx(4, rel=4e-3)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("code_points", [(9, 16), (12, 16), (9, 18)])
def test_an_hdr_photo_has_a_standard_one_written(tmp_path, code_points, suffix):
    light = np.array([150, 20, 10]) / 203
    signal = pq_of(light * 203)
    if code_points[1] == 18:
        weights = (0.2627, 0.6780, 0.0593)
        scene = light * 0.203 / (light @ weights * 0.203) ** (0.2 / 1.2)
        signal = np.where(
            scene <= 1 / 12, np.sqrt(3 * scene), 0.17883277 * np.log((12 * scene - 0.28466892).clip(0.1)) + 0.55991073
        )
    file = read_photo(deep_png(tmp_path / "a.png", np.broadcast_to(signal, (24, 32, 3)), code_points))
    write_photo(file.photo, tmp_path / f"b{suffix}", file)
    xy = BT2020_XY if code_points[0] == 9 else P3_XY
    color = tuple((srgb_of(light) * 255).round().astype(int))
    right = lab_of(color, profiles.rgb_profile("", *xy, profiles.SRGB_CURVE))
    assert np.linalg.norm(lab(tmp_path / f"b{suffix}") - right) < 1.5 + (suffix == ".webp")
    again = read_photo(tmp_path / f"b{suffix}")
    assert not [note for note in again.notes if "HDR" in note]
    assert not {b"cICP", b"gAMA"} & {kind for kind, _ in again.metadata.png_chunks}


@pytest.mark.parametrize("transfer", [16, 18])
def test_grey_hdr_is_grey(tmp_path, transfer):
    info = PngInfo()
    info.add(*cicp(9, transfer))
    Image.new("L", (7, 5), 128).save(tmp_path / "a.png", pnginfo=info)
    file = read_photo(tmp_path / "a.png")
    assert file.photo.shape == (5, 7, 1)
    write_photo(file.photo, tmp_path / "b.png", file)
    assert read_photo(tmp_path / "b.png").photo.rows().tolist() == file.photo.rows().tolist()


def test_grey_hdr_in_heic_no_longer_states_pq(tmp_path):
    heif = pytest.importorskip("pillow_heif")
    image = heif.from_pillow(Image.new("L", (64, 64), 110))
    image.save(tmp_path / "a.heic", color_primaries=9, transfer_characteristics=16)
    file = read_photo(tmp_path / "a.heic")
    assert [note for note in file.notes if "HDR" in note]
    write_photo(file.photo, tmp_path / "b.heic", file)
    again = read_photo(tmp_path / "b.heic")
    assert again.metadata.cicp[1] != 16
    assert np.abs(again.photo.to_rgb8().getpixel((8, 8))[0] - file.photo.to_rgb8().getpixel((8, 8))[0]) <= 1


@pytest.mark.parametrize("save", [save_avif, save_heic])
@pytest.mark.parametrize("transfer", [16, 18])
def test_hdr_in_avif_and_heic_comes_back_standard(tmp_path, save, transfer):
    suffix = ".avif" if save is save_avif else ".heic"
    file = read_photo(save(tmp_path / f"a{suffix}", (9, transfer), color=(110, 100, 90)))
    target = tmp_path / f"b{suffix}"
    write_photo(file.photo, target, file)
    again = read_photo(target)
    assert not [note for note in again.notes if "HDR" in note]
    assert np.abs(again.photo.rows()[8, 8].astype(int) - file.photo.rows()[8, 8]).max() <= 2
    assert again.metadata.cicp[1] not in (16, 18)


def test_a_deep_avif_keeps_its_levels(tmp_path):
    values = np.broadcast_to(np.arange(0, 1024, 16, dtype=np.uint16)[None, :, None], (64, 64, 3))
    content = imagecodecs.avif_encode(np.ascontiguousarray(values), level=100, bitspersample=10, pixelformat="444")
    (tmp_path / "a.avif").write_bytes(content)
    levels = read_photo(tmp_path / "a.avif").photo.rows()[32, :, 0]
    assert levels / 65535 * 1023 == pytest.approx(np.arange(0, 1024, 16), abs=2)


def test_a_bmp_is_converted_to_srgb(tmp_path):
    file = read_photo(save_png(tmp_path / "a.png", [cicp(12, 13)], color=(180, 100, 90)))
    notes = write_photo(file.photo, tmp_path / "b.bmp", file)
    assert notes == ["BMP holds no colour profile, so the colours were converted to sRGB"]
    assert read_photo(tmp_path / "b.bmp").photo.rows()[0, 0] == pytest.approx((193, 95, 86), abs=1)
    grey = read_photo(save_png(tmp_path / "c.png", [gama(1.0)], color=128))
    write_photo(grey.photo, tmp_path / "d.bmp", grey)
    assert read_photo(tmp_path / "d.bmp").photo.rows()[0, 0].tolist() == [188]


@pytest.mark.parametrize("suffix", [".webp", ".avif", ".heic", ".png", ".tif"])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("channels", [1, 2])
def test_linear_grey_is_shown_alike_by_every_format(tmp_path, channels, bits, suffix):
    """A format without such grey gets sRGB's, and no grey profile for colour pixels."""
    values = np.full((16, 24, channels), (1 << bits) - 1, f"u{bits // 8}")
    values[..., 0] = (1 << bits) // 5
    profile = profile_of(ColorSpace("linear", BT709, gamma_curve(1)), "L")
    source = tmp_path / "grey.png"
    Image.new("L", (24, 16)).save(source)
    write_photo(Photo.from_array(values, profile), tmp_path / f"out{suffix}", read_photo(source))
    shown = np.asarray(read_photo(tmp_path / f"out{suffix}").photo.to_srgb())
    assert np.abs(shown[8, 12].astype(int) - 124).max() <= 1  # 255 * (1.055 * 0.2 ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("suffix", [".jpg", ".heic", ".bmp"])
@pytest.mark.parametrize("name", ["sRGB", "BT.2020"])
def test_shadows_of_deep_linear_light_are_not_cut_to_the_few_levels_that_it_has_in_fewer_bits(tmp_path, suffix, name):
    primaries = {"sRGB": BT709, "BT.2020": PRIMARIES[9][1]}[name]
    linear = np.full((16, 24, 3), (1000, 1300, 1130), np.uint16)
    photo = Photo.from_array(linear, profile_of(ColorSpace("linear", primaries, gamma_curve(1)), "RGB"))
    write_photo(photo, tmp_path / f"out{suffix}", read_photo(save_png(tmp_path / "a.png")), quality=100)
    shown = read_photo(tmp_path / f"out{suffix}").photo.to_srgb().getpixel((12, 8))
    assert np.abs(np.subtract(shown, photo.to_srgb().getpixel((12, 8)))).max() <= 1


def xyz_of(xy, is_scaled):
    """XYZ of red, green and blue as a BMP states them; if not ``is_scaled``, X + Y + Z is 1 for each."""
    directions = np.stack([(x, y, 1 - x - y) for x, y in xy[:3]], 1)
    x, y = xy[3]
    scale = np.linalg.solve(directions, (x / y, 1, (1 - x - y) / y)) if is_scaled else np.ones(3)
    return (directions * scale).T.ravel().tolist()


IMAGE = Image.new("RGB", (32, 24), RED)
GAMMA_15 = profiles.rgb_profile("1.5", *profiles.SRGB_XY, 1.5)
OF_DCI = (*P3_XY[:3], (0.314, 0.351))
HEADERS = {
    "BMP of version 3.bmp": (lambda: stated_colors.bmp(IMAGE)[:70] + bytes(68) + stated_colors.bmp(IMAGE)[138:], SRGB),
    "sRGB before endpoints.bmp": (lambda: stated_colors.bmp(IMAGE, b"BGRs", xyz_of(P3_XY, True), 1.5), SRGB),
    "endpoints of another white.bmp": (
        lambda: stated_colors.bmp(IMAGE, xyz=xyz_of(OF_DCI, True), gamma=2.2),
        profiles.rgb_profile("DCI", *OF_DCI, 2.2),
    ),
    "chromaticities.bmp": (lambda: stated_colors.bmp(IMAGE, xyz=xyz_of(P3_XY, False)), P3),
    "gamma.bmp": (lambda: stated_colors.bmp(IMAGE, gamma=1.5), GAMMA_15),
    "gamma of encoding.bmp": (lambda: stated_colors.bmp(IMAGE, gamma=1 / 1.5), GAMMA_15),
    "linked.bmp": (lambda: stated_colors.bmp(IMAGE, b"KNIL", profile=b"C:\\p3.icc\0"), SRGB),
    "any profile.jp2": (lambda: stated_colors.jp2(IMAGE, b"\3\0\0" + ADOBE), ADOBE),
    "sRGB.jp2": (lambda: stated_colors.jp2(IMAGE, b"\1\0\0\0\0\0\x10"), SRGB),
    "ROMM.jp2": (lambda: stated_colors.jp2(IMAGE, b"\1\0\0\0\0\0\x15"), SRGB),
}


@pytest.mark.parametrize("name", HEADERS)
def test_what_a_header_states_is_what_other_formats_show(tmp_path, name):
    content, right = HEADERS[name]
    (tmp_path / name).write_bytes(content())
    file = read_photo(tmp_path / name)
    for suffix in (".png", ".jpg"):
        write_photo(file.photo, tmp_path / f"b{suffix}", file)
        assert np.linalg.norm(lab(tmp_path / f"b{suffix}") - lab_of(RED, right)) < 1
    assert any("not read" in note for note in file.notes) == name.startswith(("linked", "ROMM"))


@pytest.mark.parametrize("xyz", [(-0.5,) * 9, (0.4, 0.2, 0.1) * 3])
def test_impossible_endpoints_are_ignored(tmp_path, xyz):
    (tmp_path / "a.bmp").write_bytes(stated_colors.bmp(IMAGE, xyz=xyz))
    assert read_photo(tmp_path / "a.bmp").photo.colors.icc_profile is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_states_white_and_primaries(tmp_path, dtype):
    values = np.broadcast_to(np.array(RED, dtype) * (257 if dtype == np.uint16 else 1), (24, 32, 3))
    stated_colors.save_tiff(tmp_path / "a.tif", values, P3_XY)
    file = read_photo(tmp_path / "a.tif")
    assert file.notes == ()
    for suffix in (".tif", ".jpg"):
        write_photo(file.photo, tmp_path / f"b{suffix}", file)
        assert np.linalg.norm(lab(tmp_path / f"b{suffix}") - lab_of(RED, P3)) < 1
    stated_colors.save_tiff(tmp_path / "a.tif", values, profiles.SRGB_XY)
    assert not read_photo(tmp_path / "a.tif").photo.icc_profile
    stated_colors.save_tiff(tmp_path / "a.tif", values, P3_XY, (34675, 7, ADOBE))
    assert read_photo(tmp_path / "a.tif").photo.icc_profile == ADOBE
    stated_colors.save_tiff(tmp_path / "a.tif", values, profiles.SRGB_XY, (301, 3, bytes(512)))
    assert read_photo(tmp_path / "a.tif").notes == (
        "its colours are stated by a transfer function, which was not read",
    )


@pytest.mark.parametrize(("transfer", "is_hdr"), [(16, True), (18, True), (13, False)])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_code_points_of_hdr_in_a_profile_win_over_its_curves(tmp_path, transfer, is_hdr, suffix):
    profile = stated_colors.with_code_points(P3, 12, transfer)
    Image.new("RGB", (32, 24), (110, 95, 80)).save(tmp_path / f"a{suffix}", icc_profile=profile)
    file = read_photo(tmp_path / f"a{suffix}")
    assert bool([note for note in file.notes if "HDR" in note]) == is_hdr
    as_stated = read_photo(save_png(tmp_path / "b.png", [cicp(12, transfer)], color=(110, 95, 80))).photo
    assert np.abs(np.subtract(file.photo.to_srgb().getpixel((8, 8)), as_stated.to_srgb().getpixel((8, 8)))).max() <= 2


def test_metadata_of_jpeg_2000_stay_and_its_other_boxes_are_said(tmp_path):
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:d="http://purl.org/dc/elements/1.1/" d:format="image/jp2"/>'
    xmp = box(b"uuid", bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + packet)
    exif = Image.Exif()
    exif[0x013B] = "An artist"
    content = stated_colors.jp2(IMAGE, b"\1\0\0\0\0\0\x10") + xmp
    content += box(b"uuid", b"JpgTiffExif->JP2" + exif.tobytes()) + box(b"xml ", b"<a/>")
    (tmp_path / "a.jp2").write_bytes(content)
    file = read_photo(tmp_path / "a.jp2")
    assert b"image/jp2" in file.metadata.xmp
    assert b"An artist" in file.metadata.exif
    assert file.notes == ("its further parts are left out: xml ", "its result is a PNG unless another format is named")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_a_profile_made_of_tables_is_what_littlecms_makes_of_it(tmp_path, suffix):
    color = (20, 60, 230)
    Image.new("RGB", (24, 16), color).save(tmp_path / f"a{suffix}", icc_profile=profiles.TABLE, quality=100)
    file = read_photo(tmp_path / f"a{suffix}")
    assert any("made of tables" in note for note in file.notes)
    assert not file.photo.icc_profile
    source, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profiles.TABLE)), ImageCms.createProfile("sRGB")
    right = ImageCms.profileToProfile(Image.new("RGB", (1, 1), color), source, srgb).getpixel((0, 0))
    assert np.abs(file.photo.rows()[8, 12].astype(int) - right).max() <= 3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_photo_with_tables_keeps_its_alpha(dtype):
    top = np.iinfo(dtype).max
    values = np.full((4, 6, 4), (0, top // 4, top, top // 2), dtype)
    photo = Photo.from_array(values, ColorProfile(profiles.TABLE)).in_srgb()
    assert photo.shape == (4, 6, 3)
    assert photo.stored.getpixel((3, 2))[3] == 127


def test_an_image_of_pillow_with_tables_comes_back_in_srgb(relighter):
    image = Image.new("RGB", (24, 16), (20, 60, 230))
    image.info["icc_profile"] = profiles.TABLE
    relit = relighter(image, Controls(strength=0))
    assert "icc_profile" not in relit.info
    assert relit.getpixel((3, 2)) == Photo.from_pil(image).to_srgb().getpixel((3, 2)) != (20, 60, 230)
