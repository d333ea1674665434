"""``python -m f2a bench train``: images a second of the paper's training step, beside a plain loop, in one run.

Both loops do the same arithmetic on the same pairs from the same weights (guided L1 and adversarial terms, VGG-16
generator, float32); a test compares their losses. The *plain* loop is written as the 2020 code writes it: photos
decoded from PNG at every step, tensors in NCHW order, Adam as it comes, gradients also for the discriminator that only
judges, every loss read with ``.item()``. *Ours* is made of the parts that ``train_accelerate.py`` trains with.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from f2a.config import PRESETS, RECIPES
from f2a.data.augment import Augmentation, Crops, Part, batches
from f2a.data.folder import Draws, Source, find_pairs, read_pairs
from f2a.model.discriminator import Discriminator
from f2a.model.generator import Generator, has_fast_bfloat16
from f2a.training.attention import attention_map
from f2a.training.losses import adversarial, discriminator_losses, guided, l1
from f2a.training.optim import adam, frozen, generator_groups

PARTS = ("data", "forward", "backward", "step")
PHOTO_SIZE = (320, 240)
"""Width and height of the pairs that are made for the bench: those of the paper's data set."""


@dataclass
class Stopwatch:
    """Seconds spent in each part of a step."""

    device: torch.device
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))

    @contextmanager
    def measuring(self, part: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.seconds[part] += time.perf_counter() - start


class Loop(Protocol):
    def read(self) -> tuple[Tensor, Tensor]:
        """The next flash and ambient images, ``(B, 3, R, R)``."""
        ...

    def learn(self, watch: Stopwatch, flash: Tensor, ambient: Tensor) -> list[Tensor | float]:
        """One training step; its reconstruction, adversarial and discriminator losses."""
        ...


class PlainLoop:
    """The training step as the 2020 code writes it."""

    def __init__(self, folder: Path, batch_size: int, how: Augmentation, device: torch.device) -> None:
        torch.manual_seed(0)
        self.generator = Generator(PRESETS["vgg16"]).train().to(device)
        self.discriminator = Discriminator().train().to(device)
        self.optimizer = torch.optim.Adam(self.generator.parameters(), lr=2e-5, betas=(0.5, 0.999))
        self.discriminator_optimizer = torch.optim.Adam(self.discriminator.parameters(), lr=2e-6, betas=(0.5, 0.999))
        self.pairs, self.how, self.device = find_pairs(folder).files, how, device
        self.next = (range(n * batch_size, (n + 1) * batch_size) for n in count())

    def read(self) -> tuple[Tensor, Tensor]:
        pairs = [self.pairs[number % len(self.pairs)] for number in next(self.next)]
        flash, ambient = (
            torch.stack([self._crop(Image.open(path).convert("RGB")) for path in paths]).to(self.device)
            for paths in ([pair.flash for pair in pairs], [pair.ambient for pair in pairs])
        )
        return flash, ambient

    def _crop(self, photo: Image.Image) -> Tensor:
        size = (self.how.resolution, self.how.resolution)
        small = photo.crop((40, 0, 280, 240)).resize(size, Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255

    def learn(self, watch: Stopwatch, flash: Tensor, ambient: Tensor) -> list[Tensor | float]:
        with watch.measuring("forward"):
            attention = attention_map(flash, ambient)
            relit = self.generator(flash)
            on_relit = self.discriminator(relit.detach() * attention)
            on_ambient = self.discriminator(ambient * attention)
            verdict = _verdict(on_relit, 0.0) + _verdict(on_ambient, 1.0)
        self._descend(watch, self.discriminator_optimizer, verdict)
        with watch.measuring("forward"):
            reconstruction = l1(relit * attention, ambient * attention)
            fooled = _verdict(self.discriminator(relit * attention), 1.0)
        self._descend(watch, self.optimizer, reconstruction + fooled)
        return [reconstruction.item(), fooled.item(), verdict.item()]

    def _descend(self, watch: Stopwatch, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        with watch.measuring("backward"):
            optimizer.zero_grad()
            torch.autograd.backward(loss)
        with watch.measuring("step"):
            optimizer.step()


class OurLoop:
    """The training step of ``train_accelerate.py --recipe paper``, without accelerate around it."""

    def __init__(self, folder: Path, batch_size: int, how: Augmentation, device: torch.device, bf16: bool) -> None:
        torch.manual_seed(0)
        config = RECIPES["paper"]
        self.generator = Generator(PRESETS["vgg16"]).train().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.discriminator = Discriminator().train().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizer = adam(generator_groups(self.generator, config), config)
        groups = [{"params": list(self.discriminator.parameters()), "lr": config.discriminator_learning_rate}]
        self.discriminator_optimizer = adam(groups, config)
        pairs = read_pairs(folder, folder / "cache", lambda sentence: None)
        self.batches = batches(Crops(Draws([Source(pairs, 1.0)], 0), how), Part(batch_size), 0)
        self.device, self.bf16 = device, bf16
        self.reconstruction, self.adversarial = guided(l1), adversarial(self.discriminator)

    def read(self) -> tuple[Tensor, Tensor]:
        batch = next(self.batches).to(self.device)
        return batch.flash, batch.ambient

    def learn(self, watch: Stopwatch, flash: Tensor, ambient: Tensor) -> list[Tensor | float]:
        autocast = torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)
        with watch.measuring("forward"), autocast:
            attention = attention_map(flash, ambient)
            relit = self.generator(flash)
            verdict = discriminator_losses(self.discriminator, relit, ambient, attention).total
        self._descend(watch, self.discriminator_optimizer, verdict)
        with frozen(self.discriminator):
            with watch.measuring("forward"), autocast:
                reconstruction = self.reconstruction(relit, ambient, attention)
                fooled = self.adversarial(relit, ambient, attention)
            self._descend(watch, self.optimizer, reconstruction + fooled)
        return [reconstruction.detach(), fooled.detach(), verdict.detach()]

    def _descend(self, watch: Stopwatch, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        with watch.measuring("backward"):
            torch.autograd.backward(loss)
        with watch.measuring("step"):
            optimizer.step()
            optimizer.zero_grad()


def _verdict(logits: Tensor, wanted: float) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, wanted))


@dataclass(frozen=True)
class Row:
    """One loop's result; seconds are means a step."""

    loop: str
    images_per_second: float
    seconds: dict[str, float]


def bench_train(batch_size: int, resolution: int, steps: int, device: torch.device) -> list[Row]:
    """Time the loops in turn, step by step, so that a machine whose speed drifts treats all alike.

    Returns:
        a row each for the plain loop, ours, and ours with bfloat16 where the device multiplies it in hardware.
    """
    plain = Augmentation(resolution, (1.0, 1.0), (1.0, 1.0), 0.0, 0.0, normalize_exposure=False)
    with tempfile.TemporaryDirectory(prefix="f2a-bench-") as name:
        folder = _make_pairs(Path(name), 2 * batch_size)
        loops: dict[str, Loop] = {
            "plain": PlainLoop(folder, batch_size, plain, device),
            "ours": OurLoop(folder, batch_size, plain, device, bf16=False),
        }
        if _multiplies_bf16(device):
            loops["ours, bf16"] = OurLoop(folder, batch_size, plain, device, bf16=True)
        for loop in loops.values():
            take_step(loop, Stopwatch(device))  # to warm up
        watches = {kind: Stopwatch(device) for kind in loops}
        for _ in range(steps):
            for kind, loop in loops.items():
                take_step(loop, watches[kind])
    rows = []
    for kind, watch in watches.items():
        seconds = {part: total / steps for part, total in watch.seconds.items()}
        rows.append(Row(kind, batch_size / sum(seconds.values()), seconds))
    return rows


def take_step(loop: Loop, watch: Stopwatch) -> list[Tensor | float]:
    with watch.measuring("data"):
        flash, ambient = loop.read()
    return loop.learn(watch, flash, ambient)


def _make_pairs(folder: Path, number: int) -> Path:
    """Pairs of noise as the paper's files are: 320x240 PNG."""
    random = np.random.default_rng(0)
    for name in range(number):
        for half in ("flash", "ambient"):
            small = random.integers(0, 256, (30, 40, 3), dtype=np.uint8)
            Image.fromarray(small).resize(PHOTO_SIZE).save(folder / f"{name:03d}_{half}.png")
    return folder


def _multiplies_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type == "cpu" and has_fast_bfloat16()


def format_rows(rows: list[Row]) -> str:
    """The result as a text table; ``x`` is images a second over the plain loop's."""
    lines = [f"{'loop':<12}{'images/s':>10}{'x':>7}" + "".join(f"{part + ' s':>12}" for part in PARTS)]
    for row in rows:
        ratio = row.images_per_second / rows[0].images_per_second
        parts = "".join(f"{row.seconds[part]:12.3f}" for part in PARTS)
        lines.append(f"{row.loop:<12}{row.images_per_second:10.2f}{ratio:7.2f}{parts}")
    return "\n".join(lines)
