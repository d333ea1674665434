"""The flash/ambient pairs of the Examples tab: the bundled ones, a folder's, or those of a dataset on the Hub."""

import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from f2a.data.cache import DataError, EncodedPhoto
from f2a.data.folder import PairFiles, find_pairs
from f2a.data.hub import HubSplit
from f2a.data.stream import StreamedPairs
from f2a.hub import hub_errors, parse_repo_id
from f2a.photo import decoder_of

BUNDLED = Path(__file__).parents[1] / "examples"

SPLITS = ("test", "val", "validation", "train")
"""Names of splits, of which the first that a dataset has is shown; those not trained on come first."""

EVERYTHING = "all"


class FolderPairs:
    """The pairs of a folder, ``NAME_flash.*`` and ``NAME_ambient.*`` at any depth.

    Raises:
        DataError: the folder contains no pair.
    """

    def __init__(self, folder: Path) -> None:
        self.title, self.bundled = folder.name, folder == BUNDLED
        self._pairs = {pair.name: pair for pair in find_pairs(folder).files}
        self.names = list(self._pairs)

    def photos(self, name: str) -> PairFiles:
        """The files of one pair."""
        return self._pairs[name]


class HubPairs:
    """The pairs of a dataset made by ``python -m f2a dataset push``; each pair is fetched when it is first shown.

    Raises:
        DataError: the dataset cannot be read, or has a different layout.
    """

    bundled = False

    def __init__(self, dataset: str, revision: str | None) -> None:
        self.title = dataset
        source = HubSplit(dataset, _first_split(dataset, revision), revision=revision)
        self._pairs = StreamedPairs(source, lambda sentence: None)
        self._rows = {name: row for row, name in enumerate(_names(self._pairs, source))}
        self.names = list(self._rows)
        self._folder = tempfile.TemporaryDirectory(prefix="f2a-pairs-")

    def photos(self, name: str) -> PairFiles:
        """The files of one pair.

        Raises:
            DataError: it cannot be fetched at the moment.
        """
        row = self._rows[name]
        files = sorted(Path(self._folder.name).glob(f"{row}_*"))
        if len(files) < 2:
            pair = self._pairs.encoded(row)
            self._pairs.fetch.cache_clear()  # a group of rows may be a hundred photos
            photos = {"ambient": pair.ambient, "flash": pair.flash}
            files = [_write(photo, Path(self._folder.name, f"{row}_{half}")) for half, photo in photos.items()]
        ambient, flash = files
        return PairFiles(name, flash, ambient)


def _write(photo: EncodedPhoto, stem: Path) -> Path:
    with photo.file() as file:
        return Path(shutil.copy(file, stem.with_suffix(decoder_of(file).SUFFIXES[0])))


def _first_split(dataset: str, revision: str | None) -> str:
    from datasets import get_dataset_split_names

    with hub_errors(f"{dataset}: could not be read from the Hub", kind=DataError):
        splits = get_dataset_split_names(dataset, revision=revision)
    return next((split for split in SPLITS if split in splits), splits[0])


def _names(pairs: StreamedPairs, source: HubSplit) -> list[str]:
    from huggingface_hub import HfFileSystem
    from pyarrow import parquet

    names: list[str] = []
    with hub_errors(f"{source.name}: could not be read from the Hub", kind=DataError):
        for url in dict.fromkeys(group.url for group in pairs.groups):
            with HfFileSystem(token=source.token).open(url) as file:
                parts = parquet.ParquetFile(file)
                names += parts.read(columns=["name"])["name"].to_pylist() if "name" in parts.schema_arrow.names else []
    return names if len(set(names)) == len(pairs) else [f"row {row}" for row in range(len(pairs))]


ExamplePairs = FolderPairs | HubPairs
"""Pairs in a fixed order; ``title`` names the folder or dataset that they come from."""


def open_examples(source: str | None, report: Callable[[str], None]) -> ExamplePairs:
    """Open the pairs of a folder or of a Hub dataset ``user/data[@revision]``. With None, or if those cannot be read
    (which is passed to ``report``), open the bundled ones."""
    if not source:
        return FolderPairs(BUNDLED)
    try:
        if Path(source).is_dir():
            return FolderPairs(Path(source))
        return HubPairs(*parse_repo_id(source))
    except (DataError, ImportError) as error:
        report(f"F2A_EXAMPLES: {error}; showing the bundled pairs")
        return FolderPairs(BUNDLED)


def by_category(names: Sequence[str]) -> dict[str, list[str]]:
    """The names in each category, in order: in ``all``, and by first word (``People_014`` belongs to ``People``); only
    ``all`` if the names share no first word, or all share one."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(Path(name).name.partition("_")[0], []).append(name)
    several = 1 < len(groups) < len(names)
    return {EVERYTHING: [*names]} | (dict(sorted(groups.items())) if several else {})
