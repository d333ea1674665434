"""``Relighter``, which turns a flash photo into the same photo in the room's own light."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from f2a.color import luminance
from f2a.errors import F2aError, Report, first_line
from f2a.files import is_same_file
from f2a.images import to_image
from f2a.model.checkpoint import Checkpoint
from f2a.photo import (
    Photo,
    PhotoError,
    PhotoFile,
    check_target,
    exif_transposed,
    flash_fired,
    format_of,
    output_name,
    read_photo,
    write_photo,
)
from f2a.relight.controls import NEUTRAL, Controls
from f2a.relight.explanation import Explanation, flash_strength
from f2a.relight.gain import apply_controls, fit_gain
from f2a.relight.red_eyes import Pupil, correct_red_pupils, find_red_pupils, red_eyes_note
from f2a.relight.render import Window


@dataclass(frozen=True)
class PhotoGain:
    """A photo and the gain that relights it; it can be rendered again without running the network.

    Attributes:
        photo: the photo.
        flash: ``(1, 3, h, w)`` in [0, 1]: the small copy that the network saw, with sRGB's transfer curve in the
            photo's own primaries (the network saw it in sRGB).
        log_gain: the same shape, natural logarithm: what the network found.
        window: where ``photo`` lies in the photo that the network saw; None if it is the whole photo.
        known_pupils: the red pupils in ``photo``; None if they have not been searched for.
    """

    photo: Photo
    flash: Tensor
    log_gain: Tensor
    window: Window | None = None
    known_pupils: list[Pupil] | None = None

    @cached_property
    def red_pupils(self) -> list[Pupil]:
        """See :func:`f2a.relight.red_eyes.find_red_pupils`."""
        return find_red_pupils(self.photo) if self.known_pupils is None else self.known_pupils

    def render(self, controls: Controls = NEUTRAL, in_place: bool = False) -> Photo:
        """Relight the photo.

        Args:
            controls: strength 0 with the others neutral is a gain of 1, which leaves each level as it is.
            in_place: overwrite the photo's own rows, which halves the memory; nothing can be rendered afterwards.

        Returns:
            a photo of the same size and depth; grey stays grey and alpha is kept. Palette and CMYK photos become RGB,
            since neither can represent the new colours.

        Raises:
            ControlError: red eyes are to be corrected but OpenCV is not installed.
        """
        flash, log_gain = self.flash, apply_controls(self.flash, self.log_gain, controls)
        if self.photo.shape[2] == 1:
            flash, log_gain = flash[:, :1], luminance(log_gain)
        pupils = self.red_pupils if controls.red_eyes else []  # found before the photo is overwritten
        relit = fit_gain(flash, log_gain).apply(self.photo, in_place, window=self.window)
        correct_red_pupils(relit, pupils, controls.red_eyes)
        return relit

    def preview(self, longest_side: int = 1600) -> "PhotoGain":
        """A copy for the screen (8-bit RGB and alpha, if any, never enlarged) that renders in milliseconds."""
        return PhotoGain(self.photo.fit_within(longest_side), self.flash, self.log_gain)

    def crop(self, box: tuple[int, int, int, int], red_eyes: bool = False) -> "PhotoGain":
        """A part of the photo that renders to the same pixels as in the whole photo.

        Args:
            box: left, top, right and bottom of the part.
            red_eyes: find red pupils now, in the whole photo; otherwise rendering the part corrects none.

        Raises:
            ControlError: ``red_eyes`` is set but OpenCV is not installed.
        """
        cropped = [pupil.crop(box) for pupil in self.red_pupils] if red_eyes else []
        pupils = [pupil for pupil in cropped if pupil.mask.size]
        return replace(self, photo=self.photo.crop(box), window=Window(box, self.photo.size), known_pupils=pupils)

    def explain(self, flash_fired: bool | None = None, controls: Controls | None = None) -> Explanation:
        """What changes, and whether the photo looks taken with flash.

        Args:
            flash_fired: what the camera recorded.
            controls: the controls to apply; None for the gain as the network found it.
        """
        gain = apply_controls(self.flash, self.log_gain, controls) if controls else self.log_gain
        log_gain = gain[0].permute(1, 2, 0).contiguous().numpy()
        return Explanation(log_gain, flash_strength(self.flash), flash_fired)


class Relighter:
    """Relights photos with one generator. It keeps no state between calls, so threads may share it.

    Args:
        checkpoint: the generator and its description.
        device: where the generator runs.
    """

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.device = device
        self.architecture = checkpoint.architecture
        self.training = checkpoint.training
        self._generator = checkpoint.generator.for_inference(device)

    @classmethod
    def from_pretrained(
        cls, source: str | Path | None = None, revision: str | None = None, device: str = "auto"
    ) -> "Relighter":
        """Create a relighter with the weights in ``source``.

        Args:
            source: None for the weights that ship with the library, a folder, or a Hub id ``user/model``.
            revision: branch, tag or commit on the Hub.
            device: ``auto`` (the first of CUDA, MPS and CPU), or a torch device such as ``cpu`` or ``cuda:1``.

        Raises:
            CheckpointError: the weights cannot be found or used.
            F2aError: the device cannot be used on this machine.
        """
        return cls(Checkpoint.load(source, revision), choose_device(device))

    def __call__(self, photo: Image.Image, controls: Controls = NEUTRAL) -> Image.Image:
        """Relight a photo of any mode; the result is upright and of the same size (:meth:`PhotoGain.render`)."""
        photo = exif_transposed(photo)
        return self.prepare(Photo.from_pil(photo)).render(controls, in_place=True).to_pil()

    def prepare(self, photo: Photo) -> PhotoGain:
        """Run the network once on a small copy of ``photo``."""
        small = photo.small_copy(working_size(*photo.size, self.architecture.working_pixels))
        flash, srgb = to_image(small), to_image(photo.colors.to_srgb(small))
        with torch.inference_mode():
            log_gain = self._generator.log_gain(srgb.to(self.device)).float()
        return PhotoGain(photo, flash, log_gain.cpu())

    def explain(self, photo: Image.Image) -> Explanation:
        """What the network finds in ``photo``, and whether it looks taken with flash."""
        return self.prepare(Photo.from_pil(exif_transposed(photo))).explain(flash_fired(photo.getexif()))


def working_size(width: int, height: int, working_pixels: int) -> tuple[int, int]:
    """Size of the network's copy: the photo's own aspect ratio, at most ``working_pixels`` in area, never enlarged.

    A side longer than four times the square root of that area (in a strip 16 times as long as wide) is squeezed.
    """
    scale = min(1.0, math.sqrt(working_pixels / (width * height)))
    width, height = (max(1, min(4 * math.isqrt(working_pixels), round(side * scale))) for side in (width, height))
    return width, height


def choose_device(name: str) -> torch.device:
    """The torch device called ``name``; ``auto`` is the first available of CUDA, MPS and CPU.

    With several GPUs, each process of a launcher uses its own (``LOCAL_RANK``).
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", int(os.environ.get("LOCAL_RANK") or 0) % torch.cuda.device_count())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise F2aError(f"device {name!r} cannot be used here ({first_line(error)}); try --device cpu") from None
    return device


