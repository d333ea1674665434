"""Training crops, each a pure function of the seed and its draw number, and the batches for each process."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from f2a.color import exposure_gain, linear_to_srgb, srgb_to_linear
from f2a.config import TrainConfig
from f2a.data.cache import CachedPair, DataError
from f2a.data.copy_paste import paste_objects
from f2a.data.sampling import MixtureSampler
from f2a.errors import first_line


class DataLoaderWorkerError(RuntimeError):
    """A worker process of the data loader has died; the message says how to continue the run."""


class PairCrops(NamedTuple):
    """Crops of flash and ambient photos, float32 sRGB in [0, 1], and the names of the flash photos.

    A single pair has one name and two photos of ``(3, R, R)``; a batch has a tuple of names and ``(B, 3, R, R)`` twice.
    """

    flash: Tensor
    ambient: Tensor
    files: Any

    def to(self, device: torch.device) -> "PairCrops":
        """Return a copy on ``device``."""
        flash, ambient = (image.to(device, non_blocking=True) for image in (self.flash, self.ambient))
        return PairCrops(flash, ambient, self.files)


def augment(pair: CachedPair, config: TrainConfig, *key: int, other: CachedPair | None = None) -> PairCrops:
    """Return a random crop of ``pair`` with jittered light and perhaps objects of ``other``; it is a function of the
    arguments alone. If ``config.exposure`` is None, the ambient photo keeps its exposure."""
    random = np.random.default_rng(key)
    flash, ambient = random_crop(pair, config, random)
    if random.random() < config.copy_paste:
        flash, ambient = paste_objects(flash, ambient, random_crop(other or pair, config, random), random)
    stops = random.uniform(-config.flash_stops, config.flash_stops)
    ambient_share = random.uniform(0, config.ambient_in_flash)
    surfaces = torch.tensor(np.exp(random.normal(0, config.color_jitter, (3, 1, 1))), dtype=torch.float32)
    if random.random() < config.reflectance:
        mean = flash.mean()
        surfaces = surfaces * reflectance_map(config.resolution, random)
        surfaces = surfaces * (mean / (flash * surfaces).mean().clamp(min=1e-6)).clamp(max=4)
    flash, ambient = flash * surfaces, ambient * surfaces
    view_srgb = linear_to_srgb((flash * 2.0**stops + ambient_share * ambient).clamp(max=1))
    if config.noise:
        grain = random.normal(0, random.uniform(0, config.noise), view_srgb.shape)
        view_srgb = (view_srgb + torch.from_numpy(grain).float()).clamp(0, 1)
    gain = pair.ambient_gain if config.normalize_exposure else 1
    if config.exposure is not None:
        flash_mean = max(float(view_srgb.mean()), config.min_exposure or 0.0)
        target = flash_mean if isinstance(config.exposure, str) else config.exposure
        gain = exposure_gain(linear_to_srgb(ambient.clamp(max=1)), target)
    return PairCrops(view_srgb, linear_to_srgb((ambient * gain).clamp(max=1)), pair.file)


def random_crop(pair: CachedPair, config: TrainConfig, random: np.random.Generator) -> Tensor:
    """Return a random crop of both photos, resized and perhaps mirrored: ``(2, 3, R, R)``, linear light."""
    height, width = pair.flash.shape[:2]
    (small, large), aspects = config.crop, config.crop_aspect
    side = min(height, width) * random.uniform(small, large)
    aspect = np.exp(random.uniform(*np.log(aspects)))
    crop_width = max(1, min(width, round(side * np.sqrt(aspect))))
    crop_height = max(1, min(height, round(side / np.sqrt(aspect))))
    left, top = random.integers(width - crop_width + 1), random.integers(height - crop_height + 1)
    view = np.s_[top : top + crop_height, left : left + crop_width]
    both = torch.from_numpy(np.stack([pair.flash[view], pair.ambient[view]])).permute(0, 3, 1, 2).float() / 255
    both = F.interpolate(both, size=[config.resolution] * 2, mode="bilinear", antialias=True).clamp(0, 1)
    return srgb_to_linear(both.flip(-1) if random.random() < 0.5 else both)


BRIGHTNESS_STD, COLOR_STD = 0.4, 0.2
"""Standard deviations of a surface's log-reflectance: the part shared by all channels, and the part of each channel."""


