"""Copy-paste augmentation (Ghiasi et al., arXiv 2012.07177), with the hard shadow that a flash throws from an object.

The ambient photo gets the object without that shadow, so each crop is a lesson about which dark edges the flash has
made, and a network that sees few rooms gets new ones.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from f2a.color import gaussian_blur

MAX_OBJECTS = 3
AREA = (0.004, 0.7)
"""Of the crop, that an object may cover."""
REACH = (0.008, 0.12)
"""How far a shadow lies beside its object, in sides of the crop: an object near the wall, and one in front of it."""
GROWTH = 0.12
"""At most, by which a shadow is larger than its object."""
LIGHT_LEFT = (0.06, 0.6)
"""Of the photo's light in the flash's shadow: the room's own."""
TINT_STD = 0.12
"""Standard deviation of the log of what is left of each channel: the room's light has another colour than the flash."""
CONTACT = 0.3
"""At most, by which an object darkens the room's light around it, softly."""
OBJECT_MEAN, OBJECT_STD = 0.2, 0.4
"""Of the log of an object's flash light, in means of the photo: it stands nearer to the flash than the wall behind."""
WHITE = 0.8
"""Linear light that an object's bright parts do not exceed, or most objects would be burnt."""


def paste_objects(
    flash: Tensor, ambient: Tensor, objects: Tensor, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """One to three shapes cut from another pair, with the shadow that the flash throws from them in the flash photo.

    Args:
        flash: ``(3, side, side)``, linear light.
        ambient: the same.
        objects: flash and ambient light of the other pair, ``(2, 3, side, side)``.
        random: shapes, places and light.

    Returns:
        flash and ambient light with the objects.
    """
    side, angle = flash.shape[-1], random.uniform(0, 2 * np.pi)  # one flash: all shadows fall to one side
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
    """``(1, side, side)``: 1 in a random shape, 0 around it: a rectangle, a wavy ellipse, or blobs such as leaves."""
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
    """Enlarged around the middle and moved by a part of the side to the right and downwards."""
    matrix = torch.tensor([[1, 0, -2 * shift[0]], [0, 1, -2 * shift[1]]]).float() / growth
    grid = F.affine_grid(matrix[None], [1, *shape.shape], align_corners=False)
    return F.grid_sample(shape[None], grid, padding_mode="border", align_corners=False)[0]
