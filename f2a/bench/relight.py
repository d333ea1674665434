"""``python -m f2a bench relight``: how long relighting takes, compared with the minimum of work, in one run.

Times are the best of several rounds, in each of which everything has its turn, so that a machine whose speed drifts
treats all alike. The photos are a bundled example, enlarged, with grain, as JPEG of quality 90.
"""

import io
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image, JpegImagePlugin

import f2a
from f2a.config import PRESETS
from f2a.files import write_output
from f2a.model.generator import Generator, has_fast_bfloat16
from f2a.relight.relighter import Relighter, relight_file, working_size

EXAMPLE = Path(f2a.__file__).parent / "examples" / "living_room_flash.jpg"
GRAIN = 5.0
"""Standard deviation of the grain, in 8-bit levels."""


@dataclass(frozen=True)
class Measurement:
    """One line of the table.

    Attributes:
        what: was measured.
        value: in ``unit``.
        unit: ``ms``, ``s`` or ``MB``.
        beside: what it is compared with, if anything.
        ratio: ``value`` over that, or that over ``value`` where the target says "faster".
        target: on two processors, if there is one.
    """

    what: str
    value: float
    unit: str
    beside: str = ""
    ratio: float | None = None
    target: str = ""


def bench_relight(
    relighter: Relighter, megapixels: Iterable[float] = (12, 48), rounds: int = 5
) -> Iterable[Measurement]:
    """Measure one line of the table after the other."""
    yield from bench_networks(relighter, rounds)
    with tempfile.TemporaryDirectory(prefix="f2a-bench-") as name:
        for count in megapixels:
            photo = make_photo(Path(name) / f"{count:g}.jpg", count)
            yield from bench_file(relighter, photo, count, rounds)
        yield from bench_start(Path(name), rounds)


def bench_networks(relighter: Relighter, rounds: int) -> Iterable[Measurement]:
    """Both presets as they are run here, beside the plain module of ``vgg16``, in float32."""
    work: dict[str, Callable[[], object]] = {}
    beside: dict[str, str] = {}
    plain = Generator(PRESETS["vgg16"]).eval()
    sizes = [(320, 240), working_size(4000, 3000, relighter.architecture.working_pixels)]
    for width, height in dict.fromkeys(sizes):
        flash, baseline = torch.rand(1, 3, height, width), f"vgg16 at {width}x{height}, plain module"
        work[baseline] = partial(plain, flash)
        for preset in ("vgg16", "compact"):
            name, generator = f"{preset} at {width}x{height}", Generator(PRESETS[preset])
            work[name] = torch.inference_mode()(partial(generator.for_inference(torch.device("cpu")), flash))
            beside[name] = baseline
    seconds = best(work, rounds)
    targets = {
        "vgg16 at 320x240": f"{'5' if has_fast_bfloat16() else '1.15'} x faster",
        "compact at 320x240": f"{'22' if has_fast_bfloat16() else '12'} x faster",
    }
    for name, value in seconds.items():
        ratio = seconds[beside[name]] / value if name in beside else None
        yield Measurement(name, 1000 * value, "ms", beside.get(name, ""), ratio, targets.get(name, ""))


def bench_file(relighter: Relighter, photo: Path, megapixels: float, rounds: int) -> Iterable[Measurement]:
    """A file's way through the library, beside Pillow's decoding and encoding of the same file."""
    target = photo.with_suffix(".relit.jpg")
    work: dict[str, Callable[[], object]] = {
        "pillow": lambda: decode_and_encode(photo),
        "ours": lambda: relight_file(relighter, photo, target, overwrite=True),
    }
    seconds = best(work, rounds)
    name, size = f"{megapixels:g} MP file", photo.stat().st_size / 1e6
    pillow = f"Pillow, decode and encode ({size:.1f} MB)"
    yield Measurement(f"{name}, {pillow}", seconds["pillow"], "s")
    target_of = {12: "at most 2.3 x"}.get(int(megapixels), "")
    yield Measurement(f"{name}, whole", seconds["ours"], "s", pillow, seconds["ours"] / seconds["pillow"], target_of)
    idle, peak = peak_memory(photo)
    targets = {12: "at most 700 MB over idle", 48: "at most 2500 MB"}
    over = f"idle process, {idle:.0f} MB; {peak - idle:.0f} MB over it"
    yield Measurement(f"{name}, peak memory", peak, "MB", over, peak / idle, targets.get(int(megapixels), ""))


