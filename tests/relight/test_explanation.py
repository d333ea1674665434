"""What is said about a photo: from the camera's record if there is one, otherwise from the fall-off of light."""

import math

import numpy as np
import pytest
from PIL import Image

from f2a.images import to_image
from f2a.photo import read_photo
from f2a.photo.metadata.exif import flash_fired
from f2a.relight.explanation import Explanation, flash_strength

EVEN = np.full((6, 9, 3), math.log(2), np.float32)


def with_flash_tag(value):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9209] = value
    return exif


@pytest.mark.parametrize(("tag", "fired"), [(0, False), (1, True), (0x19, True), (0x10, False), (0x20, False)])
def test_the_camera_says_whether_its_flash_fired(relighter, tmp_path, photo, tag, fired):
    photo.save(tmp_path / "a.jpg", exif=with_flash_tag(tag).tobytes())
    file = read_photo(tmp_path / "a.jpg")
    of_file = relighter.prepare(file.photo).explain(file.metadata.flash_fired())
    for explanation in (relighter.explain(Image.open(tmp_path / "a.jpg")), of_file):
        assert explanation.flash_fired is fired
        assert bool(explanation.note) is not fired


def test_without_its_word_the_fall_off_decides(relighter):
    """A picture that is brightest in the middle, and its negative."""
    down, across = np.meshgrid(np.linspace(-1, 1, 30), np.linspace(-1, 1, 40), indexing="ij")
    middle = (230 - 90 * (down**2 + across**2)).astype(np.uint8)
    lit, unlit = (Image.fromarray(values).convert("RGB") for values in (middle, 255 - middle))
    assert relighter.explain(lit).flash_strength > 0.9
    assert relighter.explain(lit).note == ""
    assert relighter.explain(unlit).flash_strength < 0.1
    assert "without flash" in relighter.explain(unlit).note
    assert relighter.explain(Image.new("RGB", (20, 10), (90, 90, 90))).flash_strength == pytest.approx(0.41, abs=0.01)


def test_broken_exif_says_nothing():
    exif = Image.Exif()
    exif[0x8769] = "no directory"
    assert flash_fired(exif) is None
    assert flash_fired(with_flash_tag("yes")) is None


def test_the_gain_is_what_the_network_found(relighter, photo):
    explanation = relighter.explain(photo)
    assert explanation.log_gain.shape == (5, 7, 3)
    assert np.abs(explanation.log_gain).mean() == pytest.approx(0.5, abs=1e-3)


def test_the_picture_is_red_where_light_is_added_and_blue_where_it_is_taken():
    both = EVEN.copy()
    both[:, :4] *= -1
    picture = Explanation(both, 0.5, None).picture(90)
    assert picture.size == (90, 60 + 40)
    assert picture.getpixel((80, 30)) == (240, 183, 177)  # a third of the way from white to red: one stop of three
    assert picture.getpixel((5, 30)) == (177, 190, 237)
    assert picture.getpixel((0, 70)) == (20, 60, 200)  # the legend's ends
    assert picture.getpixel((89, 70)) == (210, 40, 20)


@pytest.mark.slow
def test_real_pairs_are_told_apart_as_often_as_stated(shared):
    right = []
    for path in sorted(shared("pairs").glob("train/*_*.*")):
        taken_with_flash = path.stem.endswith("_flash")
        if taken_with_flash or path.stem.endswith("_ambient"):
            photo = Image.open(path)
            photo.draft("RGB", (256, 192))  # is read at a half, a quarter or an eighth of its size
            photo.thumbnail((256, 256))
            right.append((flash_strength(to_image(photo.convert("RGB"))) >= 0.5) == taken_with_flash)
    assert np.mean(right) == pytest.approx(0.68, abs=0.02)
