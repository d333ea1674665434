"""The gain on the full photo: exact at the small size, sharp at edges, independent of the strips it is cut into."""

import math
import os

import numpy as np
import pytest
import torch

from f2a.color import normalize_exposure, relight, srgb_to_linear
from f2a.photo import Photo
from f2a.relight import render
from f2a.relight.controls import Controls
from f2a.relight.gain import apply_controls, fit_gain
from f2a.relight.render import LUMINANCE, LocalLinearGain


def image_of(values):
    return torch.from_numpy(values).permute(2, 0, 1)[None].float() / np.iinfo(values.dtype).max


def values_of(image, full=255):
    return (image.clamp(0, 1)[0].permute(1, 2, 0) * full).numpy()


def luma_of(image):
    """The guide, the mean of the channels' light raised to sRGB's power, ``(1, 1, h, w)``."""
    power = 1.055 * srgb_to_linear(image) ** (1 / 2.4)
    return (power * torch.from_numpy(LUMINANCE).reshape(1, 3, 1, 1)).sum(1, keepdim=True)


def even_gain(log_gain, height=5, width=7, channels=3):
    """The same gain everywhere."""
    factor = np.full((height, width), math.exp(log_gain / 2.4), np.float32)
    return LocalLinearGain(0 * factor, factor, np.ones((height, width, 3), np.float32) if channels == 3 else None)


def relit_by(gain, values):
    return gain.apply(Photo.from_array(values)).rows()


@pytest.fixture
def flash():
    """A uint8 picture with edges, 20 wide and 14 high, no part of it bright."""
    return (np.random.default_rng(1).integers(0, 7, (14, 20, 3)) * 30).astype(np.uint8)


def test_a_gain_that_follows_the_photo_is_applied_as_it_is(flash):
    """What the filter can express passes through it unchanged, except for its epsilon."""
    image = image_of(flash)
    log_gain = (2.4 * torch.log(1.3 - 0.3 * luma_of(image))).expand_as(image)
    relit = relit_by(fit_gain(image, log_gain), flash)
    assert np.abs(relit - values_of(relight(image, log_gain))).max() <= 3


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("stops", [-6, -2.5, -0.3, 0, 0.4, 2, 5])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_value_is_relit_within_a_level_of_the_formula(dtype, stops, channels):
    """All values of the type in one odd-sized photo, from six stops down (the curve's straight part) to five up."""
    full = np.iinfo(dtype).max
    values = np.append(np.arange(full + 1), [0, full, 1, full - 1, 2]).astype(dtype).reshape(3, -1, 1)
    colors = np.concatenate([values, values[::-1], values[:, ::-1]], -1) if channels == 3 else values
    relit = relit_by(even_gain(stops * math.log(2), channels=channels), colors)
    image = image_of(colors).expand(1, 3, -1, -1).double()
    exact = values_of(relight(image, torch.full_like(image, stops * math.log(2))), full)[..., :channels]
    assert relit.dtype == dtype
    assert np.abs(relit - exact).max() <= 0.51 + full * 1e-5


def test_slope_offset_and_colour_are_enlarged_bilinearly(flash):
    """Compared with PyTorch's own enlargement, at 7 and 5.6 times the size."""
    large = np.repeat(np.repeat(flash, 7, 0), 6, 1)[:, :112]
    random = np.random.default_rng(2)
    slope, offset = random.normal(0, 0.3, (14, 20)), random.uniform(0.8, 1.2, (14, 20))
    color = random.uniform(0.9, 1.1, (14, 20, 3))
    relit = relit_by(LocalLinearGain(*(part.astype(np.float32) for part in (slope, offset, color))), large)
    wide = [
        torch.nn.functional.interpolate(torch.from_numpy(part.reshape(14, 20, -1)).permute(2, 0, 1)[None],
                                        size=large.shape[:2], mode="bilinear", align_corners=False)
        for part in (slope, offset, color)
    ]  # fmt: skip
    image = image_of(large)
    gain = (wide[0] * luma_of(image) + wide[1]).clamp(min=1e-6) * wide[2]
    assert np.abs(relit - values_of(relight(image, 2.4 * gain.log().float()))).max() <= 1


def test_a_gain_that_steps_with_the_photo_steps_at_full_size_too():
    """A dark and a bright half, the dark one lit by one stop: at 16 times the size no pixel is 6 levels off."""
    small = np.full((60, 80, 3), 60, np.uint8)
    small[:, 40:] = 200
    log_gain = torch.zeros(1, 3, 60, 80)
    log_gain[..., :40] = math.log(2)
    full = np.repeat(np.repeat(small, 16, 0), 16, 1)
    relit = relit_by(fit_gain(image_of(small), log_gain), full)[480, :, 0].astype(int)
    expected = np.where(full[480, :, 0] == 60, 85, 200)  # the light of 60, doubled; that of 200
    assert np.abs(relit - expected).max() <= 6


def test_the_colour_of_a_gain_reaches_across_edges_without_a_blotch():
    """Warm light predicted on one spot only: hue changes no faster than the cells' slope, and luminance not at all."""
    flash = torch.full((1, 3, 64, 96), 0.5)
    log_gain = torch.zeros(1, 3, 64, 96)
    log_gain[:, 0, 20:30, 40:50], log_gain[:, 2, 20:30, 40:50] = 0.3, -0.3 * 0.2126 / 0.0722
    color = fit_gain(flash, log_gain).color
    assert max(np.abs(np.diff(np.log(color), axis=axis)).max() for axis in (0, 1)) < 0.02


