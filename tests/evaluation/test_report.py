"""The report of an evaluation: complete without a network, worst scene first, safe with odd names."""

import re

import numpy as np
import pytest
from PIL import Image

from f2a.cli import main
from f2a.evaluation.report import THUMBNAIL_SIDE, decode_jpeg, error_map, select_scenes, thumbnail_jpeg
from f2a.evaluation.scores import Score
from f2a.evaluation.tables import gains
from f2a.images import picture_grid
from tests.support.pairs import write_pairs

pytest.importorskip("matplotlib", reason="the report needs matplotlib")


@pytest.fixture(scope="module")
def page(tmp_path_factory, weights):
    """The report of two pairs, one with an odd name; ours brightens by a log-gain of 0.5."""
    folder = write_pairs(tmp_path_factory.mktemp("pairs"), 2)
    for half in ("flash", "ambient"):
        (folder / f"p1_{half}.png").rename(folder / f"<b>&_{half}.png")
    arguments = ["--data", str(folder), "--weights", str(weights), "--out", str(folder / "out")]
    assert main(["evaluate", *arguments]) == 0
    return (folder / "out" / "report.html").read_text()


def test_the_page_needs_nothing_but_itself(page):
    sources = re.findall(r'(?:src|href)="([^"]{0,40})', page)
    assert len(sources) == 9 + 2 * 4  # a plot per metric; flash, ours, truth and error of two scenes
    assert all(source.startswith("data:image/") for source in sources)
    assert "@import" not in page
    assert "url(" not in page


def test_an_odd_name_is_text(page):
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;" in page


def test_the_worst_scene_comes_first_and_of_many_the_ends_are_shown():
    by_scene = {"a": 1.0, "b": -2.0, "c": 0.5}
    scores = [Score(scene, "flash", {"psnr": 10.0}) for scene in by_scene]
    scores += [Score(scene, "ours", {"psnr": 10.0 + gain}) for scene, gain in by_scene.items()]
    assert gains(scores, "ours") == by_scene
    assert select_scenes(by_scene) == ["b", "c", "a"]
    shown = select_scenes({f"s{number:03d}": float(number) for number in range(100)})
    assert shown == [f"s{number:03d}" for number in (*range(12), *range(88, 100))]


def test_error_is_white_where_right_red_where_too_bright_and_blue_where_too_dark():
    truth = Image.new("RGB", (3, 2), (100, 100, 100))
    picture = Image.fromarray(np.array([[[100] * 3, [250] * 3, [0] * 3]] * 2, np.uint8))
    right, bright, dark = np.asarray(error_map(picture, truth))[0]
    assert right.tolist() == [255, 255, 255]
    assert bright[0] > 170 > 60 > bright[2]
    assert dark[2] > 170 > dark[0]


def test_a_large_photo_is_made_small_and_the_grid_leaves_a_missing_one_grey():
    wide = decode_jpeg(thumbnail_jpeg(Image.new("RGB", (4000, 1000))))
    assert wide.size == (THUMBNAIL_SIDE, THUMBNAIL_SIDE // 4)
    red = decode_jpeg(thumbnail_jpeg(Image.new("RGB", (240, 180), (255, 0, 0))))
    grid = picture_grid(["flash", "ours"], [[red, None], [red, red]])
    assert grid.size == (480, 16 + 360)
    assert grid.getpixel((360, 16 + 90)) == (128, 128, 128)
    assert grid.getpixel((360, 16 + 270))[0] > 240
