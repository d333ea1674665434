"""PSNR and SSIM against hand-made values and against scikit-image."""

import math
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from f2a.color import linear_to_srgb, srgb_to_linear
from f2a.images import to_image
from f2a.metrics import aligned_psnr, black_point, burnt_share, lit_psnr, lit_ssim, psnr, sharpness, ssim, tint


def test_psnr_of_a_constant_difference_of_the_values_that_a_file_holds():
    truth = torch.full((1, 3, 8, 9), 100 / 255)
    image = torch.full((1, 3, 8, 9), 110 / 255)
    assert psnr(image, truth) == pytest.approx(20 * math.log10(255 / 10), abs=1e-4)
    assert psnr(truth + 0.4 / 255, truth) == math.inf


def test_ssim_is_scikit_images():
    structural_similarity = pytest.importorskip("skimage.metrics").structural_similarity
    truth = torch.rand(1, 3, 21, 34)
    image = (truth + 0.2 * torch.rand(1, 3, 21, 34)).clamp(0, 1)
    grey = [
        ((i * 255).round().double()[0] * torch.tensor([0.299, 0.587, 0.114]).double().reshape(3, 1, 1)).sum(0).numpy()
        for i in (image, truth)
    ]
    assert ssim(image, truth) == pytest.approx(structural_similarity(*grey, data_range=255), abs=2e-3)
    assert ssim(truth, truth) == pytest.approx(1)


def test_alignment_forgives_exposure_and_white_balance_but_not_structure():
    truth = torch.rand(1, 3, 16, 24) * 0.5 + 0.2
    stops = torch.tensor([1.0, 2.0, -0.25]).reshape(1, 3, 1, 1)
    darker = linear_to_srgb(srgb_to_linear(truth) / 2**stops)
    assert psnr(darker.clamp(0, 1), truth) < 25
    assert aligned_psnr(darker.clamp(0, 1), truth) > 50
    assert aligned_psnr(truth.flip(-1), truth) < 20


def test_alignment_never_makes_a_picture_worse():
    for size in ((9, 14), (700, 900)):  # the second fit uses only some of the pixels
        image, truth = torch.rand(1, 3, *size) ** 3, torch.rand(1, 3, *size)
        assert aligned_psnr(image, truth) >= psnr(image, truth) - 1e-3


def test_sharpness_is_the_energy_of_the_gradient():
    step = torch.zeros(1, 3, 8, 10)
    step[..., 5:] = 0.4
    assert sharpness(step, step) == 1
    assert sharpness(step / 2, step) == pytest.approx(1 / 4)  # half the step, a quarter of its energy
    ramp = torch.linspace(0, 0.4, 5).repeat_interleave(2).expand(1, 3, 8, 10)
    assert sharpness(ramp, step) == pytest.approx(1 / 4, rel=0.02)  # four steps of a tenth instead of one of 0.4


def test_lit_forgives_one_factor_of_light_and_nothing_more():
    truth = torch.rand(1, 3, 16, 24) * 0.5 + 0.2
    darker = linear_to_srgb(srgb_to_linear(truth) / 2)
    warm = linear_to_srgb(srgb_to_linear(truth) * torch.tensor([1.2, 1.0, 0.7]).reshape(1, 3, 1, 1))
    assert psnr(darker, truth) < 20
    assert lit_psnr(darker, truth) > 45
    assert lit_ssim(darker, truth) > 0.99
    assert lit_psnr(warm, truth) < 30


def test_the_black_point_is_what_a_hundredth_of_the_pixels_stay_below():
    image = torch.linspace(0, 1, 201).reshape(1, 1, 1, -1).expand(1, 3, 1, -1)
    assert black_point(image) == pytest.approx(0.01, abs=1e-6)


def test_a_pixel_is_burnt_when_one_channel_is():
    image = torch.zeros(1, 3, 2, 5)
    image[0, 0, 0, 0], image[0, 2, 1, 1], image[0, :, 0, 2] = 250 / 255, 1.0, 249 / 255
    assert burnt_share(image) == pytest.approx(2 / 10)


def test_tint_is_lab_and_grey_has_none():
    assert tint(torch.full((1, 3, 2, 3), 0.5)).tolist() == pytest.approx([0, 0], abs=0.01)
    red = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    assert tint(red).tolist() == pytest.approx([80.1, 67.2], abs=0.2)  # CIELAB of sRGB's red


def test_the_figures_are_those_of_the_shared_yardstick(shared, monkeypatch):
    """Compare with ``tools/quality.py``, which scores the same pictures of one pair with its own code."""
    flash, truth = (Image.open(shared("paper") / f"it_4_{half}.png").convert("RGB") for half in ("flash", "ambient"))
    source = (shared("tools") / "quality.py").read_text().split("rows = []")[0].split("from f2a import")
    names = {}
    monkeypatch.setattr(sys, "argv", ["quality.py", "x"])
    exec(source[0] + "\n".join(source[1].splitlines()[2:]), names)
    theirs = names["facts"](*(np.asarray(photo, float) / 255 for photo in (flash, truth)))
    image, reference = to_image(flash), to_image(truth)
    ours = {"raw": psnr(image, reference), "lit": lit_psnr(image, reference), "ssim": lit_ssim(image, reference)}
    ours |= {"p1": black_point(image), "clip": burnt_share(image)}
    assert ours == pytest.approx({name: float(value) for name, value in theirs.items()}, abs=5e-3)
