"""Light as numbers: the sRGB transfer curve, exposure, and how a log-gain turns one light into another.

Images are float32 ``(B, 3, H, W)``, sRGB in [0, 1]; a name that ends in ``_linear`` means linear light.
"""

import math

import torch
from torch import Tensor

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Weights of red, green and blue in the luminance of linear sRGB (IEC 61966-2-1)."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of encoded red, green and blue in luma (ITU-R BT.601, as in Pillow's mode L)."""

STANDARD_EXPOSURE = 0.56
"""Mean sRGB value of the paper's published test scenes; training can bring its targets to it."""

BURNT = 250 / 255
"""Smallest sRGB value of its brightest channel at which a pixel counts as burnt."""
CEILING = 249 / 255
"""sRGB value above which no gain lifts a pixel. It is below :data:`BURNT`, so relighting burns nothing."""
SHOULDER = 0.8
"""sRGB value at which the roll-off towards :data:`CEILING` begins."""
FADE_OUT = (0.9, 1.0)
"""sRGB values of the darkest channel between which a gain's darkening fades out: a patch that the flash burnt has no
texture, and would turn from white into flat grey."""

BLACKS, BLACKS_OF_MEAN = 0.1, 0.25
"""Mean of a pixel's sRGB values, with the weights of luminance, below which a gain's lifting fades out: as a value, and
as a share of the photo's mean (the lower one counts). Lifted noise and deep shade would turn into a grey veil."""

FINE_SIGMA = 3.0
"""Standard deviation, in pixels of the small copy, of the Gaussian that splits a log-gain into broad and fine parts."""
FINE_LIFTS, BROAD = 3.0, 0.9
"""Factors for the lifts of the fine part and for the whole broad part (docs/experiments.md, sections 17 and 18)."""
SURROUNDINGS_SIGMA = 20.0
"""Standard deviation, in pixels of the small copy, of the Gaussian that averages a pixel's surroundings."""
LOCAL_CONTRAST = 0.05
"""Exponent of a pixel's light over its surroundings' light, a factor that restores contrast lost by filling shadows."""
DARK_BROAD, DARK_LEVEL = 0.5, 0.2
"""For each factor of e by which a dark photo's mean is lifted: the amount added to :data:`BROAD`, and the exponent by
which differences between surroundings are reduced, so that darks are lifted more than lights."""
SAME_SURFACE = 0.35
"""Standard deviation of the log colour (each channel over luminance) of a shadow around that of its surroundings, if
both are the same surface. A dark object of another colour is lifted less."""
DARKEST, DEEPEST = 0.01, 1e-3
"""Linear light that is added before colours are compared, so that noise in black does not count; and the least linear
light whose logarithm is taken, so that black stays finite."""

OFFSET, EXPONENT = 0.055, 1 / 2.4
"""Constants of the sRGB curve above its straight part, where ``srgb + 0.055`` is a power of the light, so that a gain
on the light is a factor on this sum."""


