"""``Relighter``: a flash photo in, the same photo in the room's own light out."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from f2a.model.checkpoint import Checkpoint
from f2a.model.inference import for_inference
from f2a.photo import (
    PhotoError,
    PhotoFile,
    Pixels,
    bounded,
    check_target,
    format_of,
    from_pixels,
    read_photo,
    to_pixels,
    to_rgb8,
    upright,
    write_photo,
)
from f2a.relight.controls import NEUTRAL, Controls
from f2a.relight.explanation import Explanation, explain_gain
from f2a.relight.gain import controlled, fit_gain
from f2a.relight.render import EncodedGain


class DeviceError(ValueError):
    """A device that this machine does not have."""


@dataclass(frozen=True)
class Prepared:
    """A photo and the gain that relights it: rendering again needs no network.

    Attributes:
        photo: upright, any mode.
        flash: ``(1, 3, h, w)`` in [0, 1]: the small copy that the network saw, with sRGB's transfer curve in the
            photo's own primaries (the network saw it in sRGB).
        log_gain: the same shape, natural logarithm: what the network found.
        deep: the photo's pixels where ``photo`` cannot hold them all.
    """

    photo: Image.Image
    flash: Tensor
    log_gain: Tensor
    deep: Pixels | None = None

    @cached_property
    def pixels(self) -> Pixels:
        """The photo's pixels."""
        return self.deep or to_pixels(self.photo)

    def render(self, controls: Controls = NEUTRAL) -> Image.Image:
        """The photo relit.

        Args:
            controls: strength 0 with the others neutral returns the photo bit for bit.

        Returns:
            a photo of the same size, upright; grey stays grey, 16 bits stay 16 bits and alpha is kept. Palette and
            CMYK photos come back in RGB, since neither can hold the new colours.
        """
        if controls.leave_unchanged:
            return self.photo.copy()
        relit = self.render_whole(controls)
        return relit if isinstance(relit, Image.Image) else from_pixels(relit)

    def render_whole(self, controls: Controls = NEUTRAL, in_place: bool = False) -> Image.Image | Pixels:
        """The same at the photo's own depth, as ``write_photo`` takes it: Pillow has no 16-bit colour.

        Args:
            controls: see :meth:`render`.
            in_place: write over the photo's own pixels, which halves the memory; nothing can be rendered afterwards.
        """
        if self.deep is not None or not is_plain(self.photo):
            return self.render_pixels(controls, in_place)
        relit = self._gain(controls).apply_to_photo(self.photo, in_place)
        relit.info |= {name: self.photo.info[name] for name in ("icc_profile",) if name in self.photo.info}
        return relit

    def render_pixels(self, controls: Controls = NEUTRAL, in_place: bool = False) -> Pixels:
        """The same as pixels."""
        values = self.pixels.values
        return self.pixels._replace(values=self._gain(controls, values.shape[-1]).apply(values, in_place=in_place))

    def _gain(self, controls: Controls, channels: int = 3) -> EncodedGain:
        flash, log_gain = self.flash, controlled(self.flash, self.log_gain, controls)
        if channels == 1:
            flash, log_gain = flash[:, :1], log_gain.mean(1, keepdim=True)
        return fit_gain(flash, log_gain, controls.strength)

    def preview(self, longest_side: int = 1600) -> "Prepared":
        """The same, bounded to a screen (8-bit RGB without alpha, never enlarged): renders in milliseconds."""
        pixels = bounded(self.pixels, longest_side)
        return Prepared(from_pixels(pixels), self.flash, self.log_gain, pixels)


