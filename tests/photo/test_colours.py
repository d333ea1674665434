"""Colour profiles: wide colours are not clipped, curves are kept exactly, damaged profiles are noted and ignored."""

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image, ImageCms

from f2a.photo import Photo, read_photo, write_photo
from f2a.photo.icc import ColorProfile, _curve
from f2a.relight.controls import Controls
from tests.support import profiles

RGB_PROFILES = {"P3": profiles.DISPLAY_P3, "Adobe RGB": profiles.ADOBE_RGB, "ProPhoto": profiles.PROPHOTO}


def tagged(photo, icc_profile):
    photo.info["icc_profile"] = icc_profile
    return photo


def every_level(mode):
    """One row with every value from 0 to 255, rising in the first channel, falling in the others."""
    rising = np.arange(256, dtype=np.uint8)[None]
    return Image.fromarray(rising if mode == "L" else np.stack([rising, 255 - rising, rising // 2], -1))


@pytest.mark.parametrize("name", ["Adobe RGB", "ProPhoto"])
def test_every_level_of_srgbs_curve_survives_the_way_to_another_and_back(name):
    profile = ColorProfile(RGB_PROFILES[name])
    levels = np.arange(256, dtype=np.uint8)
    own = profile.from_srgb_curve(levels[None, :, None], np.dtype(np.uint16))[0, :, 0]
    assert profile.srgb_codes(65536)[0][own].tolist() == levels.tolist()


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_grey_in_a_format_without_grey_is_srgb_and_has_no_grey_profile(tmp_path, suffix):
    Image.new("L", (16, 16), 128).save(tmp_path / "a.png", icc_profile=profiles.GREY_TABLE)
    file = read_photo(tmp_path / "a.png")
    write_photo(file.photo, tmp_path / f"b{suffix}", file)
    with Image.open(tmp_path / f"b{suffix}") as written:
        assert "icc_profile" not in written.info
        linear = (128 / 255) ** 1.75
        expected = (1.055 * linear ** (1 / 2.4) - 0.055) * 255
        assert written.convert("L").getpixel((8, 8)) == pytest.approx(expected, abs=2)


def test_a_curve_is_what_its_profile_says():
    grey = tagged(Image.new("L", (1, 1), 128), profiles.GREY_22)
    linear = (128 / 255) ** 2.2
    shown = Photo.from_pil(grey).to_rgb8().getpixel((0, 0))
    assert shown == (pytest.approx(255 * (1.055 * linear ** (1 / 2.4) - 0.055), abs=0.5),) * 3
    assert Photo.from_pil(grey).colors.light(256)[0, 128] == pytest.approx(linear, abs=1e-3)


def test_srgb_and_display_p3_need_no_other_curve():
    assert ColorProfile(profiles.DISPLAY_P3).has_srgb_curve
    assert not ColorProfile(profiles.ADOBE_RGB).has_srgb_curve
    made_by_littlecms = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert ColorProfile(made_by_littlecms).has_srgb_curve


@pytest.mark.parametrize("name", RGB_PROFILES)
def test_the_network_sees_what_littlecms_sees(name, photo):
    wide = tagged(photo.resize((64, 48)), RGB_PROFILES[name])
    seen = Photo.from_pil(wide).to_srgb()
    source = ImageCms.ImageCmsProfile(io.BytesIO(RGB_PROFILES[name]))
    expected = ImageCms.profileToProfile(wide, source, ImageCms.createProfile("sRGB"))
    difference = np.abs(np.asarray(seen).astype(int) - np.asarray(expected))
    assert np.percentile(difference, 98) <= 2  # at the edge of sRGB one level of ProPhoto is many of sRGB


def test_a_p3_red_stays_itself_where_srgb_would_clip_it(relighter):
    red = tagged(Image.new("RGB", (40, 30), (230, 20, 20)), profiles.DISPLAY_P3)
    assert Photo.from_pil(red).to_srgb().getpixel((0, 0)) == (251, 0, 0)  # green and blue are clipped
    assert relighter(red, Controls(strength=0)).getpixel((0, 0)) == (230, 20, 20)
    relit = relighter(red)
    assert relit.info["icc_profile"] == profiles.DISPLAY_P3
    assert 230 < relit.getpixel((0, 0))[0] < 250  # brighter, and not burnt


SCANNER = profiles.rgb_profile("scanner", *profiles.SRGB_XY, (1.7, 2.0, 2.3))
"""A profile with a different curve for each channel."""


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("icc_profile", [profiles.SRGB, SCANNER, *RGB_PROFILES.values(), profiles.GREY_TABLE])
def test_a_gain_of_one_changes_no_level(relighter, icc_profile, mode):
    photo = tagged(every_level(mode), icc_profile)
    back = relighter(photo, Controls(strength=0))
    assert back.tobytes() == photo.tobytes()


def test_each_channel_is_relit_by_its_own_curve(relighter):
    photo = tagged(Image.new("RGB", (40, 30), (128, 128, 128)), SCANNER)
    levels = np.array(relighter(photo, Controls(strength=0, exposure=1)).getpixel((3, 3)))
    assert levels == pytest.approx(
        128 * 2 ** (1 / np.array([1.7, 2.0, 2.3])), abs=1.5
    )  # under the highlights' roll-off


def with_red(*xyz):
    """A profile with this colorant, in units of 1 / 65536, which LittleCMS accepts whatever it is."""
    at = int.from_bytes(profiles.ADOBE_RGB.partition(b"rXYZ")[2][:4], "big") + 8
    return profiles.ADOBE_RGB[:at] + struct.pack(">3i", *xyz) + profiles.ADOBE_RGB[at + 12 :]


@pytest.mark.parametrize(
    ("icc_profile", "mode", "said"),
    [
        (with_red(0, 0, 0), "RGB", "impossible"),
        (with_red(9, -9, 0), "RGB", "impossible"),
        (with_red(13453, 41005, 3989), "RGB", "impossible"),  # almost its green
        (b"not a profile", "RGB", "damaged"),
        (profiles.DISPLAY_P3[:200], "RGB", "damaged"),
        (profiles.DISPLAY_P3[:16] + b"\xd6GB " + profiles.DISPLAY_P3[20:], "RGB", "damaged"),
        (profiles.GREY_22, "RGB", "one for GRAY pixels"),
        (profiles.DISPLAY_P3, "L", "one for RGB pixels"),
        (profiles.CMYK, "RGB", "one for CMYK pixels"),
    ],
)
def test_a_profile_that_does_not_fit_is_said_and_ignored(tmp_path, photo, icc_profile, mode, said, recwarn):
    photo.convert(mode).save(tmp_path / "a.png", icc_profile=icc_profile)
    file = read_photo(tmp_path / "a.png")
    assert not [warning for warning in recwarn if warning.category is RuntimeWarning]
    assert [note for note in file.notes if said in note and "ignored" in note]
    write_photo(file.photo, tmp_path / "b.png", file)
    with Image.open(tmp_path / "b.png") as written:
        assert "icc_profile" not in written.info


def test_cmyk_goes_through_its_profile(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 0, 0)).save(tmp_path / "a.jpg", icc_profile=profiles.CMYK, quality=100)
    file = read_photo(tmp_path / "a.jpg")
    red, green, blue = file.photo.rows()[4, 4]
    assert red == pytest.approx(48, abs=3)  # L 20, where the plain formula gives a pure magenta
    assert max(red, green, blue) - min(red, green, blue) <= 2
    assert any("CMYK" in note for note in file.notes)
    relit = file.photo.blank_copy()
    relit.set_rows(0, file.photo.rows())
    write_photo(relit, tmp_path / "b.jpg", file)
    with Image.open(tmp_path / "b.jpg") as written:
        assert written.mode == "RGB"
        assert "icc_profile" not in written.info


def test_a_preview_is_bounded_and_in_srgb():
    wide = tagged(Image.new("RGB", (400, 300), (0, 200, 0)), profiles.ADOBE_RGB)
    shown = Photo.from_pil(wide).fit_within(100).to_srgb()
    assert shown.size == (100, 75)
    assert shown.getpixel((50, 50))[0] == 0
    assert ColorProfile(shown.info["icc_profile"]).to_srgb(shown) is shown
    assert Photo.from_pil(wide).fit_within(1000).size == (400, 300)


def test_a_curve_that_overflows_ends_at_white_and_prints_nothing():
    """NumPy's warning would appear among the command line's sentences."""
    gamma_and_slope = struct.pack(">2i", 30_000 << 16, 30_000 << 16)
    curve = _curve(b"para" + bytes(4) + struct.pack(">HH", 1, 0) + gamma_and_slope + bytes(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert curve(np.array([0.0, 0.5, 1.0])).tolist() == [0, 1, 1]
