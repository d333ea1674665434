"""A memory-mapped file of decoded pairs from any source, so that training never waits for a decoder."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from f2a.color import exposure_gain
from f2a.errors import F2aError, Report, counted
from f2a.files import atomic_write
from f2a.photo import PhotoError, is_photo, needs_rawpy, read_photo

CACHED_SHORT_SIDE = 448
"""Largest short side, in pixels, of a cached photo: twice the usual training resolution; larger photos are reduced."""

CACHE_FORMAT = f"3 {CACHED_SHORT_SIDE}"
"""Part of the key in a cache's file name; changing it makes the program decode the pairs again."""

HALVES = ("flash", "ambient")
"""The photos of a pair, as ends of file names and as columns."""


class DataError(F2aError):
    """Pairs that cannot be used; the message names the file and the remedy."""


class EncodedPhoto(NamedTuple):
    """A photo file or its bytes, with its name for error messages.

    ``suffix`` is the suffix of the file that the bytes came from: a raw file can be recognised only by its suffix.
    """

    name: str
    content: Path | bytes
    suffix: str = ""

    @contextmanager
    def file(self) -> Iterator[Path]:
        """Yield the path of the photo; bytes are written to a temporary file, deleted when the block ends."""
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
    """A pair before it is decoded."""

    flash: EncodedPhoto
    ambient: EncodedPhoto

    @classmethod
    def from_files(cls, flash: Path, ambient: Path) -> "EncodedPair":
        return cls(EncodedPhoto(str(flash), flash), EncodedPhoto(str(ambient), ambient))


@dataclass(frozen=True)
class CachedPair:
    """A decoded pair, uint8 sRGB ``(H, W, 3)`` each; ``file`` names the flash photo, and ``ambient_gain`` is the factor
    in linear light that brings the ambient photo to the standard exposure."""

    file: str
    flash: np.ndarray
    ambient: np.ndarray
    ambient_gain: float


def cached_pairs(
    source: str,
    fingerprint: object,
    pairs: Iterable[EncodedPair],
    folder: Path,
    report: Report,
    *,
    skipped: Sequence[str] = (),
    strict: bool = False,
) -> list[CachedPair]:
    """Decode ``pairs`` into a cache in ``folder`` and map it into memory; later calls only map the existing cache.

    Args:
        source: name of the pairs' source in messages.
        fingerprint: an object whose text changes whenever any of the pairs changes.
        pairs: at least one; consumed one at a time; the result has the same order.
        folder: created if it does not exist.
        report: called with a sentence for each pair that cannot be used, and with the number of pairs left.
        skipped: sentences about pairs that were already skipped.

    Raises:
        DataError: no pair can be used, or (``strict``) any pair cannot be used.
    """
    key = hashlib.sha256(f"{CACHE_FORMAT} {fingerprint}".encode()).hexdigest()
    pixels_file, index_file = (folder / f"pairs-{key[:16]}{suffix}" for suffix in (".u8", ".json"))
    if not _is_whole(pixels_file, index_file):
        folder.mkdir(parents=True, exist_ok=True)
        _write_cache(pairs, pixels_file, index_file)
    index = json.loads(index_file.read_text())
    faults = index["left_out"]
    if not index["pairs"]:
        raise DataError(f"none of {counted(len(faults), 'pair')} can be used; the first: {faults[0]}")
    pixels, cached = np.memmap(pixels_file, dtype=np.uint8, mode="r"), []
    for entry in index["pairs"]:
        shape = (2, entry["height"], entry["width"], 3)
        photos, pixels = np.split(pixels, [np.prod(shape)])
        flash, ambient = photos.reshape(shape)
        cached.append(CachedPair(entry["file"], flash, ambient, entry["ambient_gain"]))
    report_skipped(source, len(cached), [*skipped, *faults], report, strict=strict)
    return cached


def _is_whole(pixels: Path, index: Path) -> bool:
    """Whether both files of a cache exist and the pixel file has exactly the size that the index implies."""
    try:
        entries = json.loads(index.read_text())["pairs"]
        return sum(6 * entry["height"] * entry["width"] for entry in entries) == pixels.stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write_cache(pairs: Iterable[EncodedPair], pixels: Path, index: Path) -> None:
    entries, skipped = [], []
    with atomic_write(pixels) as beside, beside.open("wb") as file:
        for pair in pairs:
            try:
                decoded = decode_pair(pair)
            except DataError as error:
                skipped.append(str(error))
                continue
            file.write(decoded.flash.tobytes() + decoded.ambient.tobytes())
            height, width = decoded.flash.shape[:2]
            size = {"height": height, "width": width}
            entries.append({"file": decoded.file, **size, "ambient_gain": decoded.ambient_gain})
    with atomic_write(index) as beside:
        beside.write_text(json.dumps({"pairs": entries, "left_out": skipped}))


def decode_pair(pair: EncodedPair) -> CachedPair:
    """Decode a pair as the cache stores it: upright, with a short side of at most :data:`CACHED_SHORT_SIDE` pixels.

    Photos are read by the same code as for relighting, so training supports the same formats, bit depths and colour
    spaces.

    Raises:
        DataError: a photo cannot be read, or the two differ in size.
    """
    flash, ambient = _decode(pair.flash), _decode(pair.ambient)
    if flash.shape != ambient.shape:
        sizes = " and ".join(f"{i.shape[1]}x{i.shape[0]}" for i in (flash, ambient))
        raise DataError(f"{pair.flash.name}: flash and ambient differ in size ({sizes}); crop them to the same view")
    return CachedPair(pair.flash.name, flash, ambient, exposure_gain(torch.tensor(ambient).float() / 255))


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


def report_skipped(source: str, count: int, skipped: Sequence[str], report: Report, *, strict: bool = False) -> None:
    """Report each pair left out of ``source`` and the ``count`` of pairs left; if ``strict``, raise :class:`DataError`
    when any was left out."""
    if skipped and strict:
        raise DataError(f"{skipped[0]} ({len(skipped)} unusable in {source}; without --strict_data they are left out)")
    for sentence in skipped:
        report(f"left out: {sentence}")
    report(f"{source}: {counted(count, 'pair')}" + (f", {len(skipped)} left out" if skipped else ""))
