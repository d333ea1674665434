"""Light as numbers: values that can be checked by hand."""

import math

import pytest
import torch

from f2a.color import (
    apply_log_gain,
    compressed,
    exposed,
    exposure_gain,
    linear_to_srgb,
    log_gain_between,
    srgb_to_linear,
)


@pytest.mark.parametrize(("srgb", "linear"), [(0, 0), (0.04045, 0.0031308), (0.5, 0.2140), (1, 1)])
def test_the_srgb_curve_at_known_points(srgb, linear):
    assert float(srgb_to_linear(torch.tensor(float(srgb)))) == pytest.approx(linear, abs=1e-4)
    assert float(linear_to_srgb(torch.tensor(float(linear)))) == pytest.approx(srgb, abs=2e-4)


def test_the_curve_comes_back():
    image = torch.linspace(0, 1, 256)
    assert torch.allclose(linear_to_srgb(srgb_to_linear(image)), image, atol=1e-6)


def test_the_curve_has_a_gradient_at_black():
    for curve in (srgb_to_linear, linear_to_srgb):
        image = torch.zeros(3, requires_grad=True)
        curve(image).sum().backward()
        assert image.grad is not None
        assert image.grad.isfinite().all()


def test_one_stop_doubles_the_light_over_the_floor():
    flash = torch.full((1, 3, 2, 3), 0.5)
    relit = apply_log_gain(flash, torch.full_like(flash, math.log(2)))
    expected = 2 * (srgb_to_linear(flash) + 0.01)
    assert torch.allclose(srgb_to_linear(relit), expected, atol=1e-5)


def test_the_gain_between_two_photos_leads_from_one_to_the_other():
    flash, relit = torch.rand(1, 3, 4, 6), torch.rand(1, 3, 4, 6) * 0.9 + 0.1
    assert torch.allclose(apply_log_gain(flash, log_gain_between(flash, relit)), relit, atol=1e-4)


def test_exposure_is_brought_to_the_wanted_mean():
    image = torch.linspace(0.1, 0.5, 35).reshape(1, 1, 5, 7)
    gain = exposure_gain(image, mean=0.56)
    brought = linear_to_srgb((srgb_to_linear(image) * gain).clamp(max=1))
    assert float(brought.mean()) == pytest.approx(0.56, abs=1e-3)


def test_an_exposed_gain_brings_each_image_to_the_mean_and_changes_no_ratio():
    torch.manual_seed(0)
    flash, log_gain = torch.rand(2, 3, 9, 14) * torch.tensor([0.2, 0.9]).reshape(2, 1, 1, 1), torch.randn(2, 3, 9, 14)
    wanted = exposed(flash, log_gain, 0.5)
    relit = apply_log_gain(flash, wanted).clamp(max=1)
    assert relit.mean((1, 2, 3)).tolist() == pytest.approx([0.5, 0.5], abs=2e-3)
    constants = (wanted - log_gain).flatten(1)
    assert (constants.amax(1) - constants.amin(1)).max() < 1e-5


def test_no_gradient_flows_through_the_exposure():
    flash, log_gain = torch.full((1, 3, 2, 3), 0.3), torch.zeros(1, 3, 2, 3, requires_grad=True)
    exposed(flash, log_gain, 0.5).sum().backward()
    assert torch.equal(log_gain.grad, torch.ones_like(log_gain))


def test_light_above_white_counts_a_tenth_and_keeps_a_gradient():
    image = torch.tensor([0.2, 1.0, 3.0], requires_grad=True)
    seen = compressed(image)
    assert seen.tolist() == pytest.approx([0.2, 1.0, 1.2])
    seen.sum().backward()
    assert image.grad.tolist() == pytest.approx([1, 1, 0.1])
