"""``f2a bench relight``: how long relighting takes, compared with the minimum of work, in one run.

Times are the best of several rounds. Each round measures everything once, so that drifts in the machine's speed affect
all measurements alike. The photos are a bundled example, enlarged, with grain, as JPEG of quality 90.
"""

import io
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, JpegImagePlugin

from f2a.config import ARCHITECTURES
from f2a.images import EXAMPLE
from f2a.model.generator import Generator, has_fast_bfloat16
from f2a.relight.relighter import Relighter, relight_file

GRAIN = 5.0
"""Standard deviation of the grain, in 8-bit levels."""

Work = dict[str, Callable[[], object]]
"""Functions to time, by their names in the table."""


class Measurement(NamedTuple):
    """One line of the table; ``ratio`` is ``value`` over that of ``baseline``, or the inverse if the target says
    "faster". Targets are for two processors."""

    name: str
    value: float
    unit: str
    baseline: str = ""
    ratio: float | None = None
    target: str = ""


def bench_relight(relighter: Relighter, rounds: int) -> Iterator[Measurement]:
    """Yield the lines of the table as they are measured."""
    yield from bench_networks(rounds)
    with tempfile.TemporaryDirectory(prefix="f2a-bench-") as folder:
        for megapixels, (speed, memory) in TARGETS.items():
            photo = make_photo(Path(folder, f"{megapixels}.jpg"), megapixels)
            for measurement, target in zip(bench_file(relighter, photo, rounds), ("", speed, memory), strict=True):
                yield measurement._replace(name=f"{megapixels} MP file, {measurement.name}", target=target)
        yield from bench_start(Path(folder), rounds)


TARGETS = {12: ("at most 2.3 x", "at most 700 MB over idle"), 48: ("", "at most 2500 MB")}
"""Targets for the time and memory of relighting a file, by its megapixels."""


def bench_networks(rounds: int) -> Iterator[Measurement]:
    """Time both presets as this library runs them, compared with the plain ``vgg16`` module in float32."""
    flash, plain = torch.rand(1, 3, 240, 320), "vgg16 at 320x240, plain module"
    work: Work = {plain: partial(Generator(ARCHITECTURES["vgg16"]).eval(), flash)}
    for preset in ("vgg16", "compact"):
        generator = Generator(ARCHITECTURES[preset]).for_inference(torch.device("cpu"))
        work[f"{preset} at 320x240"] = torch.inference_mode()(partial(generator, flash))
    seconds, faster = best(work, rounds), ("5", "22") if has_fast_bfloat16() else ("1.15", "12")
    baseline = seconds.pop(plain)
    yield Measurement(plain, 1000 * baseline, "ms")
    for (name, value), factor in zip(seconds.items(), faster, strict=True):
        yield Measurement(name, 1000 * value, "ms", plain, baseline / value, f"{factor} x faster")


def bench_file(relighter: Relighter, photo: Path, rounds: int) -> Iterator[Measurement]:
    """Time relighting of a file, compared with Pillow's decoding and encoding of it, and measure its memory."""
    target, pillow = photo.with_suffix(".relit.jpg"), f"Pillow, decode and encode ({photo.stat().st_size / 1e6:.1f} MB)"
    work: Work = {
        pillow: lambda: decode_and_encode(photo),
        "whole": lambda: relight_file(relighter, photo, target, overwrite=True),
    }
    seconds = best(work, rounds)
    yield Measurement(pillow, seconds[pillow], "s")
    yield Measurement("whole", seconds["whole"], "s", pillow, seconds["whole"] / seconds[pillow])
    idle, peak = peak_memory(photo)
    over = f"idle process, {idle:.0f} MB; {peak - idle:.0f} MB over it"
    yield Measurement("peak memory", peak, "MB", over, peak / idle)


def bench_start(folder: Path, rounds: int) -> Iterator[Measurement]:
    """Time whole processes: the help text, and the first photo (the example at its own size)."""
    command = [sys.executable, "-m", "f2a", "relight"]
    photo = [str(EXAMPLE), "-o", str(folder / "first.jpg"), "--overwrite", "--device", "cpu"]
    work: Work = {
        "start, relight --help": lambda: _run([*command, "--help"]),
        "start and first photo, cold": lambda: _run([*command, *photo]),
    }
    for (name, value), target in zip(best(work, rounds).items(), ("under 0.3 s", "under 3 s"), strict=True):
        yield Measurement(name, value, "s", target=target)


def best(work: Work, rounds: int) -> dict[str, float]:
    """Seconds that each function takes: the best of ``rounds`` rounds after one to warm up."""
    seconds = dict.fromkeys(work, math.inf)
    for number in range(rounds + 1):
        for name, do in work.items():
            start = time.perf_counter()
            do()
            if number:
                seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds


def make_photo(path: Path, megapixels: float) -> Path:
    """Save the example, resized to 4:3 and so many megapixels and with grain, as a JPEG of quality 90."""
    height = round(math.sqrt(megapixels * 0.75e6))
    size = (round(height * 4 / 3), height)
    values = np.asarray(Image.open(EXAMPLE).convert("RGB").resize(size, Image.Resampling.BICUBIC)).copy()
    random = np.random.default_rng(0)
    for strip in np.split(values, range(256, height, 256)):  # views; grain for all rows at once would need much memory
        strip[:] = (strip + random.normal(0, GRAIN, (*strip.shape[:2], 1)).astype(np.float32)).clip(0, 255)
    Image.fromarray(values).save(path, quality=90)
    return path


def decode_and_encode(path: Path) -> None:
    """Do the minimum that any program must do, with the file's own tables and sampling."""
    with Image.open(path) as photo:
        assert isinstance(photo, JpegImagePlugin.JpegImageFile)
        photo.load()
        sampling = JpegImagePlugin.get_sampling(photo)
        photo.save(io.BytesIO(), "JPEG", qtables=photo.quantization, subsampling=sampling)


MEMORY = """
import re, resource, sys
from pathlib import Path
from f2a.relight.relighter import Relighter, relight_file
def peak():
    status = Path("/proc/self/status")  # Linux, where getrusage includes the parent's peak
    if status.exists():
        return int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
relighter = Relighter.from_pretrained(device="cpu")
relight_file(relighter, Path(sys.argv[1]), Path(sys.argv[3]), overwrite=True)
idle = peak()
relight_file(relighter, Path(sys.argv[2]), Path(sys.argv[3]), overwrite=True)
print(idle, peak())
"""
"""Program that prints its peak memory in MB after relighting one photo, and after another."""


def peak_memory(photo: Path) -> tuple[float, float]:
    """Peak resident memory in MB of a process after relighting the small example, and then ``photo``."""
    output = _run([sys.executable, "-c", MEMORY, str(EXAMPLE), str(photo), str(photo.with_suffix(".peak.jpg"))])
    idle, peak = map(float, output.split())
    return idle, peak


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=EXAMPLE.parents[2]).stdout


def as_line(measurement: Measurement) -> str:
    """Format a measurement as a line of the table."""
    name, number, unit, baseline, factor, target = measurement
    value, ratio = f"{number:.{2 if unit == 's' else 0}f} {unit}", "" if factor is None else f"{factor:.2f} x"
    return f"{name:<58}{value:>10}{ratio:>10}  {baseline}" + (f" (target {target})" if target else "")