def test_noise_grows_by_the_gain_and_no_further():
    """A dark, grainy wall at four times the network's size; black would be lit by two stops, white by none."""
    random = np.random.default_rng(0)
    full = random.normal(20, 3, (240, 320, 1)).round().clip(0, 255).astype(np.uint8)
    small = full.reshape(60, 4, 80, 4, 1).mean((1, 3))
    image = torch.from_numpy(small).permute(2, 0, 1)[None].float() / 255
    relit = relit_by(fit_gain(image, math.log(4) * (1 - image)), full)
    before, after = (float(srgb_to_linear(torch.from_numpy(v / 255)).std()) for v in (full, relit))
    assert after / before < 1.1 * 4 ** (1 - 20 / 255)


def test_a_smooth_sky_stays_smooth():
    """Every level once, in order: no step back, none larger than the gain's two levels, no visible cells of the map."""
    ramp = np.repeat(np.linspace(60, 120, 61), 40).round().astype(np.uint8)
    sky = np.repeat(np.repeat(ramp[None, :, None], 64, 0), 3, 2)
    small = image_of(np.ascontiguousarray(sky[::8, 4::8]))
    relit = relit_by(fit_gain(small, torch.full_like(small, math.log(2))), sky).astype(int)
    steps = np.diff(relit[:, :, 0], axis=1)
    assert steps.min() >= 0
    assert steps.max() <= 2
    assert np.abs(np.diff(relit, axis=0)).max() == 0


def test_strips_and_threads_leave_no_seam(flash, monkeypatch):
    full = np.tile(flash, (5, 4, 1))
    fitted = fit_gain(image_of(flash), torch.randn(1, 3, 14, 20) * 0.3)
    whole = relit_by(fitted, full)
    monkeypatch.setattr(render, "STRIP_PIXELS", 3 * full.shape[1])
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert np.array_equal(whole, relit_by(fitted, full))


def test_a_step_of_the_gain_on_an_even_photo_becomes_a_ramp_of_a_few_pixels():
    """A step, averaged over five pixels and then over three, takes six pixels to rise."""
    log_gain = torch.zeros(1, 3, 20, 30)
    log_gain[..., 15:] = 1
    offset = fit_gain(torch.full((1, 3, 20, 30), 0.5), log_gain).offset[10]
    assert np.count_nonzero((offset > offset[0] + 1e-2) & (offset < offset[-1] - 1e-2)) == 6


def uneven(height=30, width=40):
    """A photo with a dark and a bright half, and a gain that lifts the one and lowers the other."""
    flash = torch.full((1, 3, height, width), 0.25)
    flash[..., width // 2 :] = 0.7
    log_gain = torch.full_like(flash, 0.4)
    log_gain[..., width // 2 :] = -0.3
    return flash, log_gain


@pytest.mark.parametrize("strength", [0, 0.3, 1, 1.5, 2])
def test_brightness_follows_the_strength_to_one_and_stays_there(strength):
    flash, log_gain = uneven()
    means = [float(relight(flash, gain).mean()) for gain in (torch.zeros_like(flash), log_gain)]
    relit = relight(flash, apply_controls(flash, log_gain, Controls(strength=strength)))
    share = min(1, strength)
    assert float(relit.mean()) == pytest.approx((1 - share) * means[0] + share * means[1], abs=2e-3)


def test_strength_multiplies_the_contrast_of_the_gain():
    flash, log_gain = uneven()
    for strength in (0.5, 1, 2):
        adjusted = apply_controls(flash, log_gain, Controls(strength=strength))
        assert float(adjusted[..., 0].mean() - adjusted[..., -1].mean()) == pytest.approx(0.7 * strength, abs=1e-4)


@pytest.mark.parametrize("lift", [0, 0.6, 1.2])
@pytest.mark.parametrize("value", [-1, -0.5, 1])
def test_background_and_highlights_act_on_what_is_lifted_more_and_less_than_the_whole_photo(lift, value):
    flash, log_gain = uneven()
    flash, log_gain = flash / 2, log_gain + lift  # nothing bright enough to be rolled off

    def ends(controls):
        return apply_controls(flash, log_gain, controls)[0, 0, 0, [0, -1]]

    flattened, neutral = ends(Controls(background=-1, highlights=1)), ends(Controls())
    constant = torch.full_like(flash, float(flattened[0]))  # the whole photo's
    assert float(flattened[1]) == pytest.approx(float(flattened[0]), abs=1e-5)
    assert float(relight(flash, constant).mean()) == pytest.approx(float(relight(flash, log_gain).mean()), abs=1e-3)
    more, less = (neutral - flattened).tolist()
    assert more > 0.1
    assert less < -0.1
    assert (ends(Controls(background=value)) - neutral).tolist() == pytest.approx([value * more, 0], abs=1e-5)
    assert (ends(Controls(highlights=value)) - neutral).tolist() == pytest.approx([0, -value * less], abs=1e-5)


def test_a_photo_whose_mean_is_kept_is_lifted_and_lowered_against_nothing():
    flash, log_gain = uneven()
    kept = normalize_exposure(flash, log_gain, flash.mean((1, 2, 3)))
    assert apply_controls(flash, kept, Controls(background=-1, highlights=1)).abs().max() < 0.01


def test_more_background_or_fewer_highlights_add_no_detail():
    flash = torch.full((1, 3, 30, 40), 0.4)
    log_gain = torch.zeros_like(flash)
    log_gain[..., ::2] = 0.3  # stripes, half of them lifted more than the whole photo, half less
    for controls in (Controls(background=1), Controls(highlights=-1)):
        added = apply_controls(flash, log_gain, controls) - log_gain
        assert added[..., 12:-12].abs().max() < 0.01  # it would be 0.15 if each stripe got its own
    flattened = apply_controls(flash, log_gain, Controls(background=-1, highlights=1))
    assert flattened.std() < 1e-5
