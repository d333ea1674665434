"""How well a generator does on pairs that it never trained on, in figures and in one picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw
from torch import Tensor, nn

from f2a.color import exposure_gain, linear_to_srgb, srgb_to_linear
from f2a.data.folder import CachedPair
from f2a.metrics import psnr, ssim, to_8bit
from f2a.training.attention import attention_map


class Scores(NamedTuple):
    """PSNR in dB and SSIM of the relit photo, and of the flash photo as it is, against the truth."""

    psnr: float
    ssim: float
    flash_psnr: float
    flash_ssim: float


class Views(NamedTuple):
    """What a row of the picture shows; ``(1, 3, H, W)`` sRGB, attention as grey."""

    flash: Tensor
    ours: Tensor
    truth: Tensor
    attention: Tensor


class Row(NamedTuple):
    scores: Scores
    views: Views


@torch.inference_mode()
def validate(
    generator: nn.Module, pair: CachedPair, pixels: int, normalize_exposure: bool, device: torch.device
) -> Row:
    """Relight one pair at working size, an area of ``pixels``; the truth is brought to the standard exposure."""
    flash, ambient = (
        torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255 for photo in (pair.flash, pair.ambient)
    )
    scale = (pixels / (flash.shape[-1] * flash.shape[-2])) ** 0.5
    size = [max(7, round(side * scale)) for side in flash.shape[-2:]]
    flash, ambient = (
        F.interpolate(image, size=size, mode="bilinear", antialias=True).clamp(0, 1) for image in (flash, ambient)
    )
    if normalize_exposure:
        ambient = linear_to_srgb((srgb_to_linear(ambient) * exposure_gain(ambient)).clamp(max=1))
    relit = generator(flash.to(device)).float().cpu()
    scores = Scores(psnr(relit, ambient), ssim(relit, ambient), psnr(flash, ambient), ssim(flash, ambient))
    return Row(scores, Views(flash, relit, ambient, attention_map(flash, ambient).expand_as(flash)))


def mean_scores(scores: Sequence[Scores]) -> Scores:
    return Scores(*np.mean(np.array(scores, dtype=np.float64), axis=0).tolist())


CELL = (240, 180)
"""Width and height of a photo in the picture; a smaller or narrower one stands centred on grey."""

TITLE = 16


def picture(rows: Sequence[Views]) -> Image.Image:
    """One row a pair, one titled column a view."""
    width, height = CELL
    sheet = Image.new("RGB", (width * len(Views._fields), TITLE + height * len(rows)), (128, 128, 128))
    pen = ImageDraw.Draw(sheet)
    for column, title in enumerate(Views._fields):
        pen.text((column * width + 4, 2), title, fill=(255, 255, 255))
        for number, views in enumerate(rows):
            cell = _photo(views[column])
            cell.thumbnail(CELL)
            left, top = (width - cell.width) // 2, (height - cell.height) // 2
            sheet.paste(cell, (column * width + left, TITLE + number * height + top))
    return sheet


def save_picture(rows: Sequence[Views], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(rows).save(path)
    return path


def _photo(image: Tensor) -> Image.Image:
    return Image.fromarray(to_8bit(image[0]).byte().permute(1, 2, 0).contiguous().numpy())
