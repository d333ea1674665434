"""How crops are cut, lit and distributed to processes and workers."""

from itertools import islice

import numpy as np
import pytest
import torch

from f2a.color import srgb_to_linear
from f2a.data.augment import Crops, ShardedBatchSampler, augment, batches
from f2a.data.cache import CachedPair
from f2a.data.sampling import MixtureSampler, WeightedSource
from tests.support.pairs import numbered_pairs, plain_crops


def test_two_processes_with_half_a_batch_take_the_draws_of_one_with_a_whole_one():
    whole = list(islice(ShardedBatchSampler(4).batches(8), 3))
    halves = [list(islice(ShardedBatchSampler(2, process, 2).batches(8), 3)) for process in (0, 1)]
    assert whole == [[8, 9, 10, 11], [12, 13, 14, 15], [16, 17, 18, 19]]
    assert [first + second for first, second in zip(*halves, strict=True)] == whole


def numbered_crops():
    return Crops(MixtureSampler([WeightedSource(numbered_pairs(5), 1.0)], seed=1), plain_crops(6))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_that_goes_on_sees_what_it_would_have_seen(workers):
    crops = numbered_crops()
    through = list(islice(batches(crops, ShardedBatchSampler(2), 0), 3))
    torch.manual_seed(99)
    again = next(batches(crops, ShardedBatchSampler(2), 4, workers))
    assert again.flash.equal(through[2].flash)
    assert again.files == through[2].files


def test_cutting_crops_takes_no_random_number_from_the_run():
    before = torch.get_rng_state()
    next(batches(numbered_crops(), ShardedBatchSampler(2), 0))
    assert torch.get_rng_state().equal(before)


def test_flash_and_ambient_are_cut_and_flipped_alike():
    ramp = np.broadcast_to(np.arange(120, dtype=np.uint8).reshape(8, 15, 1), (8, 15, 3))
    plain = plain_crops(6, flash_stops=0, ambient_in_flash=0, normalize_exposure=False)
    pair = CachedPair("x", ramp, ramp, 1.0)
    crops = [augment(pair, plain, 0, draw) for draw in range(8)]
    assert all(torch.allclose(crop.flash, crop.ambient) for crop in crops)
    rising = [bool(crop.flash[0, 0, 0] < crop.flash[0, 0, -1]) for crop in crops]
    assert set(rising) == {True, False}


def test_light_is_jittered_within_its_range_and_the_target_brought_to_the_standard():
    grey = np.full((8, 12, 3), 64, np.uint8)
    pair = CachedPair("x", grey, grey, 2.0)
    crop = augment(pair, plain_crops(6, flash_stops=0, ambient_in_flash=0), 0, 0)
    linear = ((64 / 255 + 0.055) / 1.055) ** 2.4
    assert crop.flash.mean().item() == pytest.approx(64 / 255, abs=1e-5)
    assert crop.ambient.mean().item() == pytest.approx(1.055 * (2 * linear) ** (1 / 2.4) - 0.055, abs=1e-5)


@pytest.mark.parametrize("exposure", [0.6, "keep"])
def test_every_target_crop_has_the_wanted_exposure_or_that_of_its_flash_crop_but_at_least_the_minimum(exposure):
    ramp = np.linspace(20, 120, 60, dtype=np.uint8)[None, :, None].repeat(40, 0).repeat(3, 2)
    config = plain_crops(32, crop=[0.3, 0.5], flash_stops=2, exposure=exposure, min_exposure=0.3)
    crops = [augment(CachedPair("p", ramp, ramp[:, ::-1], 1.0), config, 0, draw) for draw in range(6)]
    means, targets = ([float(image.mean()) for image in images] for images in zip(*(c[:2] for c in crops), strict=True))
    expected = [max(mean, 0.3) for mean in means] if exposure == "keep" else [0.6] * 6
    assert targets == pytest.approx(expected, abs=5e-3)
    assert min(means) < 0.3 < max(means)


def test_new_surfaces_are_the_same_in_both_photos():
    grey, brighter = (np.full((40, 60, 3), value, np.uint8) for value in (90, 180))
    config = plain_crops(32, flash_stops=0, ambient_in_flash=0, reflectance=1, normalize_exposure=False)
    flash, ambient, _ = augment(CachedPair("p", grey, brighter, 1.0), config, 0, 0)
    between = srgb_to_linear(ambient) / srgb_to_linear(flash)
    unclipped = (ambient < 0.999) & (flash > 0.01)
    assert flash.std() > 0.02  # surfaces there are
    assert unclipped.float().mean() > 0.5
    assert float(between[unclipped].std() / between[unclipped].mean()) < 1e-3
