"""Scores of relit photos against the truth, always beside those of the untouched flash photo."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from f2a.data import PHOTO_SUFFIXES, PairFiles, find_pairs
from f2a.metrics import aligned_psnr, psnr, ssim
from f2a.photo import open_photo
from f2a.relighter import Relighter


class Score(NamedTuple):
    """One picture against its scene's ambient photo, at full size."""

    scene: str
    system: str
    psnr: float
    ssim: float
    aligned_psnr: float


def score_folder(folder: Path, relighter: Relighter) -> list[Score]:
    """Score the flash photo, ours, and any further ``NAME_LABEL.*`` beside each pair (another system's output).

    Raises:
        DataError: no pair in ``folder``.
        PhotoError: one of its photos cannot be read.
    """
    scores = []
    for pair in find_pairs(folder).files:
        flash, ambient = open_photo(pair.flash), open_photo(pair.ambient)
        pictures = {"flash": flash, "ours": relighter(flash)}
        pictures |= {label: open_photo(path) for label, path in _others(pair)}
        truth = _image(ambient)
        for system, photo in pictures.items():
            image = _image(photo)
            name = Path(pair.name).name
            scores.append(Score(name, system, psnr(image, truth), ssim(image, truth), aligned_psnr(image, truth)))
    return scores


def _others(pair: PairFiles) -> list[tuple[str, Path]]:
    name = Path(pair.name).name
    beside = sorted(pair.flash.parent.glob(f"{name}_*"))
    labels = [(path.stem.removeprefix(f"{name}_"), path) for path in beside if path.suffix.lower() in PHOTO_SUFFIXES]
    return [(label, path) for label, path in labels if label not in ("flash", "ambient")]


def _image(photo: Image.Image) -> Tensor:
    rgb = photo.convert("RGB")
    pixels = torch.frombuffer(bytearray(rgb.tobytes()), dtype=torch.uint8)
    return pixels.reshape(1, rgb.height, rgb.width, 3).permute(0, 3, 1, 2).float() / 255


def means(scores: Sequence[Score]) -> list[Score]:
    """One row a system, over the scenes that it has; systems in the order of their first appearance."""
    rows = []
    for system in dict.fromkeys(score.system for score in scores):
        own = [score for score in scores if score.system == system]
        values = torch.tensor([score[2:] for score in own]).mean(0).tolist()
        rows.append(Score(f"mean of {len(own)}", system, *values))
    return rows


def format_table(scores: Sequence[Score]) -> str:
    """The scores and their means as a text table."""
    lines = [f"{'scene':<24}{'system':<12}{'PSNR dB':>9}{'SSIM':>8}{'aligned dB':>12}"]
    for group in (scores, means(scores)):
        lines += [f"{s.scene:<24}{s.system:<12}{s.psnr:9.2f}{s.ssim:8.3f}{s.aligned_psnr:12.2f}" for s in group]
    return "\n".join(lines)
