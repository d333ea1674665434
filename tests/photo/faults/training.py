"""Kind 2: training and relighting see exactly the same pixels of every file."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from f2a.data.cache import DataError
from f2a.data.folder import read_pairs
from f2a.photo import read_photo
from tests.photo.faults.case import PICTURE, Bench, Case, given
from tests.support import profiles

AS_RELIT = "as relighting sees it"


def image() -> Image.Image:
    return Image.fromarray(PICTURE)


def grey_16(path: Path) -> None:
    Image.fromarray(PICTURE[..., 0].astype(np.uint16) * 257).save(path)


def deep(path: Path) -> None:
    tifffile.imwrite(path, PICTURE.astype(np.uint16) * 257, photometric="rgb")


def in_p3(path: Path) -> None:
    image().save(path, "JPEG", quality=95, icc_profile=profiles.DISPLAY_P3)


def heic(path: Path) -> None:
    pytest.importorskip("pillow_heif").from_pillow(image()).save(path, quality=95)


def transparent(path: Path) -> None:
    glass = image().convert("RGBA")
    glass.putalpha(100)
    glass.save(path)


def turned(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image().save(path, "JPEG", quality=95, exif=exif)


def result(make: Callable[[Path], None], names: tuple[str, ...], bench: Bench, path: Path) -> str:
    """The result for a pair that is the same file twice, under these names."""
    folder = path.parent / "pairs"
    folder.mkdir()
    for name in names:
        make(folder / name)
    return seen(folder)


def seen(folder: Path) -> str:
    said: list[str] = []
    try:
        pairs = read_pairs(folder, folder.parent / "cache", said.append)
    except DataError as error:
        return f"refused: {str(error).replace(f'{folder}/', '').partition('; the first of 1 other: ')[2]}"
    for pair in pairs:
        expected = np.asarray(read_photo(pair.file).photo.to_srgb())
        if expected.shape == pair.flash.shape and np.abs(expected.astype(int) - pair.flash).max() > 0:
            return "is not what relighting sees"
    return AS_RELIT


def halves(suffix: str) -> tuple[str, str]:
    return f"a_flash{suffix}", f"a_ambient{suffix}"


def given_result(name: str, bench: Bench, path: Path) -> str:
    return seen(given(f"13-training-photo-kinds/{name}"))


OWN = {
    "grey_16.png": ("Pillow", grey_16, halves(".png"), AS_RELIT),
    "deep.tif": ("tifffile", deep, halves(".tif"), AS_RELIT),
    "display_p3.jpg": ("Pillow", in_p3, halves(".jpg"), AS_RELIT),
    "phone.HEIC": ("libheif", heic, halves(".HEIC"), AS_RELIT),
    "transparent.png": ("Pillow", transparent, halves(".png"), AS_RELIT),
    "turned.jpg": ("Pillow", turned, halves(".jpg"), AS_RELIT),
    "a_FLASH.JPG": ("Pillow", in_p3, ("a_FLASH.JPG", "a_Ambient.Jpg"), AS_RELIT),
    "twice_flash.jpg": (
        "Pillow", in_p3, (*halves(".jpg"), "a_FLASH.jpeg"),
        "refused: a_FLASH.jpeg: a_flash.jpg is the flash photo of this pair, too; keep one of them",
    ),
    "alone_flash.jpg": (
        "Pillow", in_p3, ("a_flash.jpg",), "refused: a_flash.jpg: its partner a_ambient.* is missing"
    ),
    "half_of_an_exr.exr": (
        "Pillow", in_p3, ("a_flash.jpg", "a_ambient.exr"),
        "refused: a_ambient.exr: its format is not read; save it as a JPEG, PNG or TIFF",
    ),
}  # fmt: skip

CASES = [
    *(Case(2, name, maker, right, partial(result, make, names)) for name, (maker, make, names, right) in OWN.items()),
    *(
        Case(2, f"{name}/", "given", AS_RELIT, partial(given_result, name))
        for name in ("alpha", "grey16", "heic", "rgb16tif", "upper")
    ),
]
