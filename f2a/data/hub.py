"""Flash/ambient pairs from a dataset on the Hub, decoded into the same cache as those from folders.

Two layouts are supported: one row per pair, with image columns ``flash`` and ``ambient`` (as written by ``f2a dataset
push``), or one row per photo, with columns ``image``, ``state`` and a key shared by both photos (``scene``).
The ``datasets`` library is imported only when a dataset is requested.
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
"""Accepted values of the ``state`` column for each photo of a pair; letter case, spaces and hyphens do not matter."""


class HubSplit(NamedTuple):
    """One split of a dataset; if ``token`` is None, the token of ``hf auth login`` is used."""

    dataset: str
    split: str = "train"
    config: str | None = None
    revision: str | None = None
    pair_key: str = "scene"
    token: str | None = None

    @property
    def name(self) -> str:
        """The split as messages call it."""
        return f"{self.dataset} {self.split}"


class PairRows(NamedTuple):
    """The row numbers of a pair's two photos, which may be the same."""

    name: str
    flash: int
    ambient: int


RowIndex = tuple[list[PairRows], list[str]]
"""The pairs of a split, and a sentence for each row that is not part of one."""


def read_hub_pairs(source: HubSplit, cache: Path, report: Report, *, strict: bool = False) -> list[CachedPair]:
    """Return the usable pairs of a split, decoded; skipped pairs are named and counted through ``report``.

    Raises:
        DataError: the dataset cannot be read, has another layout or no usable pair, or (``strict``) an unusable one.
    """
    data = _load(source)
    pairs, skipped = find_rows(data, source)
    if not pairs:
        reason = (skipped or ["it is empty"])[0]
        raise DataError(f"{source.name}: no pair in {counted(len(data), 'row')}; {reason}")
    files = [file["filename"] for file in data.cache_files]  # their names differ from commit to commit
    fingerprint, encoded = (source.pair_key, files), _encoded_pairs(data, pairs, source)
    return cached_pairs(source.name, fingerprint, encoded, cache, report, skipped=skipped, strict=strict)


def _load(source: HubSplit) -> "Dataset":
    """Load a split with its photos still encoded; ``datasets`` downloads it once into its own cache."""
    from datasets import ClassLabel, Image, Value, load_dataset
    from datasets.exceptions import DatasetNotFoundError

    kwargs: dict[str, Any] = {"revision": source.revision, "token": source.token}
    remedy = "check split, revision and connection, then run again"
    with hub_errors(f"{source.name}: could not be read from the Hub", remedy, DataError):
        try:
            data = load_dataset(source.dataset, source.config, split=source.split, **kwargs)
        except DatasetNotFoundError as error:
            remedy = "check the name; a private one needs hf auth login or --hub_token"
            raise DataError(f"{source.name}: {first_line(error)}; {remedy}") from error
    columns = _photo_columns(data.column_names, source)
    if columns == ["image"] and not isinstance(key := data.features[source.pair_key], Value | ClassLabel):
        raise DataError(f"{source.name}: column {source.pair_key} holds {key}; it must hold text or numbers")
    for column in columns:
        if not isinstance(data.features[column], Image):
            raise DataError(f"{source.name}: column {column} holds {data.features[column]}; it must hold images")
        data = data.cast_column(column, Image(decode=False))
    return data


def _photo_columns(columns: list[str], source: HubSplit) -> list[str]:
    """Return the image columns of the layout that ``columns`` belong to; :class:`DataError` if it is neither."""
    if {"flash", "ambient"} <= set(columns):
        return ["flash", "ambient"]
    if {"image", "state", source.pair_key} <= set(columns):
        return ["image"]
    expected = f"flash and ambient, or image, state and {source.pair_key} (--pair_key names another)"
    raise DataError(f"{source.name}: has the columns {', '.join(columns)}; it needs {expected}")


def find_rows(data: "Dataset", source: HubSplit) -> RowIndex:
    """Return the pairs of a split in either layout, without reading its images."""
    if _photo_columns(data.column_names, source) == ["image"]:
        return pair_states(data[source.pair_key], _states(data), source)
    own_names = list(data["name"]) if "name" in data.column_names else None
    names = [f"{source.name} {repr(own_names[row]) if own_names else f'row {row}'}" for row in range(len(data))]
    return [PairRows(name, row, row) for row, name in enumerate(names)], []


def _states(data: "Dataset") -> list[str]:
    names = getattr(data.features["state"], "names", None)  # a column of class labels has names
    return [str(names[state]) if names and isinstance(state, int) else str(state) for state in data["state"]]


def pair_states(keys: Any, states: list[str], source: HubSplit) -> RowIndex:
    """Combine rows of one photo each into pairs, in the order of each pair's first row.

    Args:
        keys: for each row, the value that both photos of a pair share.
        states: for each row, one of the values in :data:`STATES`.
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


def _encoded_pairs(data: "Dataset", pairs: list[PairRows], source: HubSplit) -> Iterator[EncodedPair]:
    columns = _photo_columns(data.column_names, source)
    for pair in pairs:
        rows = {row: data[row] for row in {pair.flash, pair.ambient}}
        photos = rows[pair.flash][columns[0]], rows[pair.ambient][columns[-1]]
        yield EncodedPair(
            *(encoded_photo(f"{pair.name}, {half}", photo, source) for half, photo in zip(HALVES, photos, strict=True))
        )


def encoded_photo(name: str, photo: dict[str, Any] | None, source: HubSplit) -> EncodedPhoto:
    """Return the photo in a cell, as a file or bytes; an empty cell gives empty bytes, rejected when they are decoded.

    Raises:
        DataError: a row of a downloaded dataset names a file on this machine that is not part of the dataset.
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
    """Return the folders in which the libraries store downloads."""
    from datasets.config import DOWNLOADED_DATASETS_PATH, HF_DATASETS_CACHE
    from huggingface_hub.constants import HF_HUB_CACHE

    return [Path(folder).resolve() for folder in (HF_DATASETS_CACHE, DOWNLOADED_DATASETS_PATH, HF_HUB_CACHE)]
