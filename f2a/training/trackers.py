"""How each tracker takes a picture: ``(tracker, picture file, step)``."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def _trackio(tracker: Any, picture: Path, step: int) -> None:
    trackio = import_module("trackio")  # only there when this tracker was asked for
    tracker.log({"validation": trackio.Image(str(picture))}, step=step)


def _tensorboard(tracker: Any, picture: Path, step: int) -> None:
    tracker.log_images({"validation": np.asarray(Image.open(picture))[None]}, step=step, dataformats="NHWC")


def _wandb(tracker: Any, picture: Path, step: int) -> None:
    tracker.log_images({"validation": [Image.open(picture)]}, step=step)


SHOW_PICTURE: dict[str, Callable[[Any, Path, int], None]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "trackio": _trackio,
}
