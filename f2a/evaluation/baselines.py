"""Classic methods that need no training, for comparison.

Each maps an image, ``(1, 3, H, W)`` sRGB in [0, 1], to another. All but the first need scikit-image, an optional
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
"""A function from an image to a relit one."""

SURROUNDS = (15.0, 80.0, 250.0)
"""Standard deviations of the Retinex surrounds (Jobson et al. 1997), in pixels of a photo whose longer side is 512."""

SURROUND_SIDE = 512
"""Longer side, in pixels, of the copy on which a larger photo's surround is computed."""


def grey_world(image: Tensor) -> Tensor:
    """Balance the channels to equal means in linear light, then expose the image to the standard mean."""
    linear = srgb_to_linear(image)
    means = linear.mean((-2, -1), keepdim=True)
    balanced = linear * means.mean() / means.clamp(min=1e-6)
    return expose(linear_to_srgb(balanced))


def retinex(image: Tensor) -> Tensor:
    """Apply single-scale Retinex: the logarithm of each channel minus that of its surround, stretched to [0, 1]."""
    return _retinex(image, SURROUNDS[1:2])


def multiscale_retinex(image: Tensor) -> Tensor:
    """Apply multi-scale Retinex: the mean over three scales (Jobson et al. 1997), stretched to [0, 1]."""
    return _retinex(image, SURROUNDS)


def clahe(image: Tensor) -> Tensor:
    """Apply contrast-limited adaptive histogram equalisation to the lightness (CIE L*), with the defaults of
    scikit-image."""
    from skimage import color, exposure

    lab = color.rgb2lab(_array(image))
    lab[..., 0] = 100 * exposure.equalize_adapthist(lab[..., 0] / 100)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the new lightness can lie outside sRGB, where it clips
        return _tensor(color.lab2rgb(lab))


def lime(image: Tensor) -> Tensor:
    """Apply LIME (Guo et al., IEEE TIP 2017): divide the photo by its illumination map to the power 0.8.

    The map, the maximum over the channels, is refined by a guided filter (He et al. 2013) instead of LIME's own
    optimisation, and the result is not denoised.
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
"""The methods by the names of their rows."""


def _retinex(image: Tensor, sigmas: tuple[float, ...]) -> Tensor:
    pixels = _array(image)
    light = np.log(pixels + 1 / 255)
    detail = np.mean([light - np.log(_surround(pixels, sigma) + 1 / 255) for sigma in sigmas], axis=0)
    low, high = np.percentile(detail, (1, 99))  # as is usual, one per cent clips at each end
    return _tensor((detail - low) / max(high - low, 1e-6))


def _surround(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Return the Gaussian mean, computed on a small copy: it is smooth, and its kernel may be as wide as the photo."""
    from skimage.filters import gaussian
    from skimage.transform import resize

    scale = min(1.0, SURROUND_SIDE / max(pixels.shape[:2]))
    small = resize(pixels, [max(1, round(side * scale)) for side in pixels.shape[:2]], anti_aliasing=scale < 1)
    blurred = gaussian(small, sigma * max(small.shape) / SURROUND_SIDE, channel_axis=-1)
    return resize(blurred, pixels.shape[:2], order=1)


def _guided(image: np.ndarray, guide: np.ndarray, radius: int, epsilon: float) -> np.ndarray:
    """Smooth ``image`` while preserving the edges of ``guide``, both ``(H, W)``."""
    from scipy.ndimage import uniform_filter  # installed with scikit-image

    box = partial(uniform_filter, size=2 * radius + 1, mode="nearest")
    mean_image, mean_guide = box(image), box(guide)
    slope = (box(guide * image) - mean_guide * mean_image) / (box(guide * guide) - mean_guide**2 + epsilon)
    return box(slope) * guide + box(mean_image - slope * mean_guide)


def _array(image: Tensor) -> np.ndarray:
    return image[0].permute(1, 2, 0).numpy()


def _tensor(pixels: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pixels.clip(0, 1))).permute(2, 0, 1)[None].float()
