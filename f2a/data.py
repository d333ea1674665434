"""Flash/ambient pairs from folders: found by name, decoded once into a memory-mapped cache, drawn in fixed shares.

Which pair is drawn is a pure function of ``(seed, draw number)``: a run that stops and goes on at draw ``n`` sees what
it would have seen without the stop.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps

from f2a.light import exposure_gain

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}
CACHED_SHORT_SIDE = 448
"""Pixels; photos with a longer short side are cached at this one: twice the usual training resolution."""


CACHE_FORMAT = 2
"""Part of a cache's name: another program version decodes again."""


class DataError(ValueError):
    """Pairs that cannot be used; the message names the file and the remedy."""


class PairFiles(NamedTuple):
    name: str
    flash: Path
    ambient: Path


class Pairs(NamedTuple):
    """What a folder holds: usable pairs in name order, and a sentence for each file that was left out."""

    files: list[PairFiles]
    left_out: list[str]


def find_pairs(source: str | Path) -> Pairs:
    """``NAME_flash.*`` / ``NAME_ambient.*`` at any depth under a folder.

    Args:
        source: a folder, or a folder and a shell pattern of names below it (``pairs/train/faid_*``).

    Raises:
        DataError: the folder does not exist or holds no pair.
    """
    folder, pattern = Path(source), "*"
    if not folder.is_dir():
        folder, pattern = folder.parent, folder.name
    if not folder.is_dir():
        raise DataError(f"{source}: no such folder of pairs")
    halves: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.rglob("*")):
        name, _, half = path.stem.rpartition("_")
        wanted = path.suffix.lower() in PHOTO_SUFFIXES and half in ("flash", "ambient") and fnmatch(name, pattern)
        if wanted and path.is_file():
            halves.setdefault(str(path.relative_to(folder).with_name(name)), {})[half] = path
    files, left_out = [], []
    for name, found in halves.items():
        if len(found) == 2:
            files.append(PairFiles(name, found["flash"], found["ambient"]))
        else:
            (path,) = found.values()
            missing = "ambient" if "flash" in found else "flash"
            left_out.append(f"{path}: its partner {Path(name).name}_{missing}.* is missing")
    if not files:
        raise DataError(f"{source}: no pair of NAME_flash.* and NAME_ambient.* in it")
    return Pairs(files, left_out)


def split_folder(source: str | Path, splits: Sequence[str]) -> Path | None:
    """The first of the sub-folders ``splits`` (``train``, ``val``, ``test``) that a folder of pairs has."""
    return next((Path(source) / split for split in splits if (Path(source) / split).is_dir()), None)


@dataclass(frozen=True)
class CachedPair:
    """One decoded pair: uint8 ``(H, W, 3)`` views into the cache; ``ambient_gain`` brings the ambient photo to the
    standard exposure in linear light; ``file`` is the flash photo's."""

    file: str
    flash: np.ndarray
    ambient: np.ndarray
    ambient_gain: float


def cache_pairs(pairs: Sequence[PairFiles], folder: Path, report: Callable[[str], None]) -> list[CachedPair]:
    """Decode ``pairs`` once into ``folder`` and map them into memory; later calls only map.

    The cache's name is a digest of every file's path, size and time, so a changed photo is decoded again. A pair that
    cannot be read, or whose halves differ in size, is left out and named through ``report``.
    """
    key = hashlib.sha256(f"{CACHE_FORMAT} {CACHED_SHORT_SIDE}".encode())
    for pair in pairs:
        for path in (pair.flash, pair.ambient):
            stat = path.stat()
            key.update(f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}\n".encode())
    stem = folder / f"pairs-{key.hexdigest()[:16]}"
    index = stem.with_suffix(".json")
    if not index.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _write_cache(pairs, stem)
    content = json.loads(index.read_text())
    for sentence in content["left_out"]:
        report(sentence)
    if not content["pairs"]:
        raise DataError(f"none of {len(pairs)} pairs can be used; the first: {content['left_out'][0]}")
    pixels = np.memmap(stem.with_suffix(".u8"), dtype=np.uint8, mode="r")
    cached = []
    for entry in content["pairs"]:
        shape = (2, entry["height"], entry["width"], 3)
        both = pixels[entry["offset"] : entry["offset"] + int(np.prod(shape))].reshape(shape)
        cached.append(CachedPair(entry["file"], both[0], both[1], entry["ambient_gain"]))
    return cached


