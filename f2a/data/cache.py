"""Pairs decoded once into a memory-mapped file, whatever they come from; two cores never wait for a PNG twice."""

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from f2a.color import exposure_gain
from f2a.errors import F2aError
from f2a.files import atomic_write
from f2a.photo import PhotoError, is_photo, needs_rawpy, read_photo

CACHED_SHORT_SIDE = 448
"""Pixels; photos with a longer short side are cached at this one: twice the usual training resolution."""

CACHE_FORMAT = f"3 {CACHED_SHORT_SIDE}"
"""Part of a cache's name: another program version decodes again."""


class DataError(F2aError):
    """Pairs that cannot be used; the message names the file and the remedy."""


class EncodedPhoto(NamedTuple):
    """A photo file, or the bytes of one, and the name that a complaint gives it.

    ``suffix`` is that of the file from which the bytes were taken: a raw file is known by nothing else.
    """

    name: str
    content: Path | bytes
    suffix: str = ""

    @contextmanager
    def file(self) -> Iterator[Path]:
        """Its file; bytes have one for as long as they are read."""
        if isinstance(self.content, Path):
            yield self.content
            return
        with TemporaryDirectory() as folder:
            path = Path(folder, f"photo{self.suffix}")
            if not (is_photo(path) or needs_rawpy(path)):
                path = path.with_suffix("")
            path.write_bytes(self.content)
            yield path


class EncodedPair(NamedTuple):
    flash: EncodedPhoto
    ambient: EncodedPhoto


@dataclass(frozen=True)
class CachedPair:
    """One decoded pair: uint8 ``(H, W, 3)`` views into the cache; ``ambient_gain`` brings the ambient photo to the
    standard exposure in linear light; ``file`` is the flash photo's."""

    file: str
    flash: np.ndarray
    ambient: np.ndarray
    ambient_gain: float


def cached_pairs(
    key: str, pairs: Iterable[EncodedPair], folder: Path, report: Callable[[str], None]
) -> list[CachedPair]:
    """Decode ``pairs`` once into ``folder`` and map them into memory; later calls only map, and leave ``pairs`` alone.

    Args:
        key: says what the pairs are; whatever changes one of them changes it too.
        pairs: in the order in which they come back; they are gone through one by one, never held together.
        folder: made if it is not there.
        report: told of each pair that cannot be read, or whose halves differ in size; it is left out.

    Raises:
        DataError: no pair can be used.
    """
    stem = folder / f"pairs-{key[:16]}"
    index = stem.with_suffix(".json")
    if not _is_whole(stem):
        folder.mkdir(parents=True, exist_ok=True)
        _write_cache(pairs, stem)
    content = json.loads(index.read_text())
    for sentence in content["left_out"]:
        report(sentence)
    if not content["pairs"]:
        first = content["left_out"][0] if content["left_out"] else "there are none"
        raise DataError(f"none of {len(content['left_out'])} pairs can be used; the first: {first}")
    pixels = np.memmap(stem.with_suffix(".u8"), dtype=np.uint8, mode="r")
    cached = []
    for entry in content["pairs"]:
        shape = (2, entry["height"], entry["width"], 3)
        both = pixels[entry["offset"] : entry["offset"] + int(np.prod(shape))].reshape(shape)
        cached.append(CachedPair(entry["file"], both[0], both[1], entry["ambient_gain"]))
    return cached


def _is_whole(stem: Path) -> bool:
    """Whether both files of a cache are there, the pixels to the last byte that the index names."""
    try:
        entries = json.loads(stem.with_suffix(".json").read_text())["pairs"]
        size = sum(6 * entry["height"] * entry["width"] for entry in entries)
        return bool(stem.with_suffix(".u8").stat().st_size == size)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write_cache(pairs: Iterable[EncodedPair], stem: Path) -> None:
    entries, skipped, offset = [], [], 0
    with atomic_write(stem.with_suffix(".u8")) as beside, beside.open("wb") as file:
        for pair in pairs:
            try:
                decoded = decode_pair(pair)
            except DataError as error:
                skipped.append(str(error))
                continue
            file.write(decoded.flash.tobytes() + decoded.ambient.tobytes())
            height, width = decoded.flash.shape[:2]
            place = {"offset": offset, "height": height, "width": width}
            entries.append({"file": decoded.file, **place, "ambient_gain": decoded.ambient_gain})
            offset += 2 * decoded.flash.nbytes
    with atomic_write(stem.with_suffix(".json")) as beside:
        beside.write_text(json.dumps({"pairs": entries, "left_out": skipped}))


def decode_pair(pair: EncodedPair) -> CachedPair:
    """The pair as the cache would hold it; see :func:`decode_photos`."""
    flash, ambient = decode_photos(pair)
    return CachedPair(pair.flash.name, flash, ambient, exposure_gain(torch.tensor(ambient).float() / 255))


def decode_photos(pair: EncodedPair) -> tuple[np.ndarray, np.ndarray]:
    """Flash and ambient, uint8 ``(H, W, 3)`` sRGB each, upright, at most :data:`CACHED_SHORT_SIDE` on the short side.

    They are read as they are when they are relit, so training knows the formats, depths and colours that relighting
    knows.

    Raises:
        DataError: a photo cannot be read, or the two differ in size.
    """
    flash, ambient = _decode(pair.flash), _decode(pair.ambient)
    if flash.shape != ambient.shape:
        sizes = " and ".join(f"{i.shape[1]}x{i.shape[0]}" for i in (flash, ambient))
        raise DataError(f"{pair.flash.name}: flash and ambient differ in size ({sizes}); crop them to the same view")
    return flash, ambient


def _decode(encoded: EncodedPhoto) -> np.ndarray:
    try:
        with encoded.file() as path:
            photo = read_photo(path).photo
    except PhotoError as error:
        raise DataError(f"{encoded.name}: {error.reason}") from error
    image = photo.to_rgb8()
    scale = CACHED_SHORT_SIDE / min(image.size)
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in image.size)
        image = image.resize((width, height), Image.Resampling.BOX, reducing_gap=None)
    return np.asarray(photo.colors.to_srgb(image))


def report_skipped(
    source: str, count: int, skipped: list[str], report: Callable[[str], None], *, strict: bool = False
) -> None:
    """Tell ``report`` what was left out of ``source``, one sentence each, and that ``count`` pairs are left.

    Raises:
        DataError: something was left out and ``strict``.
    """
    if skipped and strict:
        raise DataError(f"{skipped[0]} ({len(skipped)} such in {source}; without --strict_data they are left out)")
    for sentence in skipped:
        report(f"left out: {sentence}")
    report(f"{source}: {count} pairs" + (f", {len(skipped)} left out" if skipped else ""))
