"""Pairs from folders, their cache, the order in which they are drawn, and how crops are cut."""

from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image

from f2a.color import srgb_to_linear
from f2a.data.augment import Augmentation, Crops, ShardedBatchSampler, augment, batches
from f2a.data.folder import (
    CachedPair,
    DataError,
    MixtureSampler,
    WeightedSource,
    find_pairs,
    parse_share,
    read_pairs,
    split_folder,
)
from tests.support.pairs import write_pairs


def read(folder, tmp_path, **choices):
    said = []
    return read_pairs(folder, tmp_path / "cache", said.append, **choices), said


def test_pairs_are_found_at_any_depth_and_by_pattern(tmp_path):
    write_pairs(tmp_path / "pairs", 1)
    write_pairs(tmp_path / "pairs" / "deep" / "er", 2)
    assert [pair.name for pair in find_pairs(tmp_path / "pairs").files] == ["deep/er/p0", "deep/er/p1", "p0"]
    for companion in ("pairs/._p0_flash.png", "pairs/@eaDir/p9_flash.png", "pairs/.trash/p8_ambient.png"):
        (tmp_path / companion).parent.mkdir(exist_ok=True)
        (tmp_path / companion).write_bytes(b"")
    assert find_pairs(tmp_path / "pairs").skipped == []
    assert [pair.name for pair in find_pairs(f"{tmp_path}/pairs/*1").files] == ["deep/er/p1"]


def test_pixels_come_back_as_they_were(tmp_path):
    folder = write_pairs(tmp_path / "pairs", 1, size=(7, 5))
    (pair,), said = read(folder, tmp_path)
    assert pair.flash.shape == (5, 7, 3)
    assert np.array_equal(pair.ambient, np.asarray(Image.open(folder / "p0_ambient.png")))
    assert pair.file.endswith("p0_flash.png")
    assert said == [f"{folder}: 1 pairs"]


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
    pairs, said = read(folder, tmp_path)
    assert [pair.file[-12:] for pair in pairs] == ["p0_flash.png", "p2_flash.png"]
    assert sentence in said[0]
    assert said[1].endswith("2 pairs, 1 left out")
    with pytest.raises(DataError) as error:
        read(folder, tmp_path, strict=True)
    assert sentence in str(error.value)
    assert "--strict_data" in str(error.value)


