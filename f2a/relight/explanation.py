"""What the network found in a photo: the gain as a picture, and whether the photo looks taken with flash."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from f2a.color import LUMA, luminance
from f2a.images import diverging_picture

FALL_OFF, BIAS = -2.81, -0.36
"""Coefficients of a logistic regression of "taken with flash" on the correlation between a photo's luma and the squared
distance from its centre: a flash lights the middle more than the corners. On the 115 pairs that it was fitted on, it is
right for 68 in 100 photos; no statistic of the gain is better, and three reach 69 (docs/experiments.md)."""
PROBABLY_NOT = 1 / 3
"""Flash strength below which the note is given: for 10 in 100 flash photos and 37 in 100 others of those pairs."""

MAX_STOPS = 3.0
"""Stops up or down at which the picture's colours saturate."""

NOTICEABLE = 0.1
"""Smallest change, in stops, that is mentioned."""

ROWS, COLUMNS = ("top", "middle", "bottom"), ("left", "centre", "right")
"""Names of the areas, a third of the photo's height and width each."""


@dataclass(frozen=True)
class Explanation:
    """What was found in one photo.

    Attributes:
        log_gain: ``(h, w, 3)`` float32, natural logarithm, for the small copy that the network saw.
        flash_strength: 0 to 1, a weak estimate from the photo's fall-off alone; 0.5 is undecided.
        flash_fired: what the camera recorded (EXIF); None if it recorded nothing.
    """

    log_gain: np.ndarray
    flash_strength: float
    flash_fired: bool | None

    @property
    def note(self) -> str:
        """A sentence if the photo was, or may have been, taken without flash; otherwise empty."""
        if self.flash_fired is False:
            return "The camera recorded that the flash did not fire; relighting is made for flash photos."
        if self.flash_fired is None and self.flash_strength < PROBABLY_NOT:
            return (
                "This may be a photo without flash; relighting is made for flash photos, so check the result carefully."
            )
        return ""

    @property
    def stops(self) -> np.ndarray:
        """``(h, w)``: the gain in stops, averaged over the three channels."""
        return self.log_gain.mean(-1) / math.log(2)

    @property
    def lines(self) -> list[str]:
        """What changes where, in words and in stops."""
        stops = self.stops
        lifted, lowered = (100 * (sign * stops > NOTICEABLE).mean() for sign in (1, -1))
        areas = {
            f"{row} {column}": stops[down, across].mean()
            for row, down in zip(ROWS, _thirds(stops.shape[0]), strict=True)
            for column, across in zip(COLUMNS, _thirds(stops.shape[1]), strict=True)
        }
        means = list(areas.values())
        table = [
            f"{row:<8}" + "".join(f"{mean:>+8.1f}" for mean in means[3 * i : 3 * i + 3]) for i, row in enumerate(ROWS)
        ]
        highest, lowest = max(areas, key=areas.__getitem__), min(areas, key=areas.__getitem__)
        red, _, blue = self.log_gain.mean((0, 1)) / math.log(2)
        warmer = "as warm as it was" if abs(red - blue) < NOTICEABLE / 2 else "warmer" if red > blue else "cooler"
        fired = f"The camera recorded {'that the flash fired' if self.flash_fired else 'nothing about the flash'}."
        return [
            self.note or fired,
            f"{lifted:.0f} % of the picture becomes brighter (at most {max(stops.max(), 0):+.1f} EV), {lowered:.0f} % "
            f"darker (at most {min(stops.min(), 0):+.1f} EV); {100 - lifted - lowered:.0f} % changes by less than "
            f"{NOTICEABLE} EV.",
            f"The {highest} gains most ({areas[highest]:+.1f} EV), the {lowest} least ({areas[lowest]:+.1f} EV). "
            "Means in EV:",
            " " * 8 + "".join(f"{column:>8}" for column in COLUMNS),
            *table,
            f"The light is {warmer} (red against blue: {red - blue:+.2f} EV).",
        ]

    def picture(self, width: int = 640) -> Image.Image:
        """Picture of :attr:`stops` with a legend: blue is darker, red is brighter, white is unchanged."""
        stops = self.stops
        height = max(1, round(width * stops.shape[0] / stops.shape[1]))
        picture = Image.new("RGB", (width, height + 40), "white")
        picture.paste(diverging_picture(stops / MAX_STOPS).resize((width, height), Image.Resampling.BILINEAR), (0, 0))
        legend = diverging_picture(np.linspace(-1, 1, width)[None].repeat(14, 0))
        picture.paste(legend, (0, height + 4))
        draw = ImageDraw.Draw(picture)
        for stop in range(-int(MAX_STOPS), int(MAX_STOPS) + 1):
            place = (stop / MAX_STOPS + 1) / 2 * (width - 1)
            anchor = "la" if place == 0 else "ra" if place == width - 1 else "ma"
            draw.text((place, height + 22), f"{stop:+d} EV" if stop else "0", fill="black", anchor=anchor)
        return picture


def _thirds(size: int) -> list[slice]:
    """The thirds of a side, none of them empty."""
    return [slice(size * i // 3, max(size * (i + 1) // 3, size * i // 3 + 1)) for i in range(3)]


def flash_strength(flash: Tensor) -> float:
    """How much ``(1, 3, h, w)``, sRGB in [0, 1], looks taken with flash; see :class:`Explanation`.

    It is computed from the correlation of luma with the squared distance from the centre, with both sides scaled to
    the same length. For an even photo the correlation is 0.
    """
    bright = luminance(flash, LUMA)[0, 0]
    down, across = (torch.linspace(-1, 1, side) for side in bright.shape)
    distance = down[:, None] ** 2 + across**2
    bright, distance = bright - bright.mean(), distance - distance.mean()
    scale = float((bright**2).mean() * (distance**2).mean()) ** 0.5
    correlation = float((bright * distance).mean()) / scale if scale > 1e-6 else 0.0
    return 1 / (1 + math.exp(-(FALL_OFF * correlation + BIAS)))
