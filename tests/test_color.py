"""Formulas of light, on values that can be checked by hand."""

import math

import pytest
import torch

from f2a.color import (
    BURNT,
    exposure_gain,
    gaussian_blur,
    keep_blacks,
    linear_to_srgb,
    log_gain_between,
    normalize_exposure,
    refine_gain,
    relight,
    srgb_to_linear,
)


@pytest.mark.parametrize(("srgb", "linear"), [(0, 0), (0.04045, 0.0031308), (0.5, 0.2140), (1, 1)])
def test_the_srgb_curve_at_known_points(srgb, linear):
    assert float(srgb_to_linear(torch.tensor(float(srgb)))) == pytest.approx(linear, abs=1e-4)
    assert float(linear_to_srgb(torch.tensor(float(linear)))) == pytest.approx(srgb, abs=2e-4)


def test_the_curve_has_a_gradient_at_black():
    for curve in (srgb_to_linear, linear_to_srgb):
        image = torch.zeros(3, requires_grad=True)
        curve(image).sum().backward()
        assert image.grad is not None
        assert image.grad.isfinite().all()


def grey(*values):
    """Return an image with one grey pixel per value."""
    return torch.tensor(values).reshape(1, 1, 1, -1).expand(1, 3, 1, -1)


def stops(image, number):
    return torch.full_like(image, number * math.log(2))


def test_one_stop_doubles_the_light_and_black_stays_black():
    flash = torch.rand(1, 3, 4, 6) * 0.5
    flash[..., 0] = 0
    relit = relight(flash, stops(flash, 1))
    assert relit[..., 0].max() == 0
    assert torch.allclose(srgb_to_linear(relit), 2 * srgb_to_linear(flash), atol=1e-5)


@pytest.mark.parametrize("number", [0.0, 0.5, 1.0, 3.0, 6.0])
def test_no_gain_burns_a_pixel_that_the_flash_did_not_burn(number):
    flash = torch.rand(1, 3, 40, 50, generator=torch.Generator().manual_seed(0))
    relit = relight(flash, stops(flash, number))
    assert (relit.amax(1) <= flash.amax(1).clamp(min=BURNT - 0.9 / 255) + 1e-5).all()


def test_highlights_roll_off_by_one_factor_so_that_the_hue_stays():
    flash = torch.tensor([0.75, 0.5, 0.3]).reshape(1, 3, 1, 1)
    relit = relight(flash, stops(flash, 2))
    ratio = srgb_to_linear(relit) / srgb_to_linear(flash)
    assert ratio.flatten().tolist() == pytest.approx([float(ratio[0, 0])] * 3, rel=1e-3)
    assert 1 < float(ratio[0, 0]) < 4


def test_brighter_stays_brighter_through_the_roll_off():
    tones = torch.linspace(0, 1, 256).reshape(1, 1, 1, -1).expand(1, 3, 1, -1)
    for number in (-2, -0.5, 0.5, 1, 3):
        assert (relight(tones, stops(tones, number)).diff(dim=-1) >= -1e-6).all(), number


def test_what_the_flash_burnt_to_white_stays_near_white():
    paper, cloth, petal = torch.ones(1, 3, 1, 1), grey(0.8), torch.tensor([1.0, 0.3, 0.4]).reshape(1, 3, 1, 1)
    assert torch.allclose(relight(paper, stops(paper, -1)), paper, atol=1e-6)
    assert relight(cloth, stops(cloth, -1)).max() < 0.6  # only burnt pixels are spared
    assert relight(petal, stops(petal, -1)).max() < 0.75  # and only where all channels are burnt


def test_the_gain_has_a_gradient_everywhere_but_where_nothing_may_change():
    flash = torch.rand(1, 3, 9, 9) * 0.9 + 0.02
    log_gain = torch.randn(1, 3, 9, 9).requires_grad_()
    relight(flash, log_gain).sum().backward()
    assert log_gain.grad.isfinite().all()
    assert (log_gain.grad.amax(1) > 0).all()


def test_the_gain_between_two_photos_leads_from_one_to_the_other():
    flash, relit = (torch.rand(1, 3, 4, 6) * 0.6 + 0.1 for _ in range(2))
    assert torch.allclose(relight(flash, log_gain_between(flash, relit)), relit, atol=1e-4)


