"""Light as numbers: the sRGB transfer curve, exposure, and the log-gain that turns one light into another.

Images are float32 ``(B, 3, H, W)``, sRGB in [0, 1]; a name that ends in ``_linear`` holds linear light.
"""

import torch
from torch import Tensor

GAIN_FLOOR = 0.01
"""Linear light added to the flash photo before a gain multiplies it, so that black can be lit at all."""

STANDARD_EXPOSURE = 0.56
"""Mean sRGB value to which ambient photos are brought: the mean of the paper's published test scenes."""


def srgb_to_linear(image: Tensor) -> Tensor:
    """Linear light of an sRGB image (IEC 61966-2-1), any shape, [0, 1] to [0, 1]."""
    return torch.where(image <= 0.04045, image / 12.92, ((image.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: Tensor) -> Tensor:
    """sRGB values of linear light (IEC 61966-2-1), any shape; light above 1 stays above 1."""
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def apply_log_gain(flash: Tensor, log_gain: Tensor) -> Tensor:
    """``relit_linear = (flash_linear + 0.01) * exp(log_gain)``, in and out as sRGB.

    Args:
        flash: ``(B, 3, H, W)``, sRGB in [0, 1].
        log_gain: the same shape, natural logarithm.

    Returns:
        the same shape, sRGB, 0 upwards: light above 1 is a highlight that clips when a photo is written.
    """
    return linear_to_srgb((srgb_to_linear(flash) + GAIN_FLOOR) * log_gain.exp())


def compressed(image: Tensor) -> Tensor:
    """``image`` (sRGB, any shape) with what lies above 1 at a tenth.

    A photo clips there, so a loss must not care how far above 1 a burnt highlight is; but a gradient has to be left.
    """
    return torch.where(image > 1, 1 + 0.1 * (image - 1), image)


def log_gain_between(flash: Tensor, relit: Tensor) -> Tensor:
    """The log-gain with which :func:`apply_log_gain` turns ``flash`` into ``relit`` (both sRGB, same shape).

    ``relit`` is held above 1e-4 in linear light (a third of an 8-bit step), so that black stays finite.
    """
    return torch.log(srgb_to_linear(relit).clamp(min=1e-4) / (srgb_to_linear(flash) + GAIN_FLOOR))


def exposure_gain(image: Tensor, mean: float = STANDARD_EXPOSURE) -> float:
    """The factor in linear light that brings the mean of one sRGB image to ``mean``, clipping included.

    Found by bisection on the stop scale between 1/64 and 64: the mean after clipping only rises with the factor. It
    works on the histogram of quarters of an 8-bit step, so 8-bit images are taken as they are.

    Args:
        image: sRGB in [0, 1], any shape.
        mean: the wanted mean sRGB value, inside (0, 1).
    """
    steps = 4 * 255
    levels = (image.flatten() * steps).round().long().clamp(0, steps)
    counts = torch.bincount(levels, minlength=steps + 1).double().cpu()
    linear = srgb_to_linear(torch.arange(steps + 1) / steps).double()
    low, high = -6.0, 6.0
    for _ in range(20):
        middle = (low + high) / 2
        encoded = linear_to_srgb((linear * 2.0**middle).clamp(max=1))
        if float(encoded @ counts) < mean * image.numel():
            low = middle
        else:
            high = middle
    return float(2.0 ** ((low + high) / 2))


def exposed(flash: Tensor, log_gain: Tensor, mean: float) -> Tensor:
    """``log_gain`` and a constant an image, such that the mean of each relit image is ``mean``.

    No gradient flows through the constants: what is learnt is how the light is spread, not how much of it there is.

    Args:
        flash: ``(B, 3, H, W)``, sRGB in [0, 1].
        log_gain: the same shape, natural logarithm.
        mean: the wanted mean sRGB value, inside (0, 1).
    """
    with torch.no_grad():
        relit = apply_log_gain(flash, log_gain.detach()).clamp(0, 1)
        factors = torch.tensor([exposure_gain(image, mean) for image in relit], device=flash.device)
    return log_gain + factors.log().to(log_gain.dtype).reshape(-1, 1, 1, 1)
