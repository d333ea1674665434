"""Pairs read from the Hub while training, for datasets larger than the disk; nothing is stored on the disk.

A parquet file stores its rows in groups, each fetched as a whole. An epoch visits the groups in random order, a few at
a time, and shuffles the rows of those few. As for pairs from folders, the row drawn is a function of (seed, draw
number), so a run that resumes at draw ``n`` sees the same pairs, bit for bit, without reading earlier ones. This
requires an unchanged dataset: pass its commit as ``--dataset_revision``.
"""

from bisect import bisect_right
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from f2a.data.cache import HALVES, CachedPair, DataError, EncodedPair, cached_pairs, decode_pair
from f2a.data.hub import HubSplit, encoded_photo
from f2a.errors import Report, counted
from f2a.hub import hub_errors

WINDOW = 4
"""Row groups, of about a hundred pairs each, that a process keeps in memory, encoded, and shuffles together."""


class RowGroup(NamedTuple):
    """Rows stored together in one file; ``first`` is the number within the split of the group's first row."""

    url: str
    number: int
    first: int
    rows: int


class StreamedPairs:
    """The pairs of a split with image columns ``flash`` and ``ambient``, decoded each time they are drawn.

    An unusable pair is named once through ``report`` and replaced by the next one of its group; with ``strict`` it ends
    the run.

    Raises:
        DataError: the dataset cannot be read, or has another layout.
    """

    def __init__(self, source: HubSplit, report: Report, *, strict: bool = False) -> None:
        self.source, self.report, self.strict = source, report, strict
        self.groups = _groups(source)
        self.firsts = [group.first for group in self.groups]
        self.warned: set[int] = set()
        self.fetch = lru_cache(WINDOW)(lambda number: _fetch(self.groups[number], source))
        groups = counted(len(self.groups), "row group")
        report(f"{source.name}: {counted(len(self), 'pair')} in {groups}, read while training")

    def __len__(self) -> int:
        return self.groups[-1].first + self.groups[-1].rows

    def order(self, random: np.random.Generator) -> np.ndarray:
        """Return every row number once, shuffled within windows of :data:`WINDOW` randomly chosen groups."""
        groups = random.permutation(len(self.groups))
        windows = (groups[start : start + WINDOW] for start in range(0, len(groups), WINDOW))
        rows = [[np.arange(g.first, g.first + g.rows) for g in (self.groups[n] for n in window)] for window in windows]
        return np.concatenate([random.permutation(np.concatenate(window)) for window in rows])

    def __getitem__(self, row: int) -> CachedPair:
        group = self.groups[self._group_of(row)]
        for step in range(group.rows):
            candidate = group.first + (row - group.first + step) % group.rows
            try:
                return decode_pair(self.encoded(candidate))
            except DataError as error:
                if self.strict:
                    raise
                if candidate not in self.warned:
                    self.warned.add(candidate)
                    self.report(f"left out: {error}")
        raise DataError(f"{self.source.name}: none of the rows from {group.first} on can be used")

    def encoded(self, row: int) -> EncodedPair:
        """Return a pair as stored in the dataset; :class:`DataError` if it cannot be fetched."""
        number = self._group_of(row)
        cells = self.fetch(number)[row - self.groups[number].first]
        name = f"{self.source.name} row {row}"
        return EncodedPair(*(encoded_photo(f"{name}, {half}", cells[half], self.source) for half in HALVES))

    def _group_of(self, row: int) -> int:
        return bisect_right(self.firsts, row) - 1


def _groups(source: HubSplit) -> list[RowGroup]:
    """Return the row groups of a split, reading only the footers of its files."""
    from datasets import load_dataset_builder
    from huggingface_hub import HfFileSystem
    from pyarrow import parquet, types

    groups: list[RowGroup] = []
    remedy = "check name, token, revision and connection; --streaming needs a dataset of parquet files"
    with hub_errors(f"{source.name}: could not be read from the Hub", remedy, DataError):
        kwargs: dict[str, Any] = {"revision": source.revision, "token": source.token}
        files = load_dataset_builder(source.dataset, source.config, **kwargs).config.data_files or {}
        for url in files.get(source.split, []):
            with HfFileSystem(token=source.token).open(url) as file:
                metadata = parquet.ParquetFile(file).metadata
            columns = metadata.schema.to_arrow_schema()
            if not {*HALVES} <= {*columns.names}:
                needed = "--streaming needs flash and ambient in one row; omit it, or push pairs with f2a dataset push"
                raise DataError(f"{source.name}: has the columns {', '.join(columns.names)}; {needed}")
            for half in HALVES:
                if not types.is_struct(kind := columns.field(half).type):
                    raise DataError(f"{source.name}: column {half} holds {kind}; it must hold images")
            for number in range(metadata.num_row_groups):
                first = groups[-1].first + groups[-1].rows if groups else 0
                groups.append(RowGroup(url, number, first, metadata.row_group(number).num_rows))
    groups = [group for group in groups if group.rows]
    if not groups:
        raise DataError(f"{source.name}: no rows; the dataset has the splits {', '.join(map(str, files)) or 'none'}")
    return groups


def _fetch(group: RowGroup, source: HubSplit) -> list[dict[str, Any]]:
    from huggingface_hub import HfFileSystem
    from pyarrow import parquet

    remedy = "check the connection, then continue with --resume_from_checkpoint latest"
    with hub_errors(f"{source.name}: rows from {group.first} on could not be read from the Hub", remedy, DataError):
        with HfFileSystem(token=source.token).open(group.url) as file:
            table = parquet.ParquetFile(file).read_row_group(group.number, columns=HALVES)
        return table.to_pylist()


def read_streamed_once(source: HubSplit, cache: Path, report: Report, *, strict: bool = False) -> list[CachedPair]:
    """Like :func:`f2a.data.hub.read_hub_pairs`, but without the cache of ``datasets``; for a small validation split."""
    stream = StreamedPairs(source, lambda sentence: None)
    encoded = (stream.encoded(row) for row in range(len(stream)))
    return cached_pairs(source.name, stream.groups, encoded, cache, report, strict=strict)
