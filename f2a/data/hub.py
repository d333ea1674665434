"""Flash/ambient pairs from a dataset on the Hub, decoded into the same cache as those from folders.

Two layouts are known: a row for each pair, with image columns ``flash`` and ``ambient`` (what ``python -m f2a dataset
push`` makes), or a row for each photo, with columns ``image``, ``state`` and one that its partner shares (``scene``).
The ``datasets`` library is imported only when a dataset is asked for.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from f2a.data.cache import HALVES, CachedPair, DataError, EncodedPair, EncodedPhoto, cached_pairs
from f2a.errors import Report, counted, first_line
from f2a.hub import hub_errors

if TYPE_CHECKING:
    from datasets import Dataset

STATES = {
    "flash": ("flash", "with_flash", "flash_on", "on"),
    "ambient": ("ambient", "no_flash", "noflash", "non_flash", "without_flash", "flash_off", "off"),
}
"""How a column ``state`` spells the two photos of a pair; letter case, spaces and hyphens do not matter."""


class HubSplit(NamedTuple):
    """One split of a dataset; ``token`` None is the one of ``hf auth login``."""

    dataset: str
    split: str = "train"
    config: str | None = None
    revision: str | None = None
    pair_key: str = "scene"
    token: str | None = None

    @property
    def name(self) -> str:
        return f"{self.dataset} {self.split}"


class PairRows(NamedTuple):
    """The rows that hold the two photos of a pair, which may be the same row."""

    name: str
    flash: int
    ambient: int


RowIndex = tuple[list[PairRows], list[str]]
"""The pairs of a split, and a sentence for each row that is not part of one."""


def read_hub_pairs(source: HubSplit, cache: Path, report: Report, *, strict: bool = False) -> list[CachedPair]:
    """The usable pairs of a split, decoded; those that are skipped are named and counted through ``report``.

    Raises:
        DataError: the dataset cannot be read, has another layout or no usable pair, or (``strict``) one that is not.
    """
    data = _load(source)
    pairs, skipped = find_rows(data, source)
    if not pairs:
        reason = (skipped or ["it is empty"])[0]
        raise DataError(f"{source.name}: no pair in {counted(len(data), 'row')}; {reason}")
    files = [file["filename"] for file in data.cache_files]  # of one commit each
    fingerprint, encoded = (source.pair_key, files), _encoded(data, pairs, source)
    return cached_pairs(source.name, fingerprint, encoded, cache, report, skipped=skipped, strict=strict)


def _load(source: HubSplit) -> "Dataset":
    """The split with its photos as they were encoded; fetched once into the cache of ``datasets``."""
    from datasets import Image, load_dataset
    from datasets.exceptions import DatasetNotFoundError

    kwargs: dict[str, Any] = {"revision": source.revision, "token": source.token}
    remedy = "check split, revision and connection, then run again"
    with hub_errors(f"{source.name}: could not be read from the Hub", remedy, DataError):
        try:
            data = load_dataset(source.dataset, source.config, split=source.split, **kwargs)
        except DatasetNotFoundError as error:
            remedy = "check the name; a private one needs hf auth login or --hub_token"
            raise DataError(f"{source.name}: {first_line(error)}; {remedy}") from error
    for column in _photo_columns(data.column_names, source):
        if not isinstance(data.features[column], Image):
            raise DataError(f"{source.name}: column {column} holds {data.features[column]}; it must hold images")
        data = data.cast_column(column, Image(decode=False))
    return data


def _photo_columns(columns: list[str], source: HubSplit) -> list[str]:
    """The image columns of the layout that ``columns`` show."""
    if {"flash", "ambient"} <= set(columns):
        return ["flash", "ambient"]
    if {"image", "state", source.pair_key} <= set(columns):
        return ["image"]
    expected = f"flash and ambient, or image, state and {source.pair_key} (--pair_key names another)"
    raise DataError(f"{source.name}: has the columns {', '.join(columns)}; it needs {expected}")


def find_rows(data: "Dataset", source: HubSplit) -> RowIndex:
    """The pairs of a split in either layout; only its text columns are read."""
    if _photo_columns(data.column_names, source) == ["image"]:
        return pair_states(data[source.pair_key], _states(data), source)
    own_names = list(data["name"]) if "name" in data.column_names else None
    names = [f"{source.name} {repr(own_names[row]) if own_names else f'row {row}'}" for row in range(len(data))]
    return [PairRows(name, row, row) for row, name in enumerate(names)], []


def _states(data: "Dataset") -> list[str]:
    names = getattr(data.features["state"], "names", None)  # of a column of class labels
    return [str(names[state]) if names and isinstance(state, int) else str(state) for state in data["state"]]


def pair_states(keys: Any, states: list[str], source: HubSplit) -> RowIndex:
    """Pair rows of one photo each, in the order in which the pairs begin.

    Args:
        keys: of each row, what both photos of a pair share.
        states: of each row, one of the spellings in :data:`STATES`.
    """
    known = {spelling: half for half, spellings in STATES.items() for spelling in spellings}
    halves: dict[Any, dict[str, int]] = {}
    skipped = []
    for row, (key, state) in enumerate(zip(keys, states, strict=True)):
        half = known.get(re.sub(r"[^a-z]+", "_", state.lower()).strip("_"))
        if key is None:
            skipped.append(f"{source.name} row {row}: has no {source.pair_key}")
        elif not half:
            skipped.append(f"{source.name} row {row}: state {state!r} is neither flash nor ambient (or no_flash)")
        elif half in halves.setdefault(key, {}):
            skipped.append(f"{source.name} row {row}: a second {half} photo of {source.pair_key} {key!r}")
        else:
            halves[key][half] = row
    pairs = []
    for key, pair in halves.items():
        name = f"{source.name} {source.pair_key} {key!r}"
        if len(pair) == 2:
            pairs.append(PairRows(name, **pair))
        else:
            missing = "ambient" if "flash" in pair else "flash"
            skipped.append(f"{name}: its {missing} photo is missing")
    return pairs, skipped


def _encoded(data: "Dataset", pairs: list[PairRows], source: HubSplit) -> Iterator[EncodedPair]:
    columns = _photo_columns(data.column_names, source)
    for pair in pairs:
        rows = {row: data[row] for row in {pair.flash, pair.ambient}}
        photos = rows[pair.flash][columns[0]], rows[pair.ambient][columns[-1]]
        yield EncodedPair(
            *(encoded_photo(f"{pair.name}, {half}", photo, source) for half, photo in zip(HALVES, photos, strict=True))
        )


def encoded_photo(name: str, photo: dict[str, Any] | None, source: HubSplit) -> EncodedPhoto:
    """The file of a cell, or its bytes; an empty cell becomes an empty file, which is refused by name.

    Raises:
        DataError: a row of a foreign dataset names a file of this machine that is not part of it.
    """
    photo = photo or {}
    path = Path(photo.get("path") or "")
    if not path.name or photo.get("bytes") is not None:
        return EncodedPhoto(name, photo.get("bytes") or b"", path.suffix)
    if not Path(source.dataset).is_dir() and not any(
        path.resolve().is_relative_to(cache) for cache in _cache_folders()
    ):
        raise DataError(f"{name}: names the file {str(path)!r}, which is not part of the dataset; do not trust it")
    return EncodedPhoto(name, path)


def _cache_folders() -> list[Path]:
    """Where the libraries store downloads."""
    from datasets.config import DOWNLOADED_DATASETS_PATH, HF_DATASETS_CACHE
    from huggingface_hub.constants import HF_HUB_CACHE

    return [Path(folder).resolve() for folder in (HF_DATASETS_CACHE, DOWNLOADED_DATASETS_PATH, HF_HUB_CACHE)]