def reflectance_map(side: int, random: np.random.Generator) -> Tensor:
    """Return a random reflectance map, ``(3, side, side)``: 3 to 25 surfaces with wavy borders.

    Light is linear, so multiplying both photos by it gives a valid pair with other surfaces. It keeps a network that
    sees few rooms from memorising their walls.
    """
    coarse = max(8, side // 2)
    down, across = np.mgrid[:coarse, :coarse] / coarse
    for _ in range(2):
        waves = random.uniform(1, 5, 2), random.uniform(0, 1, 2), random.normal(0, 0.03, 2)
        bend = [
            size * np.sin(2 * np.pi * (n * axis + phase))
            for n, phase, size, axis in zip(*waves, (across, down), strict=True)
        ]
        down, across = down + bend[0], across + bend[1]
    seeds = random.uniform(0, 1, (int(random.integers(3, 26)), 2, 1, 1))
    surface = ((down - seeds[:, 0]) ** 2 + (across - seeds[:, 1]) ** 2).argmin(0)
    log_factors = random.normal(0, BRIGHTNESS_STD, (len(seeds), 1)) + random.normal(0, COLOR_STD, (len(seeds), 3))
    factors = torch.from_numpy(np.exp(log_factors)[surface]).float().permute(2, 0, 1)
    return F.interpolate(factors[None], size=(side, side), mode="bilinear")[0]


class Crops(Dataset[PairCrops]):
    """The endless sequence of a run's crops; crop ``i`` depends only on the run's seed and ``i``."""

    def __init__(self, mixture: MixtureSampler, config: TrainConfig) -> None:
        self.mixture, self.config = mixture, config

    def __getitem__(self, draw: int) -> PairCrops:
        other = self.mixture[draw + 1] if self.config.copy_paste else None
        return augment(self.mixture[draw], self.config, self.mixture.seed, draw, other=other)


class ShardedBatchSampler(NamedTuple):
    """The batches of one process among several."""

    batch_size: int
    process: int = 0
    processes: int = 1

    def batches(self, first: int) -> Iterator[list[int]]:
        """Yield the draw numbers of each batch, starting at draw ``first`` of the whole run.

        The processes take turns, so their batches together are consecutive draws: two processes with a batch size of 4
        see the same crops as one with 8.
        """
        for batch in count():
            start = first + (batch * self.processes + self.process) * self.batch_size
            yield list(range(start, start + self.batch_size))


def batches(crops: Crops, shard: ShardedBatchSampler, first: int, workers: int = 0) -> Iterator[PairCrops]:
    """Return an endless iterator over the batches of one process, starting at draw ``first``."""
    loader: DataLoader[PairCrops] = DataLoader(
        crops,
        batch_sampler=shard.batches(first),
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # otherwise the loader would consume the run's own random numbers
    )
    return iter(loader)


@contextmanager
def translate_worker_errors() -> Iterator[None]:
    """Raise one error for a dead worker process, which PyTorch may report anywhere in the training loop.

    Raises:
        DataLoaderWorkerError: a worker process has died.
        DataError: a worker raised it; the traceback that PyTorch adds to the message is removed.
    """
    try:
        yield
    except DataError as error:
        raise DataError(str(error.args[0]).rpartition("DataError: ")[2].strip()) from None
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        reason = first_line(error)
        remedy = "if memory ran out, use fewer --dataloader_num_workers"
        raise DataLoaderWorkerError(f"{reason}; {remedy}, and continue with --resume_from_checkpoint latest") from None
