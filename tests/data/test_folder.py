"""Pairs from folders, their cache, and the order in which they are drawn."""

import numpy as np
import pytest
from PIL import Image

from f2a.data.cache import DataError
from f2a.data.folder import find_pairs, parse_share, read_pairs, split_folder
from f2a.data.sampling import MixtureSampler, WeightedSource
from tests.support.pairs import numbered_pairs, write_pairs


def read(folder, tmp_path, **choices):
    messages = []
    return read_pairs(folder, tmp_path / "cache", messages.append, **choices), messages


def test_pairs_are_found_at_any_depth_and_by_pattern(tmp_path):
    write_pairs(tmp_path / "pairs", 1)
    write_pairs(tmp_path / "pairs" / "deep" / "er", 2)
    assert [pair.name for pair in find_pairs(tmp_path / "pairs").files] == ["deep/er/p0", "deep/er/p1", "p0"]
    for name in ("_flash.png", "._p0_flash.png", "@eaDir/p9_flash.png", ".trash/p8_ambient.png"):  # belongs to no pair
        (tmp_path / "pairs" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "pairs" / name).write_bytes(b"")
    assert find_pairs(tmp_path / "pairs").skipped == []
    assert [pair.name for pair in find_pairs(f"{tmp_path}/pairs/*1").files] == ["deep/er/p1"]


def test_pixels_come_back_as_they_were(tmp_path):
    folder = write_pairs(tmp_path / "pairs", 1, size=(7, 5))
    (pair,), messages = read(folder, tmp_path)
    assert pair.flash.shape == (5, 7, 3)
    assert np.array_equal(pair.ambient, np.asarray(Image.open(folder / "p0_ambient.png")))
    assert pair.file.endswith("p0_flash.png")
    assert messages == [f"{folder}: 1 pair"]


def missing(folder):
    (folder / "p1_ambient.png").unlink()
    return "p1_flash.png: its partner p1_ambient.* is missing"


def broken(folder):
    (folder / "p1_ambient.png").write_bytes((folder / "p1_ambient.png").read_bytes()[:100])
    return "p1_ambient.png: is damaged or cut short"


def of_two_sizes(folder):
    Image.new("RGB", (9, 9)).save(folder / "p1_ambient.png")
    return "p1_flash.png: flash and ambient differ in size (96x80 and 9x9)"


@pytest.mark.parametrize("spoil", [missing, broken, of_two_sizes])
def test_an_unusable_pair_is_named_and_counted_or_stops_a_strict_run(tmp_path, spoil):
    folder = write_pairs(tmp_path / "pairs", 3)
    sentence = spoil(folder)
    pairs, messages = read(folder, tmp_path)
    assert [pair.file[-12:] for pair in pairs] == ["p0_flash.png", "p2_flash.png"]
    assert sentence in messages[0]
    assert messages[1].endswith("2 pairs, 1 left out")
    with pytest.raises(DataError) as error:
        read(folder, tmp_path, strict=True)
    assert sentence in str(error.value)
    assert "--strict_data" in str(error.value)


def test_a_folder_without_a_usable_pair_says_so(tmp_path):
    folder = write_pairs(tmp_path / "pairs", 2)
    for path in folder.glob("*_flash.png"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match=r"none of 2 pairs can be used; the first: .*p0_flash\.png"):
        read(folder, tmp_path)


def test_a_changed_photo_is_decoded_again(tmp_path):
    folder = write_pairs(tmp_path / "pairs", 1, size=(7, 5))
    read(folder, tmp_path)
    for half in ("flash", "ambient"):
        Image.new("RGB", (4, 3), (9, 9, 9)).save(folder / f"p0_{half}.png")
    (pair,), _ = read(folder, tmp_path)
    assert pair.flash.shape == (3, 4, 3)
    assert (pair.flash == 9).all()


def test_splits_are_found(tmp_path):
    (tmp_path / "test").mkdir()
    assert split_folder(tmp_path, ["val", "test"]) == tmp_path / "test"
    assert split_folder(tmp_path, ["train"]) is None


def test_a_share_is_a_number_above_0():
    assert parse_share("pairs/x=0.25") == ("pairs/x", 0.25)
    assert parse_share("pairs/x") == ("pairs/x", 1.0)
    for text in ("x=0", "x=-1", "x=nan", "x=much"):
        with pytest.raises(DataError, match="must be a number above 0"):
            parse_share(text)


def test_an_epoch_has_every_pair_once_and_the_next_another_order():
    draws = MixtureSampler([WeightedSource(numbered_pairs(7), 1.0)], seed=3)
    first, second = ([draws[7 * epoch + place].file for place in range(7)] for epoch in (0, 1))
    assert sorted(first) == sorted(second) == [f"0/{n}" for n in range(7)]
    assert first != second


def test_sources_get_their_shares():
    draws = MixtureSampler(
        [WeightedSource(numbered_pairs(3, 0), 3.0), WeightedSource(numbered_pairs(5, 1), 1.0)], seed=0
    )
    drawn = [draws[number].file[0] for number in range(40)]
    assert (drawn.count("0"), drawn.count("1")) == (30, 10)
    with pytest.raises(DataError, match="below a twentieth"):
        MixtureSampler([WeightedSource(numbered_pairs(3), 1.0), WeightedSource(numbered_pairs(3), 0.001)], seed=0)