def is_plain(photo: Image.Image) -> bool:
    """Whether the photo is 8-bit RGB with sRGB's transfer curve and no alpha, so that it can be relit as it is."""
    if photo.mode != "RGB" or photo.has_transparency_data:
        return False
    return to_pixels(photo.crop((0, 0, 1, 1))).values.dtype == np.uint8


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
        self._generator = for_inference(checkpoint.generator, device)

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

    def __call__(self, photo: Image.Image, controls: Controls = NEUTRAL) -> Image.Image:
        """The photo relit, the same size; see :meth:`Prepared.render`."""
        return self.prepare(photo).render(controls)

    def prepare(self, photo: Image.Image | PhotoFile) -> Prepared:
        """Run the network once on a small copy of ``photo`` (any mode; a sideways one is turned upright)."""
        deep = None
        if isinstance(photo, PhotoFile):
            deep, photo = photo.deep, photo.photo
        else:
            photo = upright(photo)
        small = self._small_copy(photo if is_plain(photo) else to_rgb8(deep or to_pixels(photo)))
        colours = (deep or to_pixels(photo.crop((0, 0, 1, 1)))).colours
        flash, seen = _image(small), _image(colours.to_srgb(small))
        with torch.inference_mode():
            log_gain = self._generator.log_gain(seen.to(self.device)).float()
        return Prepared(photo, flash, log_gain.cpu(), deep)

    def explain(self, photo: Image.Image | PhotoFile) -> Explanation:
        """What the network finds in ``photo``, and whether it looks taken with flash."""
        prepared = self.prepare(photo)
        exif = Image.Exif()
        if isinstance(photo, PhotoFile):
            exif.load(photo.metadata.exif and b"Exif\0\0" + photo.metadata.exif)
        else:
            exif = photo.getexif()
        return explain_gain(prepared.flash, prepared.log_gain, exif)

    def _small_copy(self, photo: Image.Image) -> Image.Image:
        size = working_size(*photo.size, self.architecture.working_pixels)
        if size == photo.size:
            return photo
        return photo.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)


def _image(photo: Image.Image) -> Tensor:
    """``(1, 3, H, W)`` in [0, 1] of an 8-bit RGB photo."""
    image = torch.frombuffer(bytearray(photo.tobytes()), dtype=torch.uint8)
    return image.reshape(1, photo.height, photo.width, 3).permute(0, 3, 1, 2).float() / 255


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
    """The torch device called ``name``; ``auto`` takes CUDA, else MPS, else the CPU.

    Of several GPUs each process of a launcher takes its own (``LOCAL_RANK``).
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", int(os.environ.get("LOCAL_RANK") or 0) % torch.cuda.device_count())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise DeviceError(f"device {name!r} cannot be used here ({reason}); try --device cpu") from None
    return device


def share_processors(photos: int) -> None:
    """Let each of so many photos that are worked on at once have its part of the processors, for the whole process."""
    torch.set_num_threads(max(1, torch.get_num_threads() // photos))


def relight_file(
    relighter: Relighter,
    source: Path,
    target: Path,
    controls: Controls = NEUTRAL,
    overwrite: bool = False,
    *,
    keep_location: bool = False,
    format: str | None = None,
    quality: int | None = None,
    claim: Callable[[Path], None] = lambda target: None,
    tell: Callable[[str], object] = lambda note: None,
) -> Path:
    """Relight the photo in one file into another.

    Args:
        source: the photo file.
        target: the file to write, or a folder that receives ``NAME_ambient.EXT``.
        controls: see :meth:`Prepared.render`.
        overwrite: replace a file that is there; never the photo itself.
        keep_location: see :func:`f2a.photo.read_photo`.
        format: of the file in the folder, by Pillow's name, instead of the photo's own.
        quality: 1 to 100, instead of the photo's own, for formats that have it.
        claim: is called with the file to be written, before the work; what it raises ends it.
        tell: is called with each note on what the file could not keep.

    Returns:
        the file that was written.

    Raises:
        PhotoError: either file cannot be used.
    """
    file = read_photo(source, keep_location)
    target = _target_of(file, target, format)
    claim(target)
    check_target(target, overwrite)
    if controls.leave_unchanged:
        relit: Image.Image | Pixels | np.ndarray = file.original
    else:
        relit = relighter.prepare(file).render_whole(controls, in_place=True)
    for note in (*file.notes, *write_photo(relit, target, file, overwrite, quality)):
        tell(f"{source}: {note}")
    return target


def _target_of(file: PhotoFile, target: Path, format: str | None) -> Path:
    """The file that is written for ``file``; ``target`` may be a folder."""
    if target.is_dir():
        target = target / file.output_name_as(format or file.format)
    if target.resolve() == file.path.resolve():
        raise PhotoError(file.path, f"its result would replace {target}; choose another output")
    if format and format_of(target) != format:
        raise PhotoError(target, f"its suffix is none of {format}'s; change it or leave --format out")
    return target