def relight_file(
    relighter: Relighter,
    source: str | Path,
    target: str | Path,
    controls: Controls = NEUTRAL,
    overwrite: bool = False,
    *,
    keep_location: bool = False,
    format: str | None = None,
    quality: int | None = None,
    on_target: Callable[[Path], None] = lambda target: None,
    report: Report = lambda note: None,
) -> Path:
    """Relight the photo in ``source``, write it to ``target``, and return the path of the written file.

    Args:
        source: the photo file.
        target: the file to write, or a folder that receives ``NAME_ambient.EXT``.
        controls: see :meth:`PhotoGain.render`.
        overwrite: replace an existing file, but never the photo itself.
        keep_location: see :func:`f2a.photo.read_photo`.
        format: format of the file in the folder, by Pillow's name, instead of the photo's own.
        quality: 1 to 100, instead of the photo's own, for formats that have it.
        on_target: called with the file to be written before the work starts; its exceptions propagate.
        report: called with each note about what the file could not keep and about the red eyes.

    Raises:
        PhotoError: either file cannot be used.
        ControlError: see :meth:`PhotoGain.render`.
    """
    file = read_photo(source, keep_location)
    target = _target_of(file, Path(target), format)
    on_target(target)
    check_target(target, overwrite)
    prepared = relighter.prepare(file.photo)
    relit = prepared.render(controls, in_place=True)
    red_eyes = [red_eyes_note(prepared.red_pupils)] if controls.red_eyes else []
    for note in (*file.notes, *red_eyes, *write_photo(relit, target, file, overwrite, quality)):
        report(note)
    return target


def _target_of(file: PhotoFile, target: Path, format: str | None) -> Path:
    """Path of the file to write for ``file``; ``target`` may be a folder."""
    if target.is_dir():
        target = target / output_name(file.path, format or file.format)
    if is_same_file(target, file.path):
        raise PhotoError(file.path, f"its result would replace {target}; choose another output")
    if format and format_of(target) != format:
        raise PhotoError(target, f"its suffix is none of {format}'s; change it or leave --format out")
    return target
