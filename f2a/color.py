"""Light as numbers: the sRGB transfer curve, exposure, and how a log-gain turns one light into another.

Images are float32 ``(B, 3, H, W)``, sRGB in [0, 1]; a name that ends in ``_linear`` holds linear light.
"""

import math

import torch
from torch import Tensor

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Of linear sRGB (IEC 61966-2-1)."""
LUMA = (0.299, 0.587, 0.114)
"""Of encoded red, green and blue (ITU-R BT.601, as in Pillow's mode L)."""

STANDARD_EXPOSURE = 0.56
"""Mean sRGB value of the paper's published test scenes, to which targets may be brought in training."""

BURNT = 250 / 255
"""From this sRGB value of its brightest channel on a pixel counts as burnt."""
CEILING = 249 / 255
"""sRGB value that no gain lifts a pixel above: under :data:`BURNT`, so relighting burns nothing."""
SHOULDER = 0.8
"""sRGB value at which the roll-off towards :data:`CEILING` begins."""
FADE_OUT = (0.9, 1.0)
"""sRGB values of the darkest channel between which a gain's darkening fades out: a patch that the flash burnt holds no
texture, and would turn from white into flat grey."""

BLACKS, BLACKS_OF_MEAN = 0.1, 0.25
"""sRGB luma below which a gain's lifting fades out, or that part of a dark photo's mean: noise and deep shade there
would turn into a grey veil."""

FINE_SIGMA = 3.0
"""Of the Gaussian that parts a log-gain into a broad and a fine part, in pixels of the small copy."""
FINE_LIFTS, BROAD = 3.0, 0.9
"""Factors of what the fine part lifts, and of the broad part (docs/experiments.md, sections 17 and 18)."""
SURROUNDINGS_SIGMA = 20.0
"""Of the Gaussian over which a place's surroundings are averaged, in pixels of the small copy."""
LOCAL_CONTRAST = 0.05
"""Power to which the photo's own light over that of its surroundings is added, for the contrast that filling takes."""
DARK_BROAD, DARK_LEVEL = 0.5, 0.2
"""For each factor of e by which a dark photo's mean is lifted: what is added to :data:`BROAD`, and the power by which
its surroundings are levelled, so that its darks are lifted more than its lights."""
SAME_SURFACE = 0.35
"""Standard deviation of the log of a place's colour (each channel over the luminance) from its surroundings', where the
place is their surface in shadow; a dark object of another colour is not lifted so much."""
DARKEST, DEEPEST = 0.01, 1e-3
"""Linear light that is added before colours are compared, so that noise in black does not count; and that below which
light counts as this, so that black stays finite."""

OFFSET, EXPONENT = 0.055, 1 / 2.4
"""Of the sRGB curve above its straight part: ``srgb + 0.055`` is a power of the light, so a gain on the light is a
factor on it."""


def srgb_to_linear(image: Tensor) -> Tensor:
    """Linear light of an sRGB image (IEC 61966-2-1), any shape, [0, 1] to [0, 1]."""
    return torch.where(image <= 0.04045, image / 12.92, ((image.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def linear_to_srgb(linear: Tensor) -> Tensor:
    """sRGB values of linear light (IEC 61966-2-1), any shape; light above 1 stays above 1."""
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def luminance(image: Tensor, weights: tuple[float, float, float] = LUMINANCE) -> Tensor:
    """The mean of the channels by what each adds to luminance, ``(B, 3, H, W)`` to ``(B, 1, H, W)``."""
    return (image * image.new_tensor(weights).reshape(1, 3, 1, 1)).sum(1, keepdim=True)


def relight(flash: Tensor, log_gain: Tensor) -> Tensor:
    """``relit_linear = flash_linear * exp(log_gain)``, with burnt patches spared and highlights rolled off.

    Where the flash photo is burnt, darkening fades out (:data:`FADE_OUT`). What would come out above :data:`SHOULDER`
    approaches :data:`CEILING`, or the flash photo's own value where that is brighter: all channels by one factor, so
    the hue stays. A log-gain of 0 changes nothing.

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
    """The log-gain that leads from ``flash`` to ``relit`` (both sRGB, same shape).

    Both are held above 1e-4 in linear light (a third of an 8-bit step), so that black stays finite.
    """
    return (srgb_to_linear(relit).clamp(min=1e-4) / srgb_to_linear(flash).clamp(min=1e-4)).log()


def exposure_gain(image: Tensor, mean: float = STANDARD_EXPOSURE) -> float:
    """The factor in linear light that brings the mean of one sRGB image to ``mean``, clipping included.

    Found by bisection on the stop scale between 1/64 and 64: the mean after clipping only rises with the factor. It
    works on the histogram of quarters of an 8-bit step, so 8-bit images are taken as they are.

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
    """One sRGB image, its light multiplied by :func:`exposure_gain`; what that burns is clipped."""
    return linear_to_srgb((srgb_to_linear(image) * exposure_gain(image, mean)).clamp(max=1))


SAMPLED_PIXELS = 5_000
"""Of an image on which :func:`normalize_exposure` measures the mean; at most four times as many."""


def refine_gain(flash: Tensor, log_gain: Tensor, means: Tensor) -> Tensor:
    """``log_gain`` as a network found it, made bolder where that is safe: hard shadows filled, dark photos evened.

    A network that learns from mean errors lifts by half what may be a shadow or a dark object, so half of each shadow
    stays, by which the eye knows the flash: what is lifted within a few pixels counts more, the rest less, and local
    contrast makes up for what that takes. A dark photo is one whose flash reached little of the room: its darks are
    lifted more. The brightness is another one afterwards: see :func:`normalize_exposure`.

    Args:
        flash: ``(B, 3, H, W)``, sRGB in [0, 1].
        log_gain: the same shape, natural logarithm; its colour goes with the broad part.
        means: ``(B,)``, the mean sRGB values that the relit images will have.
    """
    light, brightness = srgb_to_linear(flash), luminance(log_gain)
    color = ((light + DARKEST) / (luminance(light) + DARKEST)).log()
    distance = (color - gaussian_blur(color, FINE_SIGMA)).square().sum(1, keepdim=True)
    same_surface = torch.exp(-distance / (2 * SAME_SURFACE**2))
    fine = brightness - gaussian_blur(brightness, FINE_SIGMA)
    filled = fine + (FINE_LIFTS - 1) * same_surface * fine.clamp(min=0)
    level = luminance(light).clamp(min=DEEPEST).log()
    surroundings = gaussian_blur(level, SURROUNDINGS_SIGMA)
    lift = (means.reshape(-1, 1, 1, 1) / flash.mean((1, 2, 3), keepdim=True).clamp(min=1e-6)).log().clamp(0, 1)
    broad = (BROAD + DARK_BROAD * lift) * (log_gain - fine) - DARK_LEVEL * lift * surroundings
    return broad + filled + LOCAL_CONTRAST * (level - surroundings)


def gaussian_blur(image: Tensor, sigma: float) -> Tensor:
    """``(..., H, W)``, each plane for itself, of which the border is repeated; ``sigma`` in pixels."""
    radius = max(1, int(3 * sigma))
    steps = torch.arange(-radius, radius + 1, device=image.device)
    kernel = torch.exp(-(steps**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).to(image.dtype)

    def weights(size: int) -> Tensor:
        """Of each place in a line, a row for its average."""
        places = (torch.arange(size, device=image.device)[:, None] + steps).clamp(0, size - 1)
        return image.new_zeros(size, size).scatter_add_(1, places, kernel.expand(size, -1))

    return weights(image.shape[-2]) @ image @ weights(image.shape[-1]).mT


def keep_blacks(flash: Tensor, log_gain: Tensor) -> Tensor:
    """``log_gain`` without what it lifts of the flash photo's blacks (:data:`BLACKS`); shapes as in :func:`relight`."""
    black = (BLACKS_OF_MEAN * flash.mean((1, 2, 3), keepdim=True)).clamp(1e-6, BLACKS)
    share = _smoothstep(luminance(flash) / black)
    return log_gain - (1 - share) * luminance(log_gain).clamp(min=0)


def _smoothstep(x: Tensor) -> Tensor:
    """From 0 at 0 to 1 at 1, level at both."""
    x = x.clamp(0, 1)
    return x**2 * (3 - 2 * x)


def normalize_exposure(flash: Tensor, log_gain: Tensor, means: Tensor, keeps_blacks: bool = False) -> Tensor:
    """``log_gain`` and a constant per image, such that the mean of each relit image is its entry of ``means``.

    No gradient flows through the constants: what is learnt is how the light is spread, not how much of it there is.

    Args:
        flash: ``(B, 3, H, W)``, sRGB in [0, 1].
        log_gain: the same shape, natural logarithm.
        means: ``(B,)``, mean sRGB values inside (0, 1); one out of reach of six stops is approached. A black image,
            whose mean no factor changes, keeps its gain.
        keeps_blacks: apply :func:`keep_blacks` to what comes out.
    """

    def shifted(flash: Tensor, log_gain: Tensor, constant: Tensor) -> Tensor:
        moved = log_gain + constant.reshape(-1, 1, 1, 1)
        return keep_blacks(flash, moved) if keeps_blacks else moved

    step = max(1, math.isqrt(flash.shape[-1] * flash.shape[-2] // SAMPLED_PIXELS))
    with torch.no_grad():
        sample, sample_gain = flash[..., ::step, ::step], log_gain[..., ::step, ::step]
        # the whole image's mean stands for the sampled pixels', so that a gain of nothing needs a constant of nothing
        targets = means + (sample.mean((1, 2, 3)) - flash.mean((1, 2, 3)))
        low = torch.full_like(targets, -6 * math.log(2))
        high = -low

        def mean(constant: Tensor) -> Tensor:
            return relight(sample, shifted(sample, sample_gain, constant)).mean((1, 2, 3))

        for _ in range(8):
            middle = (low + high) / 2
            below = mean(middle) < targets
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        darker, brighter = mean(low), mean(high)
        share = ((targets - darker) / (brighter - darker).clamp(min=1e-9)).clamp(0, 1)
        constant = low.lerp(high, share) * (sample.amax((1, 2, 3)) > 0)
    return shifted(flash, log_gain, constant)
