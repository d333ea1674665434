"""Progress on a bar and in the trackers, which also receive the picture of each validation."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image
from tqdm import tqdm

LOG_EVERY = 10
"""Number of steps between entries in the trackers."""
WINDOW = 50
"""Number of steps over which the speed is averaged."""


class Progress:
    """A bar over the steps, or over the minutes of a run with a time limit, whose number of steps is unknown.

    Args:
        accelerator: provides the trackers; only its main process shows anything.
        step, steps: the run's current step and its last one.
        minutes: the run's time limit, or None.
        images_per_step: total over all processes.
    """

    def __init__(
        self, accelerator: Accelerator, step: int, steps: int, minutes: float | None, images_per_step: int
    ) -> None:
        self.accelerator, self.minutes, self.images_per_step = accelerator, minutes, images_per_step
        style: dict[str, Any] = {"total": steps, "initial": step, "unit": "step"}
        if minutes is not None:
            style = {"total": minutes, "bar_format": "{l_bar}{bar}| {n:.1f}/{total:g} min{postfix}"}
        self.bar = tqdm(mininterval=5, miniters=0, disable=not accelerator.is_main_process, **style)
        self.times = deque([time.monotonic()], WINDOW + 1)

    def update(
        self, step: int, minutes: float, losses: Mapping[str, float], optimizers: Mapping[str, torch.optim.Optimizer]
    ) -> None:
        """Show losses and images/s on the bar; log them with the learning rates every :data:`LOG_EVERY` steps."""
        if self.bar.disable:
            return
        self.times.append(time.monotonic())
        speed = self.images_per_step * (len(self.times) - 1) / max(self.times[-1] - self.times[0], 1e-9)
        figures = {name: f"{loss:.4f}" for name, loss in losses.items()} | {"images/s": f"{speed:.1f}"}
        self.bar.set_postfix(figures if self.minutes is None else {"step": str(step)} | figures, refresh=False)
        self.bar.update((step if self.minutes is None else min(minutes, self.minutes)) - self.bar.n)
        if step % LOG_EVERY == 0:
            rates = {f"learning_rate/{name}": o.param_groups[0]["lr"] for name, o in optimizers.items()}
            values = {f"loss/{name}": loss for name, loss in losses.items()} | {"images_per_second": speed}
            self.accelerator.log(values | rates, step=step)


def log_validation(accelerator: Accelerator, scores: Mapping[str, float], picture: Path, step: int) -> None:
    """Log scores and picture to the trackers, if there are any."""
    accelerator.log({f"validation/{name}": value for name, value in scores.items()}, step=step)
    for tracker in accelerator.trackers:
        LOG_PICTURE[tracker.name](tracker, picture, step)


LOG_PICTURE: dict[str, Callable[[Any, Path, int], None]] = {
    "tensorboard": lambda tracker, picture, step: tracker.log_images(
        {"validation": np.asarray(Image.open(picture))[None]}, step, dataformats="NHWC"
    ),
    "wandb": lambda tracker, picture, step: tracker.log_images({"validation": [Image.open(picture)]}, step),
    "trackio": lambda tracker, picture, step: tracker.log(
        {"validation": import_module("trackio").Image(str(picture))}, step
    ),
}
"""Functions that log a picture (tracker, picture, step), by the name of the tracker."""
