"""Colour profiles: wide colours are not clipped, curves come back exactly, broken profiles are said and ignored."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from f2a.photo import Photo, read_photo, write_photo
from f2a.photo.icc import ColorProfile
from f2a.relight.controls import Controls
from tests.support import profiles

RGB_PROFILES = {"P3": profiles.DISPLAY_P3, "Adobe RGB": profiles.ADOBE_RGB, "ProPhoto": profiles.PROPHOTO}


def tagged(photo, icc_profile):
    photo.info["icc_profile"] = icc_profile
    return photo


def every_level(mode):
    """Every value of 0 to 255 in one row, in the first channel rising, in the others falling."""
    rising = np.arange(256, dtype=np.uint8)[None]
    return Image.fromarray(rising if mode == "L" else np.stack([rising, 255 - rising, rising // 2], -1))


def through_its_rows(image):
    """As it comes back when its rows have been set."""
    photo = Photo.from_pil(image)
    copy = photo.blank_copy()
    copy.set_rows(0, photo.rows())
    return copy.to_pil()


@pytest.mark.parametrize("name", RGB_PROFILES)
def test_every_level_survives_the_way_to_the_working_curve_and_back(name):
    photo = tagged(every_level("RGB"), RGB_PROFILES[name])
    back = through_its_rows(photo)
    assert back.tobytes() == photo.tobytes()
    assert back.info["icc_profile"] == RGB_PROFILES[name]


@pytest.mark.parametrize("icc_profile", [profiles.GREY_22, profiles.GREY_TABLE])
def test_every_level_of_grey_does_too(icc_profile):
    photo = tagged(every_level("L"), icc_profile)
    assert through_its_rows(photo).tobytes() == photo.tobytes()


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
    assert Photo.from_pil(grey).rows()[0, 0, 0] / 65535 == pytest.approx(1.055 * linear ** (1 / 2.4) - 0.055, abs=1e-3)


def test_srgb_and_display_p3_need_no_other_curve_and_stay_eight_bits():
    for icc_profile in (profiles.SRGB, profiles.DISPLAY_P3):
        assert Photo.from_pil(tagged(every_level("RGB"), icc_profile)).dtype == np.uint8
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
    assert relighter(red, NEARLY_NEUTRAL).getpixel((0, 0)) == (230, 20, 20)
    relit = relighter(red)
    assert relit.info["icc_profile"] == profiles.DISPLAY_P3
    assert 230 < relit.getpixel((0, 0))[0] < 250  # brighter, and not burnt


NEARLY_NEUTRAL = Controls(strength=0, exposure=1e-6)
"""Goes the whole way, with a gain of 1."""


@pytest.mark.parametrize("icc_profile", [profiles.SRGB, *RGB_PROFILES.values()])
def test_a_neutral_gain_changes_no_level_by_more_than_one(relighter, icc_profile):
    photo = tagged(every_level("RGB"), icc_profile)
    back = relighter(photo, NEARLY_NEUTRAL)
    assert np.abs(np.asarray(back).astype(int) - np.asarray(photo)).max() <= 1


@pytest.mark.parametrize(
    ("icc_profile", "mode", "said"),
    [
        (b"not a profile", "RGB", "damaged"),
        (profiles.DISPLAY_P3[:200], "RGB", "damaged"),
        (profiles.GREY_22, "RGB", "one for GRAY pixels"),
        (profiles.DISPLAY_P3, "L", "one for RGB pixels"),
        (profiles.CMYK, "RGB", "one for CMYK pixels"),
    ],
)
def test_a_profile_that_does_not_fit_is_said_and_ignored(tmp_path, photo, icc_profile, mode, said):
    photo.convert(mode).save(tmp_path / "a.png", icc_profile=icc_profile)
    file = read_photo(tmp_path / "a.png")
    assert [note for note in file.notes if said in note and "ignored" in note]
    write_photo(file.photo, tmp_path / "b.png", file)
    with Image.open(tmp_path / "b.png") as written:
        assert "icc_profile" not in written.info


def test_cmyk_goes_through_its_profile(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 0, 0)).save(tmp_path / "a.jpg", icc_profile=profiles.CMYK, quality=100)
    file = read_photo(tmp_path / "a.jpg")
    assert file.photo.to_pil().mode == "CMYK"
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
