"""Flash/ambient pairs from folders: found by name, decoded once into a memory-mapped cache, drawn in fixed shares.

Which pair is drawn is a pure function of ``(seed, draw number)``: a run that stops and goes on at draw ``n`` sees what
it would have seen without the stop.
"""

import hashlib
from collections.abc import Callable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from f2a.data.cache import HALVES, EncodedPair, cached_pairs
from f2a.data.cache import CachedPair as CachedPair
from f2a.data.cache import DataError as DataError
from f2a.errors import counted
from f2a.photo import is_hidden, is_other_picture, is_photo

SAMPLED = 61
"""Pixels between those that stand for a photo in a fingerprint; odd, so that no pattern of a camera hides in it."""


class PairFiles(NamedTuple):
    name: str
    flash: Path
    ambient: Path


class FolderIndex(NamedTuple):
    """The pairs of a folder in the order of their names, and a sentence for each file that is not part of one."""

    files: list[PairFiles]
    skipped: list[str]


def find_pairs(source: str | Path) -> FolderIndex:
    """``NAME_flash.*`` / ``NAME_ambient.*`` at any depth under a folder, in lower or upper case.

    Args:
        source: a folder, or a folder and a shell pattern of names below it (``pairs/train/faid_*``).

    Raises:
        DataError: the folder does not exist or holds no pair.
    """
    folder, pattern = Path(source), "*"
    if not folder.is_dir() and set(folder.name) & set("*?["):
        folder, pattern = folder.parent, folder.name
    if not folder.is_dir():
        raise DataError(f"{source}: no such folder of pairs")
    halves: dict[str, dict[str, list[Path]]] = {}
    for path in sorted(folder.rglob("*")):
        name, _, half = path.stem.rpartition("_")
        is_half = name and half.lower() in HALVES and (is_photo(path) or is_other_picture(path))
        if is_half and fnmatch(name, pattern) and path.is_file() and not is_hidden(path.relative_to(folder)):
            pair = halves.setdefault(str(path.relative_to(folder).with_name(name)), {half: [] for half in HALVES})
            pair[half.lower()].append(path)
    skipped = {name: fault for name, pair in halves.items() if (fault := _fault(Path(name).name, pair))}
    complete = {name: pair for name, pair in halves.items() if name not in skipped}
    files = [PairFiles(name, *(pair[half][0] for half in HALVES)) for name, pair in complete.items()]
    if not files:
        reason = f"; the first of {counted(len(skipped), 'other')}: {next(iter(skipped.values()))}" if skipped else ""
        raise DataError(f"{source}: no pair of NAME_flash.* and NAME_ambient.* in it{reason}")
    return FolderIndex(files, list(skipped.values()))


def _fault(name: str, pair: dict[str, list[Path]]) -> str:
    """What is wrong with the files of a pair, by half, in a sentence; empty if nothing is."""
    paths = [path for half in pair.values() for path in half]
    for half, twins in pair.items():
        if not twins:
            return f"{paths[0]}: its partner {name}_{half}.* is missing"
        if len(twins) > 1:
            return f"{twins[0]}: {twins[1].name} is the {half} photo of this pair, too; keep one of them"
    unreadable = next((path for path in paths if is_other_picture(path)), None)
    return f"{unreadable}: its format is not read; save it as a JPEG, PNG or TIFF" if unreadable else ""


def split_folder(source: str | Path, splits: Sequence[str]) -> Path | None:
    """The first of the sub-folders ``splits`` (``train``, ``val``, ``test``) that a folder of pairs has."""
    return next((Path(source) / split for split in splits if (Path(source) / split).is_dir()), None)


def read_pairs(
    source: str | Path, cache: Path, report: Callable[[str], None], *, strict: bool = False
) -> list[CachedPair]:
    """The usable pairs of a folder, decoded once into ``cache``; those that are skipped are named and counted through
    ``report``.

    The cache's name is a digest of every file's path, size and time, so a changed photo is decoded again.

    Raises:
        DataError: nothing is usable, or (``strict``) something is not.
    """
    index, files = find_pairs(source), []
    for path in (path for pair in index.files for path in (pair.flash, pair.ambient)):
        stat = path.stat()
        files.append(f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}")
    encoded = (EncodedPair.from_files(pair.flash, pair.ambient) for pair in index.files)
    return cached_pairs(str(source), files, encoded, cache, report, skipped=index.skipped, strict=strict)


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
        raise DataError(f"{text}: the share after '=' must be a number above 0")
    return folder, value


class Pairs(Protocol):
    """A list of pairs, or an object that decodes each when it is drawn."""

    def __len__(self) -> int: ...
    def __getitem__(self, number: int, /) -> CachedPair: ...


@runtime_checkable
class HasShuffle(Pairs, Protocol):
    """Pairs that are cheap to read only in some orders; ``order`` is a random one of them, with every pair once."""

    def order(self, random: np.random.Generator) -> np.ndarray: ...


class WeightedSource(NamedTuple):
    """The pairs of one source and their share of every batch."""

    pairs: Pairs
    share: float


class MixtureSampler:
    """Endless draws from several sources in fixed shares; draw ``i`` is a function of ``(seed, i)``.

    Each source has epochs of its own, in a fresh random order each. Shares are rounded to a twentieth.
    """

    cycle = 20

    def __init__(self, sources: Sequence[WeightedSource], seed: int) -> None:
        self.sources, self.seed = sources, seed
        self.pattern = _interleave([source.share for source in sources], self.cycle if len(sources) > 1 else 1)
        self.counts = [self.pattern.count(number) for number in range(len(sources))]
        if not all(self.counts):
            raise DataError(f"the share of folder number {self.counts.index(0) + 1} is below a twentieth; raise it")

    def __len__(self) -> int:
        """Draws in an epoch: as many as there are pairs."""
        return sum(len(source.pairs) for source in self.sources)

    def fingerprint(self) -> str:
        """A digest of number, sizes and pixels of the decoded pairs, wherever their files are; of streamed pairs, of
        their number alone."""
        digest = hashlib.sha256(str([(len(source.pairs), source.share) for source in self.sources]).encode())
        for source in self.sources:
            numbers = range(0 if isinstance(source.pairs, HasShuffle) else len(source.pairs))
            for pair in (source.pairs[number] for number in numbers):
                digest.update(str(pair.flash.shape).encode())
                for photo in (pair.flash, pair.ambient):
                    digest.update(photo[::SAMPLED, ::SAMPLED].tobytes())
        return digest.hexdigest()

    def __getitem__(self, draw: int) -> CachedPair:
        cycle, slot = divmod(draw, len(self.pattern))
        origin = self.pattern[slot]
        nth = cycle * self.counts[origin] + self.pattern[:slot].count(origin)
        pairs = self.sources[origin].pairs
        epoch, position = divmod(nth, len(pairs))
        random = rng(self.seed, origin, epoch)
        order = pairs.order(random) if isinstance(pairs, HasShuffle) else random.permutation(len(pairs))
        return pairs[int(order[position])]


def _interleave(shares: Sequence[float], slots: int) -> list[int]:
    pattern: list[int] = []
    for slot in range(1, slots + 1):
        deficits = [share / sum(shares) * slot - pattern.count(number) for number, share in enumerate(shares)]
        pattern.append(int(np.argmax(deficits)))
    return pattern


def rng(*key: int) -> np.random.Generator:
    """A random number generator that is a function of ``key``."""
    return np.random.default_rng(key)
