"""Which pixels count as burnt and as black."""

import numpy as np
import pytest

from f2a.page import text
from f2a.page.clipping import BLACK_COLOR, BURNT_COLOR, Clipping, mark_clipping, measure_clipping
from f2a.photo import Photo
from f2a.photo.icc import ColorProfile
from tests.support.profiles import ADOBE_RGB

PIXELS = {
    (0, 0, 0): "black",
    (5, 5, 5): "black",
    (5, 6, 5): "",
    (0, 0, 90): "",  # two channels are black, but the colour is not
    (249, 249, 249): "",
    (250, 0, 0): "burnt",
    (9, 9, 255): "burnt",
    (255, 255, 255): "burnt",
}


def photo_of(colors, dtype=np.uint8, profile=None):
    values = np.array(colors, dtype) * (257 if dtype == np.uint16 else 1)
    return Photo.from_array(values[None], ColorProfile(profile))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_pixel_is_judged_by_its_brightest_channel(dtype):
    photo = photo_of([*PIXELS], dtype)
    assert measure_clipping(photo) == Clipping(burnt=3 / 8, black=2 / 8)
    marked = {"burnt": BURNT_COLOR, "black": BLACK_COLOR}
    assert [*map(tuple, np.asarray(mark_clipping(photo))[0])] == [
        marked.get(word, color) for color, word in PIXELS.items()
    ]
    assert [*map(tuple, photo.rows()[0] // (257 if dtype == np.uint16 else 1))] == [*PIXELS]  # is unchanged


def test_a_grey_photo_is_judged_and_marked_in_colour():
    photo = photo_of([[0], [90], [90], [255]])
    assert measure_clipping(photo) == Clipping(0.25, 0.25)
    assert [*map(tuple, np.asarray(mark_clipping(photo))[0])] == [BLACK_COLOR, (90,) * 3, (90,) * 3, BURNT_COLOR]


def test_a_colour_that_only_srgb_would_clip_is_not_burnt():
    """An Adobe RGB red of 240 is outside sRGB."""
    photo = photo_of([(240, 20, 20)], profile=ADOBE_RGB)
    assert np.asarray(photo.to_srgb()).max() == 255
    assert measure_clipping(photo) == Clipping(0, 0)


@pytest.mark.parametrize(("share", "words"), [(0, "0.0 %"), (0.0004, "&lt;0.1 %"), (0.0312, "3.1 %"), (1, "100.0 %")])
def test_the_line_tells_both_pictures(share, words):
    line = text.clipping((Clipping(share, 0.25), Clipping(0.5, share)))
    assert f"burnt 50.0 % (flash {words})" in line
    assert f"black {words} (flash 25.0 %)" in line
    assert f"rgb{BURNT_COLOR}" in line
