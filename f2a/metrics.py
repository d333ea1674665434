"""PSNR and SSIM as the 2020 code defines them, so that figures compare with the paper's."""

import torch
import torch.nn.functional as F
from torch import Tensor

from f2a.color import linear_to_srgb, srgb_to_linear

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in greyscale (ITU-R BT.601, as Pillow's mode L)."""


def to_8bit(image: Tensor) -> Tensor:
    """sRGB in [0, 1] to the 8-bit values a file would hold, still float, [0, 255]; rounded, not truncated."""
    return (image.clamp(0, 1) * 255).round()


def psnr(image: Tensor, truth: Tensor) -> float:
    """Peak signal-to-noise ratio in dB over all 8-bit RGB values; infinite for equal images.

    Args:
        image, truth: the same shape, sRGB in [0, 1].
    """
    error = ((to_8bit(image) - to_8bit(truth)) ** 2).mean()
    return float(10 * torch.log10(255**2 / error))


def ssim(image: Tensor, truth: Tensor) -> float:
    """Structural similarity of the greyscale images, 7x7 uniform window (Wang et al. 2004; scikit-image's defaults).

    Args:
        image, truth: ``(1, 3, H, W)``, sRGB in [0, 1], sides of at least 7.

    Raises:
        ValueError: a side is shorter than the window.
    """
    if min(image.shape[-2:]) < 7:
        raise ValueError(f"SSIM needs sides of at least 7 pixels, not {tuple(image.shape[-2:])}")
    x, y = (_grey(to_8bit(i)) for i in (image, truth))
    sample = 49 / 48  # unbiased covariance, as scikit-image computes it
    mean_x, mean_y = _window(x), _window(y)
    var_x = sample * (_window(x * x) - mean_x**2)
    var_y = sample * (_window(y * y) - mean_y**2)
    cov = sample * (_window(x * y) - mean_x * mean_y)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * cov + c2)) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return float(similarity.mean())


def _grey(image: Tensor) -> Tensor:
    return (image.double() * torch.tensor(LUMA, dtype=torch.float64).reshape(1, 3, 1, 1)).sum(1, keepdim=True)


def _window(grey: Tensor) -> Tensor:
    return F.avg_pool2d(grey, 7, stride=1)


def aligned_psnr(image: Tensor, truth: Tensor) -> float:
    """PSNR after the best exposure and colour fit: brightness and white balance are told apart from structure.

    Each channel is scaled in linear light by the factor of least squared error against ``truth`` in sRGB, at most
    four stops either way; of a large image the factor is sought on every n-th row and column.

    Args:
        image, truth: ``(1, 3, H, W)``, sRGB in [0, 1].
    """
    linear = srgb_to_linear(image.clamp(0, 1))
    every = max(1, round((linear.shape[-1] * linear.shape[-2] / FITTED_PIXELS) ** 0.5))
    stops = _best_stops(linear[..., ::every, ::every], truth[..., ::every, ::every])
    return psnr(linear_to_srgb(linear * 2**stops), truth)


FITTED_PIXELS = 200_000
"""On which the best exposure is sought."""


def _best_stops(linear: Tensor, truth: Tensor) -> Tensor:
    """The stops, ``(1, 3, 1, 1)``, that bring ``linear`` nearest to ``truth`` (sRGB), to a 64th."""
    best = torch.zeros(1, 3, 1, 1)
    for step in (1 / 4, 1 / 64):
        tried = [best + step * number for number in range(-16, 17)]
        scaled = (linear_to_srgb(linear * 2**stops).clamp(max=1) for stops in tried)
        errors = torch.stack([((image - truth) ** 2).mean((-2, -1), keepdim=True) for image in scaled])
        best = torch.stack(tried).gather(0, errors.argmin(0, keepdim=True))[0]
    return best


def sharpness(image: Tensor, truth: Tensor) -> float:
    """Energy of the gradient of the grey image over the truth's: 1 is as sharp as the truth, less is blurred.

    More than 1 is grain, harsh edges or a picture brighter than the truth. Infinite, or not a number, for a flat truth.

    Args:
        image, truth: ``(1, 3, H, W)``, sRGB in [0, 1], at full size.
    """
    return float(_gradient_energy(image) / _gradient_energy(truth))


def _gradient_energy(image: Tensor) -> Tensor:
    grey = _grey(to_8bit(image))
    down, across = grey.diff(dim=-2), grey.diff(dim=-1)
    return (down**2).sum() + (across**2).sum()
