"""The gain on the full photo: exact at the small size, sharp at edges, the same however it is cut into strips."""

import math

import numpy as np
import pytest
import torch

from f2a import gain as gain_module
from f2a.gain import GuidedGain, luma
from f2a.light import apply_log_gain


def image_of(values):
    return torch.from_numpy(values).permute(2, 0, 1)[None].float() / 255


@pytest.fixture
def flash():
    """20 wide, 14 high, uint8: any picture with edges in it."""
    return (np.random.default_rng(1).integers(0, 8, (14, 20, 3)) * 30).astype(np.uint8)


def test_a_gain_that_follows_the_photo_is_applied_as_it_is(flash):
    """What the filter can express, ``slope * luma + offset``, comes through it unchanged but for its epsilon."""
    image = image_of(flash)
    log_gain = 0.5 - 0.4 * luma(image, dim=1).expand_as(image)
    relit = GuidedGain.fit(image, log_gain).apply(flash, 1.0)
    expected = apply_log_gain(image, log_gain).clamp(0, 1) * 255
    assert np.abs(relit - expected[0].permute(1, 2, 0).numpy()).max() <= 3


def test_strength_interpolates_the_log_gain_and_fades_the_floor_in():
    flash = np.full((9, 11, 3), 128, np.uint8)
    fitted = GuidedGain.fit(image_of(flash), torch.full((1, 3, 9, 11), math.log(2)))
    linear = ((128 / 255 + 0.055) / 1.055) ** 2.4
    for strength in (0.25, 0.5, 1.0):
        light = (linear + 0.01) * 2**strength - (1 - strength) * 0.01
        expected = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
        assert fitted.apply(flash, strength) == pytest.approx(np.full_like(flash, round(expected)))


def test_a_gain_that_steps_with_the_photo_steps_at_full_size_too():
    """A dark and a bright half, the dark one lit by one stop: at 16 times the size no pixel is 12 levels off."""
    small = np.full((12, 16, 3), 60, np.uint8)
    small[:, 8:] = 200
    log_gain = torch.zeros(1, 3, 12, 16)
    log_gain[..., :8] = math.log(2)
    full = np.full((192, 256, 3), 60, np.uint8)
    full[:, 128:] = 200
    relit = GuidedGain.fit(image_of(small), log_gain).apply(full, 1.0)[96, :, 0].astype(int)
    dark, bright = relit[0], relit[-1]
    wrong = int((np.minimum(abs(relit - dark), abs(relit - bright)) > 12).sum())
    assert abs(int(dark) - 93) <= 3  # 2 * (linear(60) + 0.01)
    assert abs(int(bright) - 202) <= 3
    assert wrong == 0, f"{wrong} pixels of halo"


def test_strips_leave_no_seam(flash, monkeypatch):
    torch.manual_seed(0)
    full = np.tile(flash, (5, 4, 1))
    fitted = GuidedGain.fit(image_of(flash), torch.randn(1, 3, 14, 20) * 0.3)
    whole = fitted.apply(full, 0.7)
    monkeypatch.setattr(gain_module, "STRIP_PIXELS", 3 * full.shape[1])
    assert np.abs(whole.astype(int) - fitted.apply(full, 0.7)).max() <= 1


def test_sixteen_bits_and_eight_bits_agree(flash):
    fitted = GuidedGain.fit(image_of(flash), torch.full((1, 3, 14, 20), 0.2))
    deep = fitted.apply(flash.astype(np.uint16) * 257, 1.0)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - fitted.apply(flash, 1.0)).max() <= 0.51


def test_grey_gets_the_mean_gain_of_the_three_channels():
    grey = np.full((8, 9, 1), 100, np.uint8)
    image = image_of(np.repeat(grey, 3, -1))
    log_gain = torch.tensor([0.0, 0.3, 0.6]).reshape(1, 3, 1, 1).expand(1, 3, 8, 9)
    even = GuidedGain.fit(image, torch.full((1, 3, 8, 9), 0.3))
    assert np.array_equal(GuidedGain.fit(image, log_gain).apply(grey, 1.0), even.apply(grey, 1.0))