def srgb_to_linear(image: Tensor) -> Tensor:
    """Linear light of an sRGB image (IEC 61966-2-1), any shape, [0, 1] to [0, 1]."""
    return torch.where(image <= 0.04045, image / 12.92, ((image.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: Tensor) -> Tensor:
    """sRGB values of linear light (IEC 61966-2-1), any shape; light above 1 stays above 1."""
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def luminance(image: Tensor, weights: tuple[float, float, float] = LUMINANCE) -> Tensor:
    """Mean of the channels, weighted by their share of luminance; ``(B, 3, H, W)`` to ``(B, 1, H, W)``."""
    return (image * image.new_tensor(weights).reshape(1, 3, 1, 1)).sum(1, keepdim=True)


def relight(flash: Tensor, log_gain: Tensor) -> Tensor:
    """``relit_linear = flash_linear * exp(log_gain)``, with burnt patches spared and highlights rolled off.

    Darkening fades out where the flash photo is burnt (:data:`FADE_OUT`). Values above :data:`SHOULDER` are compressed
    towards :data:`CEILING`, or towards the flash photo's own value where that is brighter. All channels are scaled by
    one factor, which keeps the hue. A log-gain of 0 changes nothing.

    Args:
        flash: ``(B, 3, H, W)``, sRGB in [0, 1].
        log_gain: the same shape, natural logarithm.

    Returns:
        the same shape, sRGB in [0, 1].
    """
    low, high = FADE_OUT
    share = _smoothstep((flash.amin(1, keepdim=True) - low) / (high - low))
    factor = (EXPONENT * log_gain).exp()
    factor = factor + share * (1 - factor).clamp(min=0)
    relit_linear = srgb_to_linear(flash) * factor ** (1 / EXPONENT)
    brightest = linear_to_srgb(relit_linear.amax(1, keepdim=True)) + OFFSET
    start = flash.amax(1, keepdim=True).clamp(min=SHOULDER) + OFFSET
    headroom = (CEILING + OFFSET - start).clamp(min=0)
    excess = (brightest - start).clamp(min=0)
    compressed = start + excess * headroom / (excess + headroom).clamp(min=1e-6)
    scale = torch.where(excess > 0, compressed / brightest, 1)
    return linear_to_srgb(relit_linear * scale ** (1 / EXPONENT)).clamp(0, 1)


def log_gain_between(flash: Tensor, relit: Tensor) -> Tensor:
    """Log-gain that turns ``flash`` into ``relit`` (both sRGB, same shape).

    Both are clamped to at least 1e-4 in linear light (a third of an 8-bit step), so that black stays finite.
    """
    return (srgb_to_linear(relit).clamp(min=1e-4) / srgb_to_linear(flash).clamp(min=1e-4)).log()


def exposure_gain(image: Tensor, mean: float = STANDARD_EXPOSURE) -> float:
    """Factor in linear light that brings the mean of one sRGB image to ``mean``, clipping included.

    Between 1/64 and 64 it is found by bisection in stops, since the mean after clipping rises with the factor. The
    search uses a histogram with four bins per 8-bit step, which is exact for 8-bit images.

    Args:
        image: sRGB in [0, 1], any shape.
        mean: the mean sRGB value, inside (0, 1).
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


def expose(image: Tensor, mean: float = STANDARD_EXPOSURE) -> Tensor:
    """One sRGB image with its light multiplied by :func:`exposure_gain` and clipped at white."""
    return linear_to_srgb((srgb_to_linear(image) * exposure_gain(image, mean)).clamp(max=1))


SAMPLED_PIXELS = 5_000
"""Number of pixels of an image on which :func:`normalize_exposure` measures the mean; at most four times as many."""
MAX_CONSTANT = 6 * math.log(2)
"""Largest log-gain, either way, that :func:`normalize_exposure` adds: six stops."""


def refine_gain(flash: Tensor, log_gain: Tensor, means: Tensor) -> Tensor:
    """Strengthen a network's ``log_gain`` where that is safe: fill hard shadows and even out dark photos.

    A network that learns from mean errors lifts a dark area only halfway if it may be either a shadow or an object. So
    half of each shadow remains, and the photo still looks taken with flash. Lifts within a few pixels are therefore
    strengthened and the rest weakened, and local contrast is raised to make up for the loss. In a dark photo the flash
    reached little of the room, so darks are lifted more. :func:`normalize_exposure` has to set the brightness again.

    Args:
        flash: ``(B, 3, H, W)``, sRGB in [0, 1].
        log_gain: the same shape, natural logarithm; its colour is treated as part of the broad part.
        means: ``(B,)``, the mean sRGB values that the relit images will have.
    """
    light, brightness = srgb_to_linear(flash), luminance(log_gain)
    color = ((light + DARKEST) / (luminance(light) + DARKEST)).log()
    planes = torch.cat([color, brightness], 1)
    details = planes - gaussian_blur(planes, FINE_SIGMA)
    same_surface = torch.exp(-details[:, :3].square().sum(1, keepdim=True) / (2 * SAME_SURFACE**2))
    fine = details[:, 3:]
    filled = fine + (FINE_LIFTS - 1) * same_surface * fine.clamp(min=0)
    level = luminance(light).clamp(min=DEEPEST).log()
    surroundings = gaussian_blur(level, SURROUNDINGS_SIGMA)
    lift = (means.reshape(-1, 1, 1, 1) / flash.mean((1, 2, 3), keepdim=True).clamp(min=1e-6)).log().clamp(0, 1)
    broad = (BROAD + DARK_BROAD * lift) * (log_gain - fine) - DARK_LEVEL * lift * surroundings
    return broad + filled + LOCAL_CONTRAST * (level - surroundings)


def gaussian_blur(image: Tensor, sigma: float) -> Tensor:
    """Blur each plane of ``(..., H, W)``, repeating its border; ``sigma`` is in pixels."""
    radius = max(1, int(3 * sigma))
    steps = torch.arange(-radius, radius + 1, device=image.device)
    kernel = torch.exp(-(steps**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).to(image.dtype)

    def weights(size: int) -> Tensor:
        """Matrix that blurs a line of ``size`` pixels, with a row for each of them."""
        places = (torch.arange(size, device=image.device)[:, None] + steps).clamp(0, size - 1)
        return image.new_zeros(size, size).scatter_add_(1, places, kernel.expand(size, -1))

    return weights(image.shape[-2]) @ image @ weights(image.shape[-1]).mT


def keep_blacks(flash: Tensor, log_gain: Tensor) -> Tensor:
    """``log_gain`` without lifts of the flash photo's blacks (:data:`BLACKS`); shapes as in :func:`relight`."""
    black = (BLACKS_OF_MEAN * flash.mean((1, 2, 3), keepdim=True)).clamp(1e-6, BLACKS)
    share = _smoothstep(luminance(flash) / black)
    return log_gain - (1 - share) * luminance(log_gain).clamp(min=0)


def _smoothstep(x: Tensor) -> Tensor:
    """Cubic that rises from 0 at ``x = 0`` to 1 at ``x = 1`` and is flat at both ends."""
    x = x.clamp(0, 1)
    return x**2 * (3 - 2 * x)


def normalize_exposure(flash: Tensor, log_gain: Tensor, means: Tensor, keeps_blacks: bool = False) -> Tensor:
    """``log_gain`` plus a constant per image, such that the mean of each relit image is its entry of ``means``.

    No gradient flows through the constants: a network learns how the light is distributed, not how much there is.

    Args:
        flash: ``(B, 3, H, W)``, sRGB in [0, 1].
        log_gain: the same shape, natural logarithm.
        means: ``(B,)``, mean sRGB values inside (0, 1). The constant is limited to six stops either way. A black
            image, whose mean no factor changes, keeps its gain.
        keeps_blacks: apply :func:`keep_blacks` to the result.
    """

    def shifted(flash: Tensor, log_gain: Tensor, constant: Tensor) -> Tensor:
        moved = log_gain + constant.reshape(-1, 1, 1, 1)
        return keep_blacks(flash, moved) if keeps_blacks else moved

    every = max(1, math.isqrt(flash.shape[-1] * flash.shape[-2] // SAMPLED_PIXELS))
    with torch.no_grad():
        sample, sample_gain = (each[..., ::every, ::every].contiguous() for each in (flash, log_gain))
        # corrected by how far the sample's mean is off, so that keeping the image's own mean needs a constant of 0
        targets = means + (sample.mean((1, 2, 3)) - flash.mean((1, 2, 3)))
        # secant method, on a function that is a line of slope EXPONENT but for blacks and highlights
        constant = before = reached_before = torch.zeros_like(targets)
        slope = torch.full_like(targets, EXPONENT)
        for _ in range(5):
            relit = relight(sample, shifted(sample, sample_gain, constant))
            reached = (relit.mean((1, 2, 3)) + OFFSET).log()
            rise = ((reached - reached_before) / (constant - before)).clamp(0.05, 1)
            slope = torch.where((constant - before).abs() > 1e-4, rise, slope)
            before, reached_before = constant, reached
            step = ((targets + OFFSET).log() - reached) / slope
            constant = (constant + step).clamp(-MAX_CONSTANT, MAX_CONSTANT)
        constant = constant * (sample.amax((1, 2, 3)) > 0)
    return shifted(flash, log_gain, constant)
