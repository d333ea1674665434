"""The classic methods on pictures whose result can be worked out by hand."""

import pytest
import torch

from f2a.evaluation.baselines import BASELINES, clahe, grey_world, lime, multiscale_retinex, retinex

pytest.importorskip("skimage", reason="the baselines need scikit-image")


@pytest.mark.parametrize("baseline", BASELINES.values(), ids=BASELINES)
@pytest.mark.parametrize("size", [(7, 9), (40, 24)])
def test_a_picture_comes_back_in_its_size_and_range(baseline, size):
    image = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    relit = baseline(image)
    assert relit.shape == image.shape
    assert relit.dtype == torch.float32
    assert relit.min() >= 0
    assert relit.max() <= 1
    for flat in (torch.zeros(1, 3, *size), torch.ones(1, 3, *size)):
        assert baseline(flat).isfinite().all()


def test_grey_world_makes_a_colour_cast_grey_at_the_standard_exposure():
    cast = torch.tensor([0.4, 0.3, 0.1]).reshape(1, 3, 1, 1).expand(1, 3, 9, 12)
    assert grey_world(cast) == pytest.approx(torch.full((1, 3, 9, 12), 0.56), abs=1e-3)


def test_lime_divides_by_the_illumination_to_the_power_of_0_8():
    dark = torch.full((1, 3, 9, 12), 0.1)
    assert lime(dark) == pytest.approx(torch.full((1, 3, 9, 12), 0.1**0.2), abs=1e-3)


@pytest.mark.parametrize("baseline", [retinex, multiscale_retinex])
def test_retinex_does_not_see_the_brightness_of_the_light(baseline):
    image = torch.rand(1, 3, 24, 40, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.4
    assert (baseline(image) - baseline(image * 0.8)).abs().max() < 0.02


def test_retinex_takes_out_a_smooth_fall_of_the_light():
    texture = torch.tensor([0.5, 0.9]).repeat(64).reshape(1, 1, 1, 128).expand(1, 3, 64, 128)
    fall = torch.linspace(1, 0.3, 128)
    before = (texture * fall)[..., 64:].mean() / (texture * fall)[..., :64].mean()
    relit = retinex(texture * fall)
    assert before < 0.65
    assert relit[..., 64:].mean() / relit[..., :64].mean() > 0.8


def test_clahe_raises_the_contrast_of_a_dull_picture():
    dull = 0.45 + 0.05 * torch.rand(1, 1, 48, 64, generator=torch.Generator().manual_seed(0)).expand(1, 3, 48, 64)
    assert clahe(dull).std() > 3 * dull.std()
