"""Image metrics: PSNR and SSIM as the 2020 code defines them, brightness, blacks, burnt area and tint."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from f2a.color import BURNT, LUMA, LUMINANCE, expose, linear_to_srgb, luminance, srgb_to_linear


def to_8bit(image: Tensor) -> Tensor:
    """sRGB in [0, 1] to the 8-bit values of a file, still float, [0, 255]; rounded, not truncated."""
    return (image.clamp(0, 1) * 255).round()


def psnr(image: Tensor, truth: Tensor) -> float:
    """Peak signal-to-noise ratio in dB over all 8-bit RGB values; infinite for equal images.

    Args:
        image, truth: the same shape, sRGB in [0, 1].
    """
    error = ((to_8bit(image) - to_8bit(truth)) ** 2).mean()
    return float(10 * torch.log10(255**2 / error))


def ssim(image: Tensor, truth: Tensor, weights: tuple[float, float, float] = LUMA) -> float:
    """Structural similarity of the greyscale images, 7x7 uniform window (Wang et al. 2004; scikit-image's defaults).

    Args:
        image, truth: ``(1, 3, H, W)``, sRGB in [0, 1], sides of at least 7.
        weights: those of red, green and blue in grey.
    """
    grey, grey_truth = (luminance(to_8bit(i).double(), weights) for i in (image, truth))
    return float(structural_similarity(grey, grey_truth, 255, 49 / 48))  # unbiased, as scikit-image computes it


def structural_similarity(x: Tensor, y: Tensor, peak: float = 1.0, bias: float = 1.0) -> Tensor:
    """SSIM, a scalar that gradients flow through: 7x7 uniform window (Wang et al. 2004).

    Args:
        x, y: ``(B, 1, H, W)``, grey in [0, peak], sides of at least 7.
        bias: factor by which variances and covariance are multiplied.
    """
    mean_x, mean_y, square_x, square_y, product = (F.avg_pool2d(v, 7, stride=1) for v in (x, y, x * x, y * y, x * y))
    variances = bias * (square_x - mean_x**2 + square_y - mean_y**2)
    covariance = bias * (product - mean_x * mean_y)
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    brightness = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    return (brightness * (2 * covariance + c2) / (variances + c2)).mean()


def aligned_psnr(image: Tensor, truth: Tensor) -> float:
    """PSNR after the best exposure and colour fit: it compares structure, but not brightness and white balance.

    Each channel is scaled in linear light by the factor with the smallest squared error against ``truth`` in sRGB, at
    most four stops either way. For a large image the search uses every n-th row and column.

    Args:
        image, truth: ``(1, 3, H, W)``, sRGB in [0, 1].
    """
    linear = srgb_to_linear(image.clamp(0, 1))
    every = max(1, round((linear.shape[-1] * linear.shape[-2] / FITTED_PIXELS) ** 0.5))
    stops = _best_stops(linear[..., ::every, ::every], truth[..., ::every, ::every])
    return psnr(linear_to_srgb(linear * 2**stops), truth)


FITTED_PIXELS = 200_000
"""Approximate number of pixels of the copy used to find the best exposure."""


def _best_stops(linear: Tensor, truth: Tensor) -> Tensor:
    """Stops, ``(1, 3, 1, 1)``, that bring ``linear`` closest to ``truth`` (sRGB), to the nearest 64th."""
    best = torch.zeros(1, 3, 1, 1)
    for step in (1 / 4, 1 / 64):
        candidates = [best + step * number for number in range(-16, 17)]
        scaled = (linear_to_srgb(linear * 2**stops).clamp(max=1) for stops in candidates)
        errors = torch.stack([((image - truth) ** 2).mean((-2, -1), keepdim=True) for image in scaled])
        best = torch.stack(candidates).gather(0, errors.argmin(0, keepdim=True))[0]
    return best


def sharpness(image: Tensor, truth: Tensor) -> float:
    """Gradient energy of the grey image over that of the truth: 1 is as sharp as the truth, less is blurred.

    More than 1 means grain, harsh edges or a brighter picture than the truth. Infinite or NaN for a flat truth.

    Args:
        image, truth: ``(1, 3, H, W)``, sRGB in [0, 1], at full size.
    """
    return float(_gradient_energy(image) / _gradient_energy(truth))


def _gradient_energy(image: Tensor) -> Tensor:
    grey = luminance(to_8bit(image).double(), LUMA)
    down, across = grey.diff(dim=-2), grey.diff(dim=-1)
    return (down**2).sum() + (across**2).sum()


def lit(image: Tensor, truth: Tensor) -> Tensor:
    """``image`` scaled in linear light by one factor that gives it the truth's mean, so brightness does not count.

    Args:
        image, truth: sRGB in [0, 1], the same shape.
    """
    return expose(image.clamp(0, 1), min(max(float(truth.mean()), 1e-3), 1 - 1e-3))


def lit_psnr(image: Tensor, truth: Tensor) -> float:
    """PSNR in dB of :func:`lit`."""
    return psnr(lit(image, truth), truth)


def lit_ssim(image: Tensor, truth: Tensor) -> float:
    """SSIM of the luminance of :func:`lit`."""
    return ssim(lit(image, truth), truth, LUMINANCE)


def black_point(image: Tensor) -> float:
    """The 1st percentile of luma (sRGB values with the weights of luminance)."""
    return float(np.percentile(luminance(image).numpy(), 1))


def burnt_share(image: Tensor) -> float:
    """Share of the pixels in which a channel is at least 250 of 255."""
    return float((image.amax(1) >= BURNT - 1e-6).float().mean())


def tint(image: Tensor) -> Tensor:
    """Mean a* and b* of CIELAB under D65, ``(2,)``: how red rather than green, and yellow rather than blue."""
    linear = srgb_to_linear(image.clamp(0, 1)).double()
    xyz = torch.einsum("ij,bjhw->bihw", torch.tensor(XYZ_OF_RGB, dtype=torch.float64), linear)
    f = torch.where(xyz > (6 / 29) ** 3, xyz.clamp(min=1e-9) ** (1 / 3), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = f.mean((0, 2, 3))
    return torch.stack([500 * (x - y), 200 * (y - z)])


XYZ_OF_RGB = ((0.433891, 0.376235, 0.189906), (0.212649, 0.715169, 0.072182), (0.017756, 0.109478, 0.872915))
"""Matrix from linear sRGB (IEC 61966-2-1) to XYZ, each relative to the white point D65."""