def test_a_folder_without_a_usable_pair_says_so(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        read(tmp_path / "nowhere" / "pairs", tmp_path)
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


def numbered(count, origin=0):
    """Pairs of one grey value each, which is their number."""
    return [
        CachedPair(f"{origin}/{n}", np.full((8, 12, 3), n, np.uint8), np.full((8, 12, 3), n, np.uint8), 1.0)
        for n in range(count)
    ]


def test_an_epoch_has_every_pair_once_and_the_next_another_order():
    draws = MixtureSampler([WeightedSource(numbered(7), 1.0)], seed=3)
    first, second = ([draws[7 * epoch + place].file for place in range(7)] for epoch in (0, 1))
    assert sorted(first) == sorted(second) == [f"0/{n}" for n in range(7)]
    assert first != second


def test_sources_get_their_shares():
    draws = MixtureSampler([WeightedSource(numbered(3, 0), 3.0), WeightedSource(numbered(5, 1), 1.0)], seed=0)
    drawn = [draws[number].file[0] for number in range(40)]
    assert (drawn.count("0"), drawn.count("1")) == (30, 10)
    with pytest.raises(DataError, match="below a twentieth"):
        MixtureSampler([WeightedSource(numbered(3), 1.0), WeightedSource(numbered(3), 0.001)], seed=0)


def test_two_processes_with_half_a_batch_take_the_draws_of_one_with_a_whole_one():
    whole = list(islice(ShardedBatchSampler(4).batches(8), 3))
    halves = [list(islice(ShardedBatchSampler(2, process, 2).batches(8), 3)) for process in (0, 1)]
    assert whole == [[8, 9, 10, 11], [12, 13, 14, 15], [16, 17, 18, 19]]
    assert [first + second for first, second in zip(*halves, strict=True)] == whole


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_that_goes_on_sees_what_it_would_have_seen(workers):
    crops = Crops(MixtureSampler([WeightedSource(numbered(5), 1.0)], seed=1), Augmentation(resolution=6))
    through = list(islice(batches(crops, ShardedBatchSampler(2), 0), 3))
    torch.manual_seed(99)
    again = next(batches(crops, ShardedBatchSampler(2), 4, workers))
    assert again.flash.equal(through[2].flash)
    assert again.files == through[2].files


def test_cutting_crops_takes_no_random_number_from_the_run():
    before = torch.get_rng_state()
    next(
        batches(
            Crops(MixtureSampler([WeightedSource(numbered(5), 1.0)], seed=1), Augmentation(resolution=6)),
            ShardedBatchSampler(2),
            0,
        )
    )
    assert torch.get_rng_state().equal(before)


def test_flash_and_ambient_are_cut_and_flipped_alike():
    ramp = np.broadcast_to(np.arange(120, dtype=np.uint8).reshape(8, 15, 1), (8, 15, 3))
    plain = Augmentation(6, flash_stops=0, ambient_in_flash=0, normalize_exposure=False)
    pair = CachedPair("x", ramp, ramp, 1.0)
    crops = [augment(pair, plain, 0, draw) for draw in range(8)]
    assert all(torch.allclose(crop.flash, crop.ambient) for crop in crops)
    rising = [bool(crop.flash[0, 0, 0] < crop.flash[0, 0, -1]) for crop in crops]
    assert set(rising) == {True, False}


def test_light_is_jittered_within_its_range_and_the_target_brought_to_the_standard():
    grey = np.full((8, 12, 3), 64, np.uint8)
    pair = CachedPair("x", grey, grey, 2.0)
    crop = augment(pair, Augmentation(6, flash_stops=0, ambient_in_flash=0), 0, 0)
    linear = ((64 / 255 + 0.055) / 1.055) ** 2.4
    assert crop.flash.mean().item() == pytest.approx(64 / 255, abs=1e-5)
    assert crop.ambient.mean().item() == pytest.approx(1.055 * (2 * linear) ** (1 / 2.4) - 0.055, abs=1e-5)


def test_every_target_crop_has_the_wanted_exposure():
    ramp = np.linspace(20, 120, 60, dtype=np.uint8)[None, :, None].repeat(40, 0).repeat(3, 2)
    pair = CachedPair("p", ramp, ramp, 1.0)
    how = Augmentation(32, crop=(0.3, 0.5), exposure=0.6)
    means = [float(augment(pair, how, 0, draw).ambient.mean()) for draw in range(4)]
    assert means == pytest.approx([0.6] * 4, abs=5e-3)


def test_with_keep_a_target_is_as_bright_as_its_flash_crop_and_never_darker_than_the_minimum():
    ramp = np.linspace(20, 120, 60, dtype=np.uint8)[None, :, None].repeat(40, 0).repeat(3, 2)
    how = Augmentation(32, crop=(0.3, 0.5), flash_stops=2, exposure="keep", min_exposure=0.3)
    crops = [augment(CachedPair("p", ramp, ramp[:, ::-1], 1.0), how, 0, draw) for draw in range(6)]
    seen, targets = ([float(image.mean()) for image in images] for images in zip(*(c[:2] for c in crops), strict=True))
    assert targets == pytest.approx([max(mean, 0.3) for mean in seen], abs=5e-3)
    assert min(seen) < 0.3 < max(seen)


def test_new_surfaces_are_the_same_in_both_photos():
    grey, brighter = (np.full((40, 60, 3), value, np.uint8) for value in (90, 180))
    how = Augmentation(32, flash_stops=0, ambient_in_flash=0, reflectance=1, normalize_exposure=False)
    flash, ambient, _ = augment(CachedPair("p", grey, brighter, 1.0), how, 0, 0)
    between = srgb_to_linear(ambient) / srgb_to_linear(flash)
    unclipped = (ambient < 0.999) & (flash > 0.01)
    assert flash.std() > 0.02  # surfaces there are
    assert unclipped.float().mean() > 0.5
    assert float(between[unclipped].std() / between[unclipped].mean()) < 1e-3