def test_exposure_is_brought_to_the_wanted_mean():
    image = torch.linspace(0.1, 0.5, 35).reshape(1, 1, 5, 7)
    gain = exposure_gain(image, mean=0.56)
    brought = linear_to_srgb((srgb_to_linear(image) * gain).clamp(max=1))
    assert float(brought.mean()) == pytest.approx(0.56, abs=1e-3)


def test_a_normalized_gain_brings_each_image_to_its_mean_and_changes_no_ratio():
    flash, log_gain = torch.rand(2, 3, 90, 140), torch.randn(2, 3, 90, 140)
    flash *= torch.tensor([0.2, 0.9]).reshape(2, 1, 1, 1)
    wanted = normalize_exposure(flash, log_gain, torch.tensor([0.3, 0.45]))
    assert relight(flash, wanted).mean((1, 2, 3)).tolist() == pytest.approx([0.3, 0.45], abs=5e-3)
    constants = (wanted - log_gain).flatten(1)
    assert (constants.amax(1) - constants.amin(1)).max() < 1e-5


@pytest.mark.parametrize("keeps_blacks", [False, True])
@pytest.mark.parametrize("mean", [0.2, 0.35, 0.5])
def test_a_normalized_gain_reaches_its_mean_in_dark_and_bright_images(mean, keeps_blacks):
    flash = torch.rand(3, 3, 40, 60) ** torch.tensor([0.3, 1, 2]).reshape(3, 1, 1, 1)  # means of 0.77, 0.5, 0.33
    flash = flash.clamp(min=0.05)  # black stays black at any gain
    wanted = normalize_exposure(flash, 0.5 * torch.randn(3, 3, 40, 60), torch.full((3,), mean), keeps_blacks)
    assert relight(flash, wanted).mean((1, 2, 3)).tolist() == pytest.approx([mean] * 3, abs=1e-3)


def test_a_mean_out_of_reach_is_approached_by_six_stops():
    flash, log_gain = torch.full((1, 3, 4, 5), 1e-4), torch.zeros(1, 3, 4, 5)
    wanted = normalize_exposure(flash, log_gain, torch.tensor([0.9]))
    assert wanted.mean() == pytest.approx(6 * math.log(2))


def test_a_black_image_whose_brightness_no_factor_changes_keeps_its_gain():
    flash, log_gain = torch.zeros(2, 3, 4, 5), torch.full((2, 3, 4, 5), 0.2)
    flash[1] = 0.25
    wanted = normalize_exposure(flash, log_gain, torch.tensor([0.0, 0.25]))
    assert torch.equal(wanted[0], log_gain[0])
    assert torch.allclose(wanted[1], torch.zeros(3, 4, 5), atol=1e-3)


def test_what_is_lifted_within_a_few_pixels_counts_more_and_what_is_lowered_does_not():
    flash, log_gain = torch.ones(1, 3, 7, 40), torch.zeros(1, 3, 7, 40)
    log_gain[..., 10], log_gain[..., 30] = 1.0, -1.0  # far from each other, on a photo without contrast
    fine = 1 - float(gaussian_blur(log_gain[:, :1], 3.0)[0, 0, 3, 10])
    refined = refine_gain(flash, log_gain, flash.mean((1, 2, 3)))[0, 1, 3].tolist()
    assert refined[10] == pytest.approx(0.9 * (1 - fine) + 3 * fine, abs=1e-4)
    assert refined[30] == pytest.approx(-0.9 * (1 - fine) - fine, abs=1e-4)


def test_a_dark_thing_of_another_colour_is_lifted_less_than_a_shadow():
    log_gain = torch.zeros(1, 3, 7, 40)
    log_gain[..., 10] = log_gain[..., 30] = 1.0
    flash = torch.full((1, 3, 7, 40), 0.8)
    flash[..., 10] = 0.3  # a grey wall in shadow
    flash[..., 30] = torch.tensor([0.5, 0.1, 0.1]).reshape(1, 3, 1)  # a red object in front of it
    shadow, thing = refine_gain(flash, log_gain, flash.mean((1, 2, 3)))[0, 0, 3, [10, 30]].tolist()
    assert shadow > 2.2
    assert thing < 1.2