def bench_start(folder: Path, rounds: int) -> Iterable[Measurement]:
    """Whole processes: the help text, and the first photo (the example at its own size)."""
    command = [sys.executable, "-m", "f2a", "relight"]
    photo = [str(EXAMPLE), "-o", str(folder / "first.jpg"), "--overwrite", "--device", "cpu"]
    work: dict[str, Callable[[], object]] = {
        "start, relight --help": lambda: _run([*command, "--help"]),
        "start and first photo, cold": lambda: _run([*command, *photo]),
    }
    for (name, value), target in zip(best(work, rounds).items(), ("under 0.3 s", "under 3 s"), strict=True):
        yield Measurement(name, value, "s", target=target)


def best(work: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds of each piece of work: the best of so many rounds, after one to warm up."""
    seconds = dict.fromkeys(work, math.inf)
    for number in range(rounds + 1):
        for name, do in work.items():
            start = time.perf_counter()
            do()
            if number:
                seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds


def make_photo(path: Path, megapixels: float) -> Path:
    """The example, four to three, enlarged to so many megapixels, with grain; a JPEG of quality 90."""
    height = round(math.sqrt(megapixels * 0.75e6))
    size = (round(height * 4 / 3), height)
    values = np.asarray(Image.open(EXAMPLE).convert("RGB").resize(size, Image.Resampling.BICUBIC)).copy()
    random = np.random.default_rng(0)
    for top in range(0, height, 256):
        strip = values[top : top + 256]
        grain = random.normal(0, GRAIN, strip.shape[:2]).astype(np.float32)
        strip[:] = (strip + grain[..., None]).clip(0, 255)
    Image.fromarray(values).save(path, quality=90)
    return path


def decode_and_encode(path: Path) -> None:
    """The minimum that any program must do, with the file's own tables and sampling."""
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
    status = Path("/proc/self/status")  # Linux: what getrusage tells there includes the parent's
    if status.exists():
        return int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
relighter = Relighter.from_pretrained(device="cpu")
relight_file(relighter, Path(sys.argv[1]), Path(sys.argv[3]), overwrite=True)
idle = peak()
relight_file(relighter, Path(sys.argv[2]), Path(sys.argv[3]), overwrite=True)
print(idle, peak())
"""


def peak_memory(photo: Path) -> tuple[float, float]:
    """Largest resident memory in MB of a process that has relit the small example, and then ``photo``."""
    output = _run([sys.executable, "-c", MEMORY, str(EXAMPLE), str(photo), str(photo.with_suffix(".peak.jpg"))])
    idle, peak = map(float, output.split())
    return idle, peak


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=EXAMPLE.parents[2]).stdout


def as_line(measurement: Measurement) -> str:
    """One line of the table."""
    ratio = "" if measurement.ratio is None else f"{measurement.ratio:.2f} x"
    value = f"{measurement.value:.{2 if measurement.unit == 's' else 0}f} {measurement.unit}"
    return f"{measurement.what:<58}{value:>10}{ratio:>10}  {measurement.beside}" + (
        f" (target {measurement.target})" if measurement.target else ""
    )


def write_json(path: Path, measurements: list[Measurement]) -> None:
    """
    Raises:
        OutputError: the file cannot be written.
    """
    write_output(path, (json.dumps([asdict(one) for one in measurements], indent=1) + "\n").encode())