def _write_cache(pairs: Sequence[PairFiles], stem: Path) -> None:
    entries, left_out, offset = [], [], 0
    with tempfile.NamedTemporaryFile(dir=stem.parent, suffix=".part", delete=False) as file:
        for pair in pairs:
            try:
                flash, ambient = _decode(pair.flash), _decode(pair.ambient)
            except DataError as error:
                left_out.append(str(error))
                continue
            if flash.shape != ambient.shape:
                sizes = " and ".join(f"{i.shape[1]}x{i.shape[0]}" for i in (flash, ambient))
                left_out.append(f"{pair.flash}: flash and ambient differ in size ({sizes}); crop them to the same view")
                continue
            file.write(flash.tobytes() + ambient.tobytes())
            gain = exposure_gain(torch.from_numpy(ambient).float() / 255)
            height, width = flash.shape[:2]
            place = {"offset": offset, "height": height, "width": width}
            entries.append({"file": str(pair.flash), **place, "ambient_gain": gain})
            offset += 2 * flash.nbytes
    os.replace(file.name, stem.with_suffix(".u8"))
    beside = stem.with_suffix(".json.part")
    beside.write_text(json.dumps({"pairs": entries, "left_out": left_out}))
    os.replace(beside, stem.with_suffix(".json"))


def _decode(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as photo:
            upright = ImageOps.exif_transpose(photo).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: cannot be read as a photo ({error}); export it again or remove the pair") from error
    scale = CACHED_SHORT_SIDE / min(upright.size)
    if scale < 1:
        width, height = (max(1, round(side * scale)) for side in upright.size)
        upright = upright.resize((width, height), Image.Resampling.BOX, reducing_gap=None)
    return np.asarray(upright)


def read_pairs(
    source: str | Path, cache: Path, report: Callable[[str], None], *, strict: bool = False
) -> list[CachedPair]:
    """The usable pairs of a folder, decoded; what is left out is named through ``report``, and counted.

    Raises:
        DataError: nothing is usable, or (``strict``) something is not.
    """
    found = find_pairs(source)
    sentences = list(found.left_out)
    cached = cache_pairs(found.files, cache, sentences.append)
    if sentences and strict:
        raise DataError(f"{sentences[0]} ({len(sentences)} such in {source}; without --strict_data they are left out)")
    for sentence in sentences:
        report(f"left out: {sentence}")
    report(f"{source}: {len(cached)} pairs" + (f", {len(sentences)} left out" if sentences else ""))
    return cached


def parse_share(text: str) -> tuple[str, float]:
    """``FOLDER=SHARE`` as folder and share; 1 where none is given."""
    folder, equals, share = text.rpartition("=")
    if not equals:
        return text, 1.0
    try:
        value = float(share)
    except ValueError:
        value = -1.0
    if not 0 < value < float("inf"):
        raise DataError(f"{text}: the share after '=' has to be a number above 0")
    return folder, value


class Source(NamedTuple):
    """Pairs of one origin and their share of every batch."""

    pairs: Sequence[CachedPair]
    share: float


class Draws:
    """An endless stream of draws from several sources, in fixed shares; draw ``i`` is a function of ``(seed, i)``.

    Each source is gone through in a fresh random order an epoch of its own. Shares are rounded to a twentieth.
    """

    slots = 20

    def __init__(self, sources: Sequence[Source], seed: int) -> None:
        self.sources, self.seed = sources, seed
        self.pattern = _interleave([source.share for source in sources], self.slots if len(sources) > 1 else 1)
        self.quota = [self.pattern.count(number) for number in range(len(sources))]
        if not all(self.quota):
            raise DataError(f"the share of folder number {self.quota.index(0) + 1} is under a twentieth: raise it")

    def __len__(self) -> int:
        """Draws in an epoch: as many as there are pairs."""
        return sum(len(source.pairs) for source in self.sources)

    def __getitem__(self, draw: int) -> CachedPair:
        cycle, slot = divmod(draw, len(self.pattern))
        origin = self.pattern[slot]
        nth = cycle * self.quota[origin] + self.pattern[:slot].count(origin)
        pairs = self.sources[origin].pairs
        epoch, place = divmod(nth, len(pairs))
        return pairs[int(random_of(self.seed, origin, epoch).permutation(len(pairs))[place])]


def _interleave(shares: Sequence[float], slots: int) -> list[int]:
    pattern: list[int] = []
    for slot in range(1, slots + 1):
        owed = [share / sum(shares) * slot - pattern.count(number) for number, share in enumerate(shares)]
        pattern.append(int(np.argmax(owed)))
    return pattern


def random_of(*key: int) -> np.random.Generator:
    """Random numbers that are a function of ``key``."""
    return np.random.default_rng(key)
