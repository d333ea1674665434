"""``f2a bench train``: images per second of the paper's training step and of a plain loop, in one run.

Both loops do the same arithmetic on the same pairs from the same weights (guided L1 and adversarial terms, VGG-16
generator, float32); a test compares their losses. The *plain* loop follows the 2020 code: it decodes PNG photos at
every step, keeps tensors in NCHW order, uses PyTorch's default implementation of Adam, computes gradients for the
discriminator in the generator's turn too, and reads every loss with ``.item()``. The *product* loop is
``Trainer.training_step`` of ``train_accelerate.py``.
"""

import dataclasses
import os
import runpy
import tempfile
import time
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from f2a.config import ARCHITECTURES, RECIPES, TrainConfig
from f2a.data.augment import PairCrops, ShardedBatchSampler, batches
from f2a.data.folder import find_pairs
from f2a.errors import Report
from f2a.model.discriminator import Discriminator
from f2a.model.generator import Generator, has_fast_bfloat16
from f2a.training.arguments import SCRIPT, check_script
from f2a.training.losses import attention_map, cross_entropy
from f2a.training.processes import make_accelerator
from f2a.training.setup import load_inputs

PHOTO_SIZE = (320, 240)
"""Width and height of the pairs made for the benchmark, as in the paper's data set."""


