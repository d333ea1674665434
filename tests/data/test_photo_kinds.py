"""Training and evaluation read every file as relighting does: formats, bit depths, colours, names of halves."""

import io
import math

import numpy as np
import pytest
import tifffile
from PIL import Image

from f2a.data.cache import EncodedPair, EncodedPhoto, decode_pair
from f2a.data.folder import find_pairs, read_pairs
from f2a.evaluation.scores import METRICS, score_scenes
from tests.support import profiles
from tests.support.pairs import write_pairs

SIZE = (12, 9)
SHAPE = (9, 12)
GREEN = (40, 160, 80)
TEN_OFF = 20 * math.log10(255 / 10)


def grey_of_16_bits(path):
    Image.fromarray(np.full(SHAPE, 100 * 257, np.uint16)).save(path.with_suffix(".png"))


def white_is_zero(path):
    tifffile.imwrite(path.with_suffix(".TIF"), np.full(SHAPE, 155, np.uint8), photometric="miniswhite")


def transparent(path):
    Image.new("RGBA", SIZE, (*GREEN, 7)).save(path.with_suffix(".webp"), lossless=True, exact=True)


def in_adobe_rgb(path):
    # linear sRGB 0.021, 0.352, 0.080: red is 0.715 * 0.021 + 0.285 * 0.352 there, to the power of 1 / 2.2
    Image.new("RGB", SIZE, (96, 159, 86)).save(path.with_suffix(".JPE"), "JPEG", icc_profile=profiles.ADOBE_RGB)


def heic(path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.new("RGB", SIZE, GREEN)).save(path.with_suffix(".HEIC"), quality=100)


GREYS, GREENS = (grey_of_16_bits, white_is_zero), (transparent, in_adobe_rgb, heic)


@pytest.mark.parametrize("write", [*GREYS, *GREENS])
def test_training_sees_the_colour_that_a_file_means(tmp_path, write):
    for half in ("flash", "AMBIENT"):
        write(tmp_path / f"a_{half}")
    messages = []
    (pair,) = read_pairs(tmp_path, tmp_path / "cache", messages.append, strict=True)
    expected = (100, 100, 100) if write in GREYS else GREEN
    for photo in (pair.flash, pair.ambient):
        assert photo.shape == (*SHAPE, 3)
        assert np.abs(photo.astype(int) - expected).max() <= 3
    assert messages == [f"{tmp_path}: 1 pair"]


@pytest.mark.parametrize(
    ("further", "sentence"),
    [
        ("p1_flash.jpg", "p1_flash.jpg: p1_flash.png is the flash photo of this pair, too; keep one of them"),
        ("p1_AMBIENT.NEF", "p1_AMBIENT.NEF: p1_ambient.png is the ambient photo of this pair, too"),
        ("p9_flash.psd", "p9_flash.psd: its partner p9_ambient.* is missing"),
        ("p2_ambient.exr", "p2_ambient.exr: its format is not read; save it as a JPEG, PNG or TIFF"),
    ],
)
def test_a_half_that_is_there_twice_alone_or_not_read_is_named(tmp_path, further, sentence):
    folder = write_pairs(tmp_path / "pairs", 3)
    (folder / further).write_bytes(b"")
    if further == "p2_ambient.exr":
        (folder / "p2_ambient.png").unlink()
    index = find_pairs(folder)
    assert [pair.name for pair in index.files] == [name for name in ("p0", "p1", "p2") if name not in further[:2]]
    assert len(index.skipped) == 1
    assert sentence in index.skipped[0]


@pytest.mark.parametrize("suffix", ["", ".tif", ".html", "."])
def test_bytes_are_read_whatever_their_name_was(suffix):
    content = io.BytesIO()
    tifffile.imwrite(content, np.full((*SHAPE, 3), GREEN, np.uint16) * 257, photometric="rgb")
    photo = EncodedPhoto("row 3", content.getvalue(), suffix)
    flash = decode_pair(EncodedPair(photo, photo)).flash
    assert (flash == GREEN).all()


@pytest.mark.parametrize(
    ("write", "truth", "low", "high"),
    [(in_adobe_rgb, GREEN, 40, math.inf), (grey_of_16_bits, (110,) * 3, TEN_OFF - 1e-4, TEN_OFF + 1e-4)],
)
def test_evaluation_compares_colours_and_not_numbers(tmp_path, write, truth, low, high):
    write(tmp_path / "a_flash")
    Image.new("RGB", SIZE, truth).save(tmp_path / "a_ambient.png")
    systems = {"flash": lambda scene: scene.flash}
    (score,) = score_scenes(find_pairs(tmp_path).files, systems, METRICS, print)
    assert low < score.values["psnr"] <= high
