"""Small pairs on disk for the tests: a grainy photo, and the same darker and colder as its flash photo."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from f2a.config import TrainConfig
from f2a.data.cache import CachedPair


def write_pairs(folder: Path, count: int = 5, size: tuple[int, int] = (96, 80)) -> Path:
    """``count`` pairs ``p0_flash.png``, ``p0_ambient.png`` ... of ``size`` (width, height)."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        random = np.random.default_rng(number)
        few = random.integers(30, 230, (5, 6, 3)).astype(np.uint8)
        grain = random.normal(0, 20, (size[1], size[0], 3))
        smooth = np.asarray(Image.fromarray(few).resize(size, Image.Resampling.BICUBIC))
        ambient = Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8))
        flash = (np.asarray(ambient) * np.array([0.5, 0.6, 0.8])).astype(np.uint8)
        ambient.save(folder / f"p{number}_ambient.png")
        Image.fromarray(flash).save(folder / f"p{number}_flash.png")
    return folder


def numbered_pairs(count: int, origin: int = 0) -> list[CachedPair]:
    """Decoded pairs of one grey value each, which is their number."""
    photos = [np.full((8, 12, 3), number, np.uint8) for number in range(count)]
    return [CachedPair(f"{origin}/{number}", photo, photo, 1.0) for number, photo in enumerate(photos)]


def plain_crops(resolution: int, **flags: Any) -> TrainConfig:
    """A config of crops of that side in which no colour, surface, object or grain is random unless ``flags`` say so."""
    plain: dict[str, Any] = {"color_jitter": 0, "reflectance": 0, "copy_paste": 0, "noise": 0}
    return TrainConfig(resolution=resolution, **plain | flags)
