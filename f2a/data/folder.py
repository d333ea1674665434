"""Flash/ambient pairs from folders, found by name and decoded once into a memory-mapped cache."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

from f2a.config import number_or_word
from f2a.data.cache import HALVES, CachedPair, DataError, EncodedPair, cached_pairs
from f2a.errors import Report, counted
from f2a.photo import is_hidden, is_other_picture, is_photo


class PairFiles(NamedTuple):
    """A pair in a folder; ``name`` is its path below that folder, without ``_flash`` and suffix."""

    name: str
    flash: Path
    ambient: Path


class FolderIndex(NamedTuple):
    """The pairs of a folder in order of name, and a sentence for each pair that cannot be used."""

    files: list[PairFiles]
    skipped: list[str]


def find_pairs(source: str | Path) -> FolderIndex:
    """Find the pairs ``NAME_flash.*``/``NAME_ambient.*`` at any depth below a folder, ignoring case except in NAME.

    Args:
        source: a folder, or a folder and a shell pattern for the pairs' names (``pairs/train/faid_*``).

    Raises:
        DataError: the folder does not exist or contains no complete pair.
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
    """Return a sentence about what is wrong with a pair's files, given by half; empty if nothing is wrong."""
    paths = [path for half in pair.values() for path in half]
    for half, twins in pair.items():
        if not twins:
            return f"{paths[0]}: its partner {name}_{half}.* is missing"
        if len(twins) > 1:
            return f"{twins[0]}: {twins[1].name} is the {half} photo of this pair, too; keep one of them"
    unreadable = next((path for path in paths if is_other_picture(path)), None)
    return f"{unreadable}: its format is not read; save it as a JPEG, PNG or TIFF" if unreadable else ""


def split_folder(source: str | Path, splits: Sequence[str]) -> Path | None:
    """Return the first existing sub-folder among ``splits`` (``train``, ``val``, ``test``), or None."""
    return next((Path(source) / split for split in splits if (Path(source) / split).is_dir()), None)


def read_pairs(source: str | Path, cache: Path, report: Report, *, strict: bool = False) -> list[CachedPair]:
    """Return the usable pairs of a folder, decoded once into ``cache``; skipped pairs are named and counted through
    ``report``.

    The cache's name is a digest of each file's path, size and modification time, so a changed photo is decoded again.

    Raises:
        DataError: no pair is usable, or (``strict``) any pair is not.
    """
    index, files = find_pairs(source), []
    for path in (path for pair in index.files for path in (pair.flash, pair.ambient)):
        stat = path.stat()
        files.append(f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}")
    encoded = (EncodedPair.from_files(pair.flash, pair.ambient) for pair in index.files)
    return cached_pairs(str(source), files, encoded, cache, report, skipped=index.skipped, strict=strict)


def parse_share(text: str) -> tuple[str, float]:
    """Split ``FOLDER=SHARE`` into folder and share, 1 if none is given; :class:`DataError` for an invalid share."""
    folder, equals, share = text.rpartition("=")
    if not equals:
        return text, 1.0
    value = number_or_word(share)
    if isinstance(value, str) or not 0 < value < float("inf"):
        raise DataError(f"{text}: the share after '=' must be a number above 0")
    return folder, value
