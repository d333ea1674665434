"""The gain on the full photo: exact at the small size, sharp at edges, the same however it is cut into strips."""

import math

import numpy as np
import pytest
import torch

from f2a.color import apply_log_gain, linear_to_srgb, srgb_to_linear
from f2a.photo import Photo
from f2a.relight import render
from f2a.relight.controls import Controls
from f2a.relight.gain import controlled, fit_gain
from f2a.relight.render import EncodedGain


def image_of(values):
    return torch.from_numpy(values).permute(2, 0, 1)[None].float() / np.iinfo(values.dtype).max


def values_of(image, full=255):
    return (image.clamp(0, 1)[0].permute(1, 2, 0) * full).numpy()


def encoded(image):
    """The guide: sRGB's power of the photo's light over the floor."""
    return 1.055 * (srgb_to_linear(image) + 0.01) ** (1 / 2.4)


def relit_by(gain, values, **options):
    return gain.apply(Photo.from_array(values), **options).rows()


@pytest.fixture
def flash():
    """20 wide, 14 high, uint8: any picture with edges in it."""
    return (np.random.default_rng(1).integers(0, 8, (14, 20, 3)) * 30).astype(np.uint8)


def test_a_gain_that_follows_the_photo_is_applied_as_it_is(flash):
    """What the filter can express comes through it unchanged but for its epsilon."""
    image = image_of(flash)
    log_gain = 2.4 * torch.log(1.3 - 0.3 * encoded(image))
    relit = relit_by(fit_gain(image, log_gain), flash)
    assert np.abs(relit - values_of(apply_log_gain(image, log_gain))).max() <= 3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("stops", [-6, -2.5, 0, 2, 5])
@pytest.mark.parametrize("floor", [0, 0.004, 0.01])
def test_every_value_is_relit_within_a_level_of_the_formula(dtype, stops, floor):
    """All values of the type in one odd-sized photo, from six stops down (the curve's straight part) to five up."""
    full = np.iinfo(dtype).max
    values = np.append(np.arange(full + 1), [0, full, 1, full - 1, 2]).astype(dtype).reshape(3, -1, 1)
    even = np.ones((5, 7, 1), np.float32)
    relit = relit_by(EncodedGain(0 * even, 2 ** (stops / 2.4) * even, floor), values)
    exact = linear_to_srgb((srgb_to_linear(torch.from_numpy(values / full)) + floor) * 2**stops).clamp(0, 1) * full
    assert relit.dtype == dtype
    assert np.abs(relit - exact.numpy()).max() <= 0.51 + full * 1e-6


def test_slope_and_offset_are_enlarged_bilinearly(flash):
    """Against PyTorch's own enlargement, at 7 and 5.6 times the size."""
    large = np.repeat(np.repeat(flash, 7, 0), 6, 1)[:, :112]
    random = np.random.default_rng(2)
    slope, offset = random.normal(0, 0.3, (14, 20, 3)), random.uniform(0.8, 1.2, (14, 20, 3))
    relit = relit_by(EncodedGain(slope.astype(np.float32), offset.astype(np.float32), 0.01), large)
    wide = [
        torch.nn.functional.interpolate(torch.from_numpy(part).permute(2, 0, 1)[None], size=large.shape[:2],
                                        mode="bilinear", align_corners=False)
        for part in (slope, offset)
    ]  # fmt: skip
    image = image_of(large)
    gain = wide[0] * encoded(image) + wide[1]
    expected = values_of(linear_to_srgb((srgb_to_linear(image) + 0.01) * gain.clamp(min=0) ** 2.4))
    assert np.abs(relit - expected).max() <= 1


def test_strength_interpolates_the_log_gain_and_fades_the_floor_in():
    flash = np.full((9, 11, 3), 128, np.uint8)
    image, log_gain = image_of(flash), torch.full((1, 3, 9, 11), math.log(2))
    linear = ((128 / 255 + 0.055) / 1.055) ** 2.4
    for strength in (0.25, 0.5, 1.0):
        light = (linear + strength * 0.01) * 2**strength
        expected = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
        wanted = controlled(image, log_gain, Controls(strength))
        relit = relit_by(fit_gain(image, wanted, strength), flash)
        assert relit == pytest.approx(np.full_like(flash, round(expected)))


