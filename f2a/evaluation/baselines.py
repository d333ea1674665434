"""Classic methods without training, to compare with.

Each turns an image, ``(1, 3, H, W)`` sRGB in [0, 1], into another. All but the first need scikit-image, an optional
requirement.
"""

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from f2a.color import expose, linear_to_srgb, srgb_to_linear

Baseline = Callable[[Tensor], Tensor]

SURROUNDS = (15.0, 80.0, 250.0)
"""Standard deviations of the Retinex surrounds (Jobson et al. 1997), in pixels of a photo with a longer side of 512."""

SURROUND_SIDE = 512
"""Longer side of the copy on which the surround of a larger photo is computed."""


def grey_world(image: Tensor) -> Tensor:
    """White balance by equal channel means in linear light, then the exposure that gives the standard mean."""
    linear = srgb_to_linear(image)
    means = linear.mean((-2, -1), keepdim=True)
    balanced = linear * means.mean() / means.clamp(min=1e-6)
    return expose(linear_to_srgb(balanced))


def retinex(image: Tensor) -> Tensor:
    """Single-scale Retinex: the logarithm of each channel minus that of its surround, stretched to [0, 1]."""
    return _retinex(image, SURROUNDS[1:2])


def multiscale_retinex(image: Tensor) -> Tensor:
    """The mean of Retinex at three scales (Jobson et al. 1997)."""
    return _retinex(image, SURROUNDS)


def clahe(image: Tensor) -> Tensor:
    """Contrast-limited adaptive histogram equalisation of the lightness (CIE L*), scikit-image's defaults."""
    from skimage import color, exposure

    lab = color.rgb2lab(_array(image))
    lab[..., 0] = 100 * exposure.equalize_adapthist(lab[..., 0] / 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # lightness alone can lead out of sRGB, where it clips
        return _tensor(color.lab2rgb(lab))


def lime(image: Tensor) -> Tensor:
    """LIME (Guo et al., IEEE TIP 2017): the photo divided by its illumination map, gamma 0.8.

    The map, the largest channel, is refined by a guided filter (He et al. 2013) in place of LIME's own optimisation,
    and the result is not denoised.
    """
    pixels = _array(image)
    brightest = pixels.max(-1)
    illumination = _guided(brightest, pixels.mean(-1), radius=max(pixels.shape) // 32, epsilon=1e-3)
    return _tensor(pixels / illumination.clip(0.02, 1)[..., None] ** 0.8)


BASELINES: dict[str, Baseline] = {
    "grey_world": grey_world,
    "retinex": retinex,
    "multiscale_retinex": multiscale_retinex,
    "clahe": clahe,
    "lime": lime,
}


def _retinex(image: Tensor, sigmas: tuple[float, ...]) -> Tensor:
    pixels = _array(image)
    light = np.log(pixels + 1 / 255)
    detail = np.mean([light - np.log(_surround(pixels, sigma) + 1 / 255) for sigma in sigmas], axis=0)
    low, high = np.percentile(detail, (1, 99))  # as usual, one per cent clips at each end
    return _tensor((detail - low) / max(high - low, 1e-6))


def _surround(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian mean, computed on a small copy: it is smooth, and its kernel as wide as the photo."""
    from skimage.filters import gaussian
    from skimage.transform import resize

    scale = min(1.0, SURROUND_SIDE / max(pixels.shape[:2]))
    small = resize(pixels, [max(1, round(side * scale)) for side in pixels.shape[:2]], anti_aliasing=scale < 1)
    blurred = gaussian(small, sigma * max(small.shape) / SURROUND_SIDE, channel_axis=-1)
    return resize(blurred, pixels.shape[:2], order=1)


def _guided(image: np.ndarray, guide: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """``image`` smoothed along the edges of ``guide``, both ``(H, W)``."""
    from scipy.ndimage import uniform_filter  # comes with scikit-image

    box = partial(uniform_filter, size=2 * radius + 1, mode="nearest")
    mean_image, mean_guide = box(image), box(guide)
    slope = (box(guide * image) - mean_guide * mean_image) / (box(guide * guide) - mean_guide**2 + epsilon)
    return box(slope) * guide + box(mean_image - slope * mean_guide)


def _array(image: Tensor) -> np.ndarray:
    return image[0].permute(1, 2, 0).numpy()


def _tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.clip(0, 1))).permute(2, 0, 1)[None].float()
