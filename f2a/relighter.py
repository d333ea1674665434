"""``Relighter``: a flash photo in, the same photo in the room's own light out."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from f2a.checkpoint import Checkpoint
from f2a.gain import GuidedGain
from f2a.photo import (
    PhotoError,
    Pixels,
    check_target,
    from_pixels,
    read_photo,
    to_pixels,
    to_rgb8,
    upright,
    write_photo,
)


class DeviceError(ValueError):
    """A device that this machine does not have."""


@dataclass(frozen=True)
class Prepared:
    """A photo and the gain that relights it: rendering again needs no network."""

    photo: Image.Image
    pixels: Pixels
    gain: GuidedGain

    def render(self, strength: float = 1.0) -> Image.Image:
        """The photo relit.

        Args:
            strength: 0 returns the photo bit for bit, 1 the full effect; between, the log-gain is interpolated.

        Returns:
            a photo of the same size, upright; grey stays grey, 16 bits stay 16 bits and alpha is kept. Palette and
            CMYK photos come back in RGB, since neither can hold the new colours.

        Raises:
            ValueError: ``strength`` lies outside [0, 1].
        """
        if not 0 <= strength <= 1:
            raise ValueError(f"strength is {strength}: give a number from 0 (the photo) to 1 (the full effect)")
        if strength == 0:
            return self.photo.copy()
        return from_pixels(self.gain.apply(self.pixels.values, strength), self.pixels.alpha)


class Relighter:
    """Relights photos with one generator. Holds no state between calls, so threads may share it.

    Args:
        checkpoint: the generator and its description.
        device: where the generator runs.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.device = device
        self.architecture = checkpoint.architecture
        self.training = checkpoint.training
        generator = checkpoint.generator.eval().to(device)
        self._generator = generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def from_pretrained(
        cls, source: str | Path | None = None, revision: str | None = None, device: str = "auto"
    ) -> "Relighter":
        """A relighter with the weights in ``source``.

        Args:
            source: None for the weights that ship with the library, a folder, or a Hub id ``user/model``.
            revision: branch, tag or commit on the Hub.
            device: ``auto`` (CUDA, else MPS, else CPU), or a torch device such as ``cpu`` or ``cuda:1``.

        Raises:
            CheckpointError: the weights cannot be had or used.
            DeviceError: this machine has no such device.
        """
        return cls(Checkpoint.load(source, revision), choose_device(device))

    def __call__(self, photo: Image.Image, strength: float = 1.0) -> Image.Image:
        """The photo relit, the same size; see :meth:`Prepared.render`."""
        return self.prepare(photo).render(strength)

    def prepare(self, photo: Image.Image) -> Prepared:
        """Run the network once on a small copy of ``photo`` (any mode; a sideways one is turned upright)."""
        photo = upright(photo)
        pixels = to_pixels(photo)
        flash = self._small_copy(to_rgb8(pixels))
        with torch.inference_mode():
            log_gain = self._generator.log_gain(flash.to(self.device, memory_format=torch.channels_last)).float()
            return Prepared(photo, pixels, GuidedGain.fit(flash, log_gain.cpu()))

    def _small_copy(self, photo: Image.Image) -> Tensor:
        size = working_size(*photo.size, self.architecture.working_pixels)
        if size != photo.size:
            photo = photo.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)
        image = torch.frombuffer(bytearray(photo.tobytes()), dtype=torch.uint8)
        return image.reshape(1, size[1], size[0], 3).permute(0, 3, 1, 2).float() / 255


def working_size(width: int, height: int, working_pixels: int) -> tuple[int, int]:
    """Size of the network's copy: the photo's own shape, at most ``working_pixels`` in area, never enlarged.

    A side longer than four times the square root of that area (a strip 16 times as long as wide) is squeezed.
    """
    scale = min(1.0, math.sqrt(working_pixels / (width * height)))
    longest = 4 * math.isqrt(working_pixels)

    def bounded(side: int) -> int:
        return max(1, min(longest, round(side * scale)))

    return bounded(width), bounded(height)


def choose_device(name: str) -> torch.device:
    """The torch device called ``name``; ``auto`` takes CUDA, else MPS, else the CPU."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise DeviceError(f"device {name!r} cannot be used here ({reason}); try --device cpu") from None
    return device


def relight_file(
    relighter: Relighter,
    source: Path,
    target: Path,
    strength: float = 1.0,
    overwrite: bool = False,
    taken: Collection[Path] = (),
) -> Path:
    """Relight the photo in one file into another.

    Args:
        source: the photo file.
        target: the file to write, or a folder that receives ``NAME_ambient.EXT``.
        strength: see :meth:`Prepared.render`.
        overwrite: replace a file that is there; never the photo itself.
        taken: resolved paths that this run has written, which are not replaced even so.

    Returns:
        the file that was written.

    Raises:
        PhotoError: either file cannot be used.
    """
    file = read_photo(source)
    if target.is_dir():
        target = target / file.output_name
    if target.resolve() in {source.resolve(), *taken}:
        raise PhotoError(f"{source}: its result would replace {target}; choose another output")
    check_target(target, overwrite)
    write_photo(relighter(file.photo, strength), target, file, overwrite)
    return target
