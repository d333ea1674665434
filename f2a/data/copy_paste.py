"""Copy-paste augmentation (Ghiasi et al., arXiv 2012.07177), with the hard shadow that an object casts under flash.

The ambient photo gets the object without that shadow, so the network learns which dark edges come from the flash, and
sees more scenes than its few rooms provide.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from f2a.color import gaussian_blur

MAX_OBJECTS = 3
"""Largest number of objects pasted into a crop."""
AREA = (0.004, 0.7)
"""Smallest and largest share of the crop that an object may cover."""
REACH = (0.008, 0.12)
"""Offset of a shadow from its object, in sides of the crop: from an object near the wall to one far in front of it."""
GROWTH = 0.12
"""Largest relative enlargement of a shadow over its object."""
LIGHT_LEFT = (0.06, 0.6)
"""Smallest and largest share of the flash photo's light that remains in a shadow: the light of the room."""
TINT_STD = 0.12
"""Standard deviation, per channel, of the log of the light in a shadow: room and flash differ in colour."""
CONTACT = 0.3
"""Largest share by which an object softly darkens the ambient photo around it."""
OBJECT_MEAN, OBJECT_STD = 0.2, 0.4
"""Mean and standard deviation of log(object's flash light / photo's): objects are nearer to the flash than the wall."""
WHITE = 0.8
"""Limit on the 95th percentile of an object's linear flash light, without which most objects would be burnt out."""


def paste_objects(
    flash: Tensor, ambient: Tensor, objects: Tensor, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Paste up to :data:`MAX_OBJECTS` shapes cut from another pair, and the shadows that they cast in the flash photo.

    Args:
        flash, ambient: ``(3, side, side)``, linear light.
        objects: flash and ambient photo of the other pair, ``(2, 3, side, side)``, linear light.
        random: source of the shapes, positions and brightness.

    Returns:
        The flash and the ambient photo with the objects.
    """
    side, angle = flash.shape[-1], random.uniform(0, 2 * np.pi)  # there is one flash, so all shadows fall to one side
    for _ in range(random.integers(1, MAX_OBJECTS + 1)):
        shape, reach = silhouette(side, random), _log_uniform(random, *REACH)
        if not AREA[0] < shape.mean() < AREA[1]:
            continue
        shift, growth = reach * np.array([np.cos(angle), np.sin(angle)]), 1 + random.uniform(0, GROWTH)
        shadow = gaussian_blur(_moved(shape, shift, growth), _log_uniform(random, 0.35, 0.35 + side * reach / 6))
        tint = np.exp(random.normal(0, TINT_STD, (3, 1, 1)))
        left = torch.from_numpy(_log_uniform(random, *LIGHT_LEFT) * tint).float().clamp(max=0.9)
        contact = 1 - random.uniform(0, CONTACT) * gaussian_blur(shadow, side * reach / 2 + 2)
        level = np.exp(random.normal(OBJECT_MEAN, OBJECT_STD)) * flash.mean() / objects[0].mean().clamp(min=1e-6)
        level = level.clamp(max=WHITE / objects[0].quantile(0.95).clamp(min=1e-6))
        flash = (flash * (1 - shadow * (1 - left))).lerp(objects[0] * level, shape)
        level = np.exp(random.normal(0, OBJECT_STD / 2)) * ambient.mean() / objects[1].mean().clamp(min=1e-6)
        ambient = (ambient * contact).lerp(objects[1] * level, shape)
    return flash, ambient


def silhouette(side: int, random: np.random.Generator) -> Tensor:
    """Return a random mask, ``(1, side, side)``, 1 inside: a rectangle, a wavy ellipse, or blobs such as leaves."""
    kind = random.integers(3)
    if kind == 2:
        noise = torch.from_numpy(random.normal(size=(1, 1, *random.integers(3, 12, 2))))
        field = F.interpolate(noise, size=(side, side), mode="bicubic", align_corners=True)[0]
        slope = torch.stack(torch.gradient(field, dim=(1, 2))).norm(dim=0).mean()
        outside: Tensor = (field.quantile(random.uniform(0.55, 0.9)) - field) / slope
        return (0.5 - outside.float()).clamp(0, 1)
    down, across = np.mgrid[:side, :side] / side - random.uniform(-0.1, 1.1, (2, 1, 1))
    angle = random.uniform(0, np.pi)
    x, y = across * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - across * np.sin(angle)
    size = np.array([_log_uniform(random, 0.03, 0.45) for _ in range(2)])
    if kind == 0:
        outside = np.maximum(abs(x) - size[0], abs(y) - size[1])
    else:
        turn, radius = np.arctan2(y / size[1], x / size[0]), np.hypot(x / size[0], y / size[1])
        for waves in range(2, 6):
            radius = radius * (1 + random.normal(0, 0.12) * np.sin(waves * turn + random.uniform(0, 2 * np.pi)))
        outside = (radius - 1) * size.min()
    return torch.from_numpy((0.5 - outside * side).clip(0, 1)).float()[None]


def _log_uniform(random: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _moved(shape: Tensor, shift: np.ndarray, growth: float) -> Tensor:
    """Enlarge ``shape`` about the centre, then move it right and down by ``shift``, in sides of the crop."""
    matrix = torch.tensor([[1, 0, -2 * shift[0]], [0, 1, -2 * shift[1]]]).float() / growth
    grid = F.affine_grid(matrix[None], [1, *shape.shape], align_corners=False)
    return F.grid_sample(shape[None], grid, padding_mode="border", align_corners=False)[0]
