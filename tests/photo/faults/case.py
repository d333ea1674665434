"""One file, its right result, and how f2a's result is described in words."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from f2a.photo import PhotoError
from f2a.relight.controls import Controls
from f2a.relight.relighter import Relighter, relight_file
from tests.conftest import SHARED

AS_IT_WAS, BY_HAND = "looks as it was", "Pillow, by hand"


class Bench(NamedTuple):
    """A relighter and its weights: every gain is e to the power of 0.5; strength 0 leaves a photo as it is."""

    relighter: Relighter
    weights: Path


class Case(NamedTuple):
    """
    Attributes:
        kind: 1 to 8.
        name: the file's name.
        made_with: the programs that make the file.
        right: the right result.
        result: makes the file at the given path and describes f2a's result in words.
    """

    kind: int
    name: str
    made_with: str
    right: str
    result: Callable[[Bench, Path], str]

    @property
    def file_name(self) -> str:
        return self.name.split(" as ")[0].removeprefix("-o ").rpartition("/")[2] or "folder"


def given(name: str) -> Path:
    """A file of shared/faults."""
    path = SHARED / "faults" / name
    if not path.exists():
        pytest.skip(f"needs shared/faults/{name} beside this checkout")
    return path


def run(*command: object) -> str:
    if not shutil.which(str(command[0])):
        pytest.skip(f"{command[0]} is not installed")
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


def magick(*command: object) -> None:
    run("magick" if shutil.which("magick") else "convert", *command)


def picture() -> np.ndarray:
    """A smooth picture, ``(64, 96, 3)`` uint8."""
    rows, columns = np.mgrid[0:64, 0:96]
    return np.stack([columns * 2.5, rows * 3.9, 120 + 0 * rows], -1).astype(np.uint8)


PICTURE = picture()
GREY = PICTURE[..., :1]


def relit(bench: Bench, source: Path, expected: np.ndarray | None = PICTURE, tolerance: float = 3) -> str:
    """Relight the photo with strength 0 and describe how it differs from ``expected``, and the notes."""
    notes: list[str] = []
    folder = source.parent / "relit"
    folder.mkdir(exist_ok=True)
    try:
        target = relight_file(bench.relighter, source, folder, Controls(strength=0), report=notes.append)
    except PhotoError as error:
        return f"refused: {error.reason}"
    said = [note.removeprefix(f"{source}: ") for note in notes]
    if expected is not None:
        difference = np.abs(read(target) - np.broadcast_to(expected, (*expected.shape[:2], 3))).mean()
        said.insert(0, AS_IT_WAS if difference <= tolerance else f"is {difference:.0f} levels off")
    return "; ".join(said) or "no note"


def read(path: Path) -> np.ndarray:
    """The pixels without alpha, ``(H, W, 3)`` in [0, 255], from a reader other than f2a's."""
    if path.suffix == ".tif":
        values = tifffile.imread(path, key=0)
    elif path.suffix == ".heic":
        values = np.asarray(pytest.importorskip("pillow_heif").open_heif(path).to_pillow())
    elif path.suffix == ".png":
        values = imagecodecs.png_decode(path.read_bytes())
    else:
        values = np.asarray(Image.open(path).convert("RGB"))
    values = values / (257 if values.dtype == np.uint16 else 1)
    values = values if values.ndim == 3 else values[..., None]
    values = values[..., : 3 if values.shape[-1] > 2 else 1]
    return np.broadcast_to(values, (*values.shape[:2], 3))