class PlainLoop:
    """The training step as in the 2020 code; ``training_step`` returns its losses by name."""

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        torch.manual_seed(0)
        self.generator = Generator(ARCHITECTURES["vgg16"]).train().to(device)
        self.discriminator = Discriminator().train().to(device)
        self.optimizer = torch.optim.Adam(self.generator.parameters(), lr=2e-5, betas=(0.5, 0.999))
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=2e-6, betas=(0.5, 0.999))
        self.size, self.device = (config.resolution, config.resolution), device
        self.batch_size, self.pairs = config.train_batch_size, cycle(find_pairs(*config.train_data_dir).files)

    def read(self) -> PairCrops:
        pairs = [*islice(self.pairs, self.batch_size)]
        flash, ambient = (
            torch.stack([self._crop(Image.open(path).convert("RGB")) for path in paths]).to(self.device)
            for paths in ([pair.flash for pair in pairs], [pair.ambient for pair in pairs])
        )
        return PairCrops(flash, ambient, [pair.name for pair in pairs])

    def _crop(self, photo: Image.Image) -> Tensor:
        small = photo.crop((40, 0, 280, 240)).resize(self.size, Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255

    def training_step(self, batch: PairCrops) -> dict[str, Tensor]:
        flash, ambient, _ = batch
        attention = attention_map(flash, ambient)
        relit = self.generator(flash)
        on_relit = self.discriminator(relit.detach() * attention)
        on_ambient = self.discriminator(ambient * attention)
        discriminator = cross_entropy(on_relit, 0.0) + cross_entropy(on_ambient, 1.0)
        self._descend(self.discriminator_optimizer, discriminator)
        reconstruction = F.l1_loss(relit * attention, ambient * attention)
        adversarial = cross_entropy(self.discriminator(relit * attention), 1.0)
        self._descend(self.optimizer, reconstruction + adversarial)
        losses = {"reconstruction": reconstruction, "adversarial": adversarial, "discriminator": discriminator}
        return {name: torch.tensor(loss.item()) for name, loss in losses.items()}

    def _descend(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()


class ProductLoop:
    """``Trainer.training_step`` of ``train_accelerate.py --recipe paper`` itself."""

    def __init__(self, config: TrainConfig, device: torch.device, bf16: bool) -> None:
        torch.manual_seed(0)
        if device.type == "cpu":
            os.environ.setdefault("ACCELERATE_USE_CPU", "true")
        inputs = load_inputs(config, lambda sentence: None)
        trainer = runpy.run_path(str(SCRIPT))["Trainer"](config, "", make_accelerator(config))
        self.trainer = trainer.setup(inputs, len(inputs.crops.mixture))
        self.batches = batches(inputs.crops, ShardedBatchSampler(config.train_batch_size), 0)
        self.device, self.bf16 = device, bf16

    def read(self) -> PairCrops:
        return next(self.batches).to(self.device)

    def training_step(self, batch: PairCrops) -> dict[str, Tensor]:
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            return self.trainer.training_step(batch)


@dataclass
class Timing:
    """One loop's results so far; seconds are summed over its steps."""

    loop: str
    batch_size: int
    steps: int = 0
    data: float = 0.0
    step: float = 0.0

    @property
    def images_per_second(self) -> float:
        return self.steps * self.batch_size / (self.data + self.step)

    def add_step(self, loop: PlainLoop | ProductLoop) -> None:
        """Run one step of ``loop`` and add its seconds."""
        start = time.perf_counter()
        batch = loop.read()
        middle = time.perf_counter()
        loop.training_step(batch)
        if loop.device.type == "cuda":
            torch.cuda.synchronize(loop.device)
        self.data, self.step = self.data + middle - start, self.step + time.perf_counter() - middle
        self.steps += 1


def bench_config(pairs: Path, batch_size: int, resolution: int) -> TrainConfig:
    """The paper's recipe on a folder of pairs, from random weights and without random crops."""
    return dataclasses.replace(
        RECIPES["paper"],
        train_data_dir=[str(pairs)],
        cache_dir=str(pairs / "cache"),
        train_batch_size=batch_size,
        resolution=resolution,
        crop=[1.0, 1.0],
        encoder_weights="none",
    )


def bench_train(batch_size: int, resolution: int, steps: int, device: torch.device, report: Report) -> list[Timing]:
    """Time the loops in turn, step by step, so that drifts in the machine's speed affect all of them alike.

    Args:
        report: receives the progress before each warm-up and after each step.

    Returns:
        timings of the plain loop, the product's, and the product's in bfloat16 if the device multiplies it in hardware.

    Raises:
        F2aError: the training program is missing.
    """
    check_script()
    with tempfile.TemporaryDirectory(prefix="f2a-bench-") as name:
        config = bench_config(_make_pairs(Path(name), 2 * batch_size), batch_size, resolution)
        loops: dict[str, PlainLoop | ProductLoop] = {"plain": PlainLoop(config, device)}
        loops["product"] = ProductLoop(config, device, bf16=False)
        if {"cuda": torch.cuda.is_bf16_supported, "cpu": has_fast_bfloat16}.get(device.type, bool)():
            loops["product, bf16"] = ProductLoop(config, device, bf16=True)
        for kind, loop in loops.items():
            report(f"warming up: {kind}")
            Timing(kind, batch_size).add_step(loop)
        timings = [Timing(kind, batch_size) for kind in loops]
        for step in range(1, steps + 1):
            for timing in timings:
                timing.add_step(loops[timing.loop])
                report(f"step {step} of {steps}: {timing.loop} {timing.images_per_second:.2f} images/s")
    return timings


def _make_pairs(folder: Path, number: int) -> Path:
    """Write pairs of noise in the format of the paper's files, 320x240 PNG."""
    random = np.random.default_rng(0)
    for name in range(number):
        for half in ("flash", "ambient"):
            small = random.integers(0, 256, (30, 40, 3), dtype=np.uint8)
            Image.fromarray(small).resize(PHOTO_SIZE).save(folder / f"{name:03d}_{half}.png")
    return folder


def format_timings(timings: list[Timing]) -> str:
    """A text table of the results; ``x`` is images per second over the plain loop's, seconds are means per step."""
    lines = [f"{'loop':<15}{'images/s':>10}{'x':>7}{'data s':>10}{'step s':>10}"]
    for timing in timings:
        ratio = timing.images_per_second / timings[0].images_per_second
        data, step = timing.data / timing.steps, timing.step / timing.steps
        lines.append(f"{timing.loop:<15}{timing.images_per_second:10.2f}{ratio:7.2f}{data:10.3f}{step:10.3f}")
    return "\n".join(lines)