def test_an_even_gain_stays_even_and_its_colour_goes_with_the_broad_part():
    log_gain = torch.tensor([0.5, 0.1, -0.4]).reshape(1, 3, 1, 1).expand(1, 3, 5, 8)
    assert torch.allclose(refine_gain(torch.ones(1, 3, 5, 8), log_gain, torch.ones(1)), 0.9 * log_gain, atol=1e-6)


def test_a_refined_gain_adds_a_little_local_contrast():
    flash = linear_to_srgb(torch.tensor([0.1, 0.4])).repeat_interleave(200).expand(1, 3, 4, 400)
    refined = refine_gain(flash, torch.zeros(1, 3, 4, 400), flash.mean((1, 2, 3)))[0, 0, 0]
    assert float(refined[200] - refined[199]) == pytest.approx(0.05 * math.log(4), rel=0.03)
    assert refined[[0, 399]].tolist() == pytest.approx([0, 0], abs=1e-5)  # far from the edge the image is uniform


def test_a_dark_photo_gets_more_of_the_gain_and_its_dark_half_is_lifted_more():
    flash = linear_to_srgb(torch.tensor([0.02, 0.2])).repeat_interleave(200).expand(1, 3, 4, 400)
    log_gain = torch.full((1, 3, 4, 400), 0.4)
    mean = flash.mean((1, 2, 3))
    as_bright, lifted = (refine_gain(flash, log_gain, k * mean)[0, 0, 0, [0, 399]] for k in (1.0, math.sqrt(math.e)))
    assert as_bright.tolist() == pytest.approx([0.36, 0.36], abs=1e-5)
    assert (lifted - as_bright).tolist() == pytest.approx(
        [0.5 * (0.5 * 0.4 - 0.2 * math.log(light)) for light in (0.02, 0.2)], abs=1e-5
    )


def test_the_refinement_of_a_black_photo_is_finite():
    refined = refine_gain(torch.zeros(1, 3, 2, 3), torch.full((1, 3, 2, 3), 0.4), torch.tensor([0.37]))
    assert refined.isfinite().all()
    assert refined.max() < 3


@pytest.mark.parametrize("shape", [(1, 3, 9, 30), (1, 9, 30), (2, 1, 1, 1)])
def test_a_blur_keeps_what_is_even_and_the_sum_of_what_is_not(shape):
    assert torch.allclose(gaussian_blur(torch.full(shape, 0.7), 2.0), torch.tensor(0.7))
    spot = torch.zeros(1, 1, 21, 21)
    spot[..., 10, 10] = 1
    blurred = gaussian_blur(spot, 2.0)[0, 0]
    assert float(blurred.sum()) == pytest.approx(1)
    assert float(blurred[10, 12] / blurred[10, 10]) == pytest.approx(math.exp(-0.5))


def test_blacks_are_not_lifted_and_may_be_lowered():
    flash = torch.tensor([0.0, 0.05, 0.1, 0.8]).expand(1, 3, 2, 4)  # the mean is 0.2375, and a quarter of that is 0.059
    black = 0.2375 / 4
    share = (0.05 / black) ** 2 * (3 - 2 * 0.05 / black)
    lifted = keep_blacks(flash, torch.full((1, 3, 2, 4), 1.0))
    assert lifted[0, 0, 0].tolist() == pytest.approx([0, share, 1, 1])
    assert torch.equal(keep_blacks(flash, torch.full((1, 3, 2, 4), -1.0)), torch.full((1, 3, 2, 4), -1.0))
    bright = torch.tensor([0.05, 0.1, 0.9, 0.95]).expand(1, 3, 2, 4)  # whose blacks end at a tenth of white
    assert keep_blacks(bright, torch.ones(1, 3, 2, 4))[0, 0, 0].tolist() == pytest.approx([0.5, 1, 1, 1])


def test_no_gradient_flows_through_the_exposure():
    flash, log_gain = torch.full((1, 3, 2, 3), 0.3), torch.zeros(1, 3, 2, 3, requires_grad=True)
    normalize_exposure(flash, log_gain, torch.tensor([0.5])).sum().backward()
    assert torch.equal(log_gain.grad, torch.ones_like(log_gain))
