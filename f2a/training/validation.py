"""Validation of a generator on held-out pairs: scores and a picture."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from f2a.color import expose
from f2a.data.cache import CachedPair
from f2a.files import atomic_write
from f2a.images import picture_grid, to_image, to_picture
from f2a.metrics import psnr, ssim
from f2a.training.losses import attention_map

LOG = "validation.jsonl"
"""File in the output folder with a line of JSON per validation."""
MAX_ROWS = 4
"""Largest number of rows in the picture."""

Scores = dict[str, float]
"""PSNR in dB and SSIM, against the truth, of the relit photo and of the unchanged flash photo."""
Views = dict[str, Tensor]
"""The images in a row of the picture, by title: ``(1, 3, H, W)`` sRGB each; attention is grey."""


@torch.inference_mode()
def validate(
    generator: nn.Module, pair: CachedPair, pixels: int, normalize_exposure: bool, device: torch.device
) -> tuple[Scores, Views]:
    """Relight one pair, resized to an area of ``pixels``, and return its scores and images.

    Args:
        normalize_exposure: bring the truth to the standard exposure first.
    """
    flash, ambient = to_image(pair.flash), to_image(pair.ambient)
    scale = (pixels / (flash.shape[-1] * flash.shape[-2])) ** 0.5
    size = [max(7, round(side * scale)) for side in flash.shape[-2:]]
    flash, ambient = (
        F.interpolate(image, size=size, mode="bilinear", antialias=True).clamp(0, 1) for image in (flash, ambient)
    )
    if normalize_exposure:
        ambient = expose(ambient)
    relit = generator(flash.to(device)).float().cpu()
    scores = {"psnr": psnr(relit, ambient), "ssim": ssim(relit, ambient)}
    scores |= {"flash_psnr": psnr(flash, ambient), "flash_ssim": ssim(flash, ambient)}
    attention = attention_map(flash, ambient).expand_as(flash)
    return scores, {"flash": flash, "ours": relit, "truth": ambient, "attention": attention}


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Return the mean of each score over all pairs."""
    return {name: float(np.mean([values[name] for values in scores])) for name in scores[0]}


def save_picture(rows: Sequence[Views], path: Path) -> Path:
    """Save a picture of the first :data:`MAX_ROWS` pairs, with one titled column per view, and return ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture_grid([*rows[0]], [[to_picture(view) for view in views.values()] for views in rows[:MAX_ROWS]]).save(path)
    return path


def log_scores(output: Path, scores: Mapping[str, float]) -> None:
    """Append a line of JSON to the validation log in the folder ``output``."""
    with (output / LOG).open("a") as log:
        log.write(json.dumps(scores) + "\n")


def truncate_log(output: Path, step: int) -> None:
    """Remove the lines of later steps, and incomplete lines, from the validation log, if there is one."""
    path = output / LOG
    if not path.exists():
        return
    lines = path.read_text("utf-8", "replace").splitlines(keepends=True)
    with atomic_write(path) as beside:
        beside.write_text("".join(line for line in lines if step_of(line) <= step), "utf-8")


def step_of(line: str) -> float:
    """Return the step of a line of the validation log; infinity for a line cut off by a kill or a full disk."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