def test_a_gain_that_steps_with_the_photo_steps_at_full_size_too():
    """A dark and a bright half, the dark one lit by one stop: at 16 times the size no pixel is 6 levels off."""
    small = np.full((60, 80, 3), 60, np.uint8)
    small[:, 40:] = 200
    log_gain = torch.zeros(1, 3, 60, 80)
    log_gain[..., :40] = math.log(2)
    full = np.repeat(np.repeat(small, 16, 0), 16, 1)
    relit = relit_by(fit_gain(image_of(small), log_gain), full)[480, :, 0].astype(int)
    wanted = np.where(full[480, :, 0] == 60, 93, 202)  # the light of 60 and 0.01, doubled; that of 200 and 0.01
    assert np.abs(relit - wanted).max() <= 6


def test_noise_grows_by_the_gain_and_no_further():
    """A dark, grainy wall at four times the network's size, lit by two stops less what its own light takes off."""
    random = np.random.default_rng(0)
    full = random.normal(20, 3, (240, 320, 1)).round().clip(0, 255).astype(np.uint8)
    small = full.reshape(60, 4, 80, 4, 1).mean((1, 3))
    image = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
    relit = relit_by(fit_gain(image, math.log(4) * (1 - image)), full)
    before, after = (float(srgb_to_linear(torch.from_numpy(v / 255)).std()) for v in (full, relit))
    assert after / before < 1.1 * 4 ** (1 - 20 / 255)


def test_a_smooth_sky_stays_smooth():
    """Every level once, in order: no step back, none of more than the gain's own two levels, no block of the map."""
    ramp = np.repeat(np.linspace(60, 120, 61), 40).round().astype(np.uint8)
    sky = np.repeat(np.repeat(ramp[None, :, None], 64, 0), 3, 2)
    small = image_of(np.ascontiguousarray(sky[::8, 4::8]))
    relit = relit_by(fit_gain(small, torch.full_like(small, math.log(2))), sky).astype(int)
    steps = np.diff(relit[:, :, 0], axis=1)
    assert steps.min() >= 0
    assert steps.max() <= 2
    assert np.abs(np.diff(relit, axis=0)).max() == 0


def test_strips_and_threads_leave_no_seam(flash, monkeypatch):
    torch.manual_seed(0)
    full = np.tile(flash, (5, 4, 1))
    fitted = fit_gain(image_of(flash), torch.randn(1, 3, 14, 20) * 0.3)
    whole = relit_by(fitted, full, threads=1)
    monkeypatch.setattr(render, "STRIP_VALUES", 3 * full.shape[1])
    assert np.array_equal(whole, relit_by(fitted, full, threads=3))


def test_sixteen_bits_and_eight_bits_agree(flash):
    fitted = fit_gain(image_of(flash), torch.full((1, 3, 14, 20), 0.2))
    deep = relit_by(fitted, flash.astype(np.uint16) * 257)
    assert deep.dtype == np.uint16
    assert np.abs(deep / 257 - relit_by(fitted, flash)).max() <= 0.51


def test_the_window_is_the_same_part_of_a_small_copy_of_any_size():
    """On an even photo the filter blurs what the network drew: a hard step becomes equally wide a ramp."""

    def ramp(height, width):
        log_gain = torch.zeros(1, 3, height, width)
        log_gain[..., width // 2 :] = 1
        fitted = fit_gain(torch.full((1, 3, height, width), 0.5), log_gain).offset[height // 2, :, 0]
        return np.count_nonzero(np.abs(fitted - fitted.mean()) < 0.45 * np.ptp(fitted)) / width

    assert ramp(120, 160) == pytest.approx(ramp(240, 320), abs=0.01)
    assert ramp(240, 320) == pytest.approx(4 * 16 / 320 * (1 - 0.1**0.5), abs=0.02)
