"""How well a generator does on pairs that it was not trained on: scores and a picture."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from f2a.color import expose
from f2a.data.folder import CachedPair
from f2a.files import atomic_write
from f2a.images import picture_grid, to_image, to_picture
from f2a.metrics import psnr, ssim
from f2a.training.losses import attention_map

LOG = "validation.jsonl"
MAX_ROWS = 4
"""Of the picture."""


class ValidationScores(NamedTuple):
    """PSNR in dB and SSIM of the relit photo, and of the flash photo as it is, against the truth."""

    psnr: float
    ssim: float
    flash_psnr: float
    flash_ssim: float


class Views(NamedTuple):
    """A row of the picture: ``(1, 3, H, W)`` sRGB each, attention as grey."""

    flash: Tensor
    ours: Tensor
    truth: Tensor
    attention: Tensor


class ValidationResult(NamedTuple):
    scores: ValidationScores
    views: Views


@torch.inference_mode()
def validate(
    generator: nn.Module, pair: CachedPair, pixels: int, normalize_exposure: bool, device: torch.device
) -> ValidationResult:
    """Relight one pair at working size, an area of ``pixels``.

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
    scores = ValidationScores(psnr(relit, ambient), ssim(relit, ambient), psnr(flash, ambient), ssim(flash, ambient))
    return ValidationResult(scores, Views(flash, relit, ambient, attention_map(flash, ambient).expand_as(flash)))


def mean_scores(scores: Sequence[ValidationScores]) -> ValidationScores:
    return ValidationScores(*np.mean(np.array(scores, dtype=np.float64), axis=0).tolist())


def save_picture(rows: Sequence[Views], path: Path) -> Path:
    """The first rows, one per pair, with one titled column per view."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture_grid(Views._fields, [[to_picture(view) for view in views] for views in rows[:MAX_ROWS]]).save(path)
    return path


def log_scores(output: Path, scores: Mapping[str, float]) -> None:
    """Add a line of JSON to the validation log in that folder."""
    with (output / LOG).open("a") as log:
        log.write(json.dumps(scores) + "\n")


def truncate_log(output: Path, step: int) -> None:
    """Drop the lines of the validation log, if there is one, that are of later steps or were cut off."""
    path = output / LOG
    if not path.exists():
        return
    lines = path.read_text("utf-8", "replace").splitlines(keepends=True)
    with atomic_write(path) as beside:
        beside.write_text("".join(line for line in lines if step_of(line) <= step), "utf-8")


def step_of(line: str) -> float:
    """The step of a line of the validation log; infinity for one that a kill or a full disk cut off."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
