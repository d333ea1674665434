"""``f2a explain``: what changes where, in words and figures that can be checked by hand."""

import math

import numpy as np
import pytest
from PIL import Image

from f2a.photo import open_photo
from f2a.relight.explanation import Explanation
from tests.support.commands import run, sentence


def explanation(stops, fired=True, color=(0, 0, 0)):
    """Return the explanation of a gain: ``stops``, ``(h, w)``, plus ``color`` in stops."""
    gain = (np.asarray(stops, np.float32)[..., None] + np.asarray(color, np.float32)) * math.log(2)
    return Explanation(gain.astype(np.float32), 0.5, fired)


def test_words_and_table_of_a_gain_of_six_areas():
    """Two rows of pixels: the upper one lifted by 1, 2 and 3 stops, the lower one lowered by 1, 0 and 0."""
    lines = explanation([[1, 2, 3], [-1, 0, 0]]).lines
    assert lines[0] == "The camera recorded that the flash fired."
    assert lines[1].startswith(
        "50 % of the picture becomes brighter (at most +3.0 EV), 17 % darker (at most -1.0 EV); 33 %"
    )
    assert lines[2].startswith("The top right gains most (+3.0 EV), the bottom left least (-1.0 EV).")
    assert [line.split() for line in lines[4:7]] == [
        ["top", "+1.0", "+2.0", "+3.0"], ["middle", "+1.0", "+2.0", "+3.0"], ["bottom", "-1.0", "+0.0", "+0.0"]
    ]  # fmt: skip


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 1), (3, 3), (7, 5), (100, 31)])
def test_every_area_has_a_mean_and_together_they_are_the_whole(size):
    stops = np.random.default_rng(0).normal(size=size)
    table = np.array([[float(number) for number in line.split()[1:]] for line in explanation(stops).lines[4:7]])
    assert table.shape == (3, 3)
    assert np.isfinite(table).all()
    if size == (3, 3):
        assert table == pytest.approx(stops, abs=0.051)


@pytest.mark.parametrize(
    ("color", "word"), [((0.1, 0, -0.1), "warmer"), ((-0.1, 0, 0.1), "cooler"), ((0.1,) * 3, "as warm")]
)
def test_the_colour_of_the_light_has_a_word(color, word):
    assert f"The light is {word}" in explanation([[0]], color=color).lines[-1]


def test_the_command_prints_them_and_draws_the_picture_once(tmp_path, photo, weights):
    photo.save(tmp_path / "a.png")
    command = ("explain", tmp_path / "a.png", "--picture", tmp_path / "gain.png", "--weights", weights)
    printed = run("f2a", *command).out.splitlines()
    assert printed[0] == f"{tmp_path / 'a.png'}: 7 x 5 pixels."
    assert len(printed) == 9
    assert Image.open(tmp_path / "gain.png").size == (640, 497)
    before = (tmp_path / "gain.png").read_bytes()
    brighter = (*command, "--strength", "0", "--exposure", "1")
    assert "exists already" in sentence(*brighter, status=1)
    assert (tmp_path / "gain.png").read_bytes() == before
    status, printed, _ = run("f2a", *brighter, "--overwrite")
    assert status == 0
    assert "100 % of the picture becomes brighter (at most +1.0 EV)" in printed  # the controls are part of it
    assert (tmp_path / "gain.png").read_bytes() != before


@pytest.mark.parametrize("name", ["gain.jpg", "gain.tif", "gain.heic", "gain.avif"])
def test_the_picture_is_written_in_every_format_that_photos_are(tmp_path, photo, weights, name):
    pytest.importorskip("pillow_heif")
    photo.save(tmp_path / "a.jpg")
    command = ("explain", tmp_path / "a.jpg", "--picture", tmp_path / name, "--weights", weights)
    assert run("f2a", *command).status == 0
    assert open_photo(tmp_path / name).size == (640, 497)


@pytest.mark.parametrize(
    ("photo_name", "picture", "message"),
    [("none.jpg", None, "none.jpg: no such file"), ("a.txt", None, "is not a photo"),
     ("a.png", "no/gain.png", "gain.png: cannot be written"), ("a.png", "a.doc", "a.doc: cannot be written"),
     ("a.png", "a.png", "its picture would replace")],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(tmp_path, photo, weights, photo_name, picture, message):
    photo.save(tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("Dear diary")
    flags = ["--picture", tmp_path / picture] if picture else []
    before = (tmp_path / "a.png").read_bytes()
    assert message in sentence("explain", tmp_path / photo_name, *flags, "--overwrite", "--weights", weights, status=1)
    assert (tmp_path / "a.png").read_bytes() == before
