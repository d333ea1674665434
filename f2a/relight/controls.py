"""The controls of a relit photo, defined once: each field is the library's argument, the flag and the page's slider."""

import argparse
import dataclasses
from dataclasses import dataclass, field
from typing import Any

from f2a.errors import F2aError


class ControlError(F2aError):
    """A control is outside its range or needs a library that is not installed; the message says what to do."""


def control(default: float, low: float, high: float, step: float, unit: str, help: str) -> Any:
    """A dataclass field with its range, the step of its slider, its unit and its help text."""
    metadata = {"low": low, "high": high, "step": step, "unit": unit, "help": help}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class Controls:
    """What a photographer can adjust in a relit photo without running the network again.

    ``relit_linear = flash_linear * exp(strength * log_gain + constant + exposure * ln 2 + warmth + shadows +
    contrast)``, where the constant sets the mean brightness for each strength; burnt patches are spared and
    highlights rolled off (:func:`f2a.color.relight`).

    Attributes:
        strength: factor on the log-gain, from 0 to 2; 1 is what the network found. At 0, with the other controls
            neutral, the photo is returned unchanged. From 0 to 1, the mean brightness changes from the photo's to the
            relit one's; above 1 it stays there.
        background: acts where the gain lifts more than it does the photo as a whole: from -1 (no more than that) to 1
            (twice as many stops above that, except for details).
        highlights: acts where it lifts less or darkens, on the flash's hot spots: from -1 (twice as many stops below
            that, except for details) to 1 (no less than that). Only dark photos are lifted as a whole.
        exposure: stops (EV) by which the relit photo is brightened.
        warmth: mireds by which its light is warmed, as by a colour filter (an 81A is 18, an 85 is 112); luminance is
            kept.
        shadows: from -1 (black is two stops deeper) to 1 (two stops lighter), fading out at mid grey.
        contrast: from -1 (the light to the power 0.5) to 1 (to the power 1.5, which darkens lifted blacks again); hue
            and mean brightness are kept.
        keep_colors: apply the gain's luminance to all three channels, so that the flash photo's colours are kept.
        red_eyes: how much red pupils are darkened, from 0 to 1 (:mod:`f2a.relight.red_eyes`); needs OpenCV.

    Raises:
        ControlError: a number outside its range.
    """

    strength: float = control(1.0, 0, 2, 0.05, "", "0: the photo itself, 1: the effect as it was found, 2: twice that")
    background: float = control(0.0, -1, 1, 0.05, "", "lighter (above 0) or darker where the flash did not reach")
    highlights: float = control(0.0, -1, 1, 0.05, "", "lighter (above 0) or darker where the flash hit hardest")
    exposure: float = control(0.0, -3, 3, 0.1, "EV", "brighter or darker, in stops")
    warmth: float = control(0.0, -100, 100, 5, "", "warmer (above 0) or cooler light, in mireds")
    shadows: float = control(0.0, -1, 1, 0.05, "", "lighter (above 0) or deeper shadows")
    contrast: float = control(0.0, -1, 1, 0.05, "", "more (above 0, deeper blacks) or less contrast")
    keep_colors: bool = field(default=False, metadata={"help": "change the light's brightness only, not its colour"})
    red_eyes: float = control(0.0, 0, 1, 0.05, "", "how much the flash's red pupils are darkened (needs OpenCV)")

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            if "low" not in item.metadata:
                continue
            low, high = item.metadata["low"], item.metadata["high"]
            if isinstance(value, str) or not low <= value <= high:
                raise ControlError(f"{item.name} is {value}: give a number from {low} to {high}")


NEUTRAL = Controls()
"""The effect as the network found it, without adjustments."""


PRESETS = {
    "natural": NEUTRAL,
    "soft": Controls(strength=0.7, shadows=0.3, contrast=-0.25),
    "warm-room": Controls(warmth=45),
    "hot-spots": Controls(background=-1, highlights=-0.5),
}
"""Named settings, the first the default; ``hot-spots`` only darkens what the flash hit, relative to the rest."""


def add_control_flags(parser: argparse.ArgumentParser) -> None:
    """Add to ``parser`` the flag ``--preset`` and one for each control: ``--strength`` ... ``--red-eyes``."""
    names = [*PRESETS]
    text = f"settings to start from: {', '.join(names)} (default: {names[0]}); the flags below change them"
    parser.add_argument("--preset", choices=PRESETS, default=names[0], metavar="NAME", help=text)
    for item in dataclasses.fields(Controls):
        flag, text = "--" + item.name.replace("_", "-"), item.metadata["help"]
        if "low" not in item.metadata:
            parser.add_argument(flag, action="store_true", default=argparse.SUPPRESS, help=text)
            continue
        text += f", {item.metadata['low']} to {item.metadata['high']} (default: {item.default:g})"
        parser.add_argument(flag, type=float, default=argparse.SUPPRESS, metavar="X", help=text)


def controls_of(args: argparse.Namespace) -> Controls:
    """Controls from the flags of :func:`add_control_flags`."""
    names = {item.name for item in dataclasses.fields(Controls)}
    changes = {name: value for name, value in vars(args).items() if name in names}
    return dataclasses.replace(PRESETS[args.preset], **changes)
