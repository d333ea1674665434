"""Relighting of many photos, several at a time: one is decoded while another is in the network and a third is encoded.

Only the photos in progress are in memory, however long the list. A run that was stopped continues where it was, since
photos whose results exist are skipped. Several processes share a list by the rank that ``accelerate launch`` or
``torchrun`` gives them, without communicating.
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from f2a.errors import F2aError, counted
from f2a.files import is_folder, is_same_file, make_folder, write_output
from f2a.photo import (
    PhotoError,
    PhotoExistsError,
    format_of,
    is_other_picture,
    is_photo,
    is_result,
    names_a_file,
    needs_rawpy,
    output_name,
)

MAX_NAMES = 5
"""Maximum number of file names in a message."""


class Task(NamedTuple):
    """A photo, and the file or folder that its result goes to."""

    photo: Path
    target: Path


def plan(inputs: Sequence[Path], output: str | Path) -> list[Task]:
    """Decide which photo goes where, and create the output folder; an output that ends in a slash is a folder.

    A folder stands for the photos directly inside it, except results, which are named ``*_ambient``, and files that
    programs keep for themselves.

    Raises:
        F2aError: a folder has no photos, or one file is to receive several.
        OutputError: the output folder cannot be created.
        PhotoError: the output is a file in a format that f2a does not write.
    """
    photos: list[Path] = []
    for path in inputs:
        if not path.is_dir():
            photos.append(path)
            continue
        inside = [photo for photo in sorted(path.iterdir()) if is_photo(photo) and not is_result(photo)]
        if not inside:
            raise F2aError(f"{path}: no photo in this folder; name the photos or another folder")
        photos += inside
    may_be_file, output = not is_folder(output), Path(output)
    is_one_photo = len(inputs) == 1 and not inputs[0].is_dir()
    # "relit.xyz" for one photo is not a folder but a file in a format that f2a does not write
    if may_be_file and (names_a_file(output) or (is_one_photo and output.suffix[1:2].isalpha())):
        format_of(output)
        if len(photos) > 1:
            raise F2aError(f"{output}: one file cannot hold {counted(len(photos), 'photo')}; name a folder")
        folder = output.parent
    else:
        folder = output
    make_folder(folder)
    return [Task(photo, output) for photo in photos]


def unreadable_note(inputs: Sequence[Path]) -> str:
    """A line about the pictures in these folders whose formats f2a cannot read; empty if there are none."""
    folders = [path for path in inputs if path.is_dir()]
    pictures = [path for folder in folders for path in sorted(folder.iterdir()) if is_other_picture(path)]
    if not pictures:
        return ""
    names = ", ".join(path.name for path in pictures[:MAX_NAMES]) + (", ..." if len(pictures) > MAX_NAMES else "")
    remedy = "; for raw files run: pip install rawpy" if any(needs_rawpy(path) for path in pictures) else ""
    return f"skipped {counted(len(pictures), 'picture')} in formats that f2a cannot read: {names}{remedy}"


@dataclass(frozen=True)
class Shard:
    """The part of the list for this process: every ``count``-th photo, starting at ``index``, which counts from 0."""

    index: int
    count: int

    @staticmethod
    def from_environment() -> "Shard":
        """Read ``RANK`` and ``WORLD_SIZE`` from the environment; raise :class:`F2aError` if they are invalid."""
        rank, size = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
        if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
            raise F2aError(f"RANK is {rank!r} and WORLD_SIZE {size!r}: give whole numbers, RANK below WORLD_SIZE")
        return Shard(int(rank), int(size))

    def path(self, path: Path) -> Path:
        """A separate name for each process: ``report.json`` becomes ``report-2-of-4.json`` in the second of four."""
        return path if self.count == 1 else path.with_stem(f"{path.stem}-{self.index + 1}-of-{self.count}")


@dataclass(frozen=True)
class Result:
    """What became of a photo: ``relit``, ``skipped`` (its result already existed), ``failed`` or ``not begun``."""

    photo: str
    status: str
    target: str | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


Relight = Callable[..., Path]
""":func:`f2a.relight.relighter.relight_file` with its relighter and options filled in."""


class Batch:
    """A list of photos to relight.

    Args:
        tasks: the whole list, for all processes.
        shard: the part of it for this process.
        overwrite: also relight photos whose results exist.
        format: the results' format, by Pillow's name; None for each photo's own.
    """

    def __init__(
        self, tasks: Sequence[Task], shard: Shard | None = None, overwrite: bool = False, format: str | None = None
    ) -> None:
        shard = shard or Shard(0, 1)
        self.overwrite, self.format = overwrite, format
        self._owners: dict[str, Path] = {}
        self._lock = threading.Lock()
        # Assign names and split the list before skipping anything, so that all processes do both in the same way.
        expected = [(task, self._expected_target(task)) for task in dict.fromkeys(tasks)]
        first = {os.path.realpath(target): task.photo for task, target in reversed(expected)}
        self.done: list[Result] = []
        self.tasks: dict[Task, Result] = {}  # photos to relight, and their results so far
        for task, target in expected[shard.index :: shard.count]:
            if first[os.path.realpath(target)] != task.photo:
                error = PhotoError(task.photo, f"its result would replace {target}; choose another output")
                self.done.append(Result(str(task.photo), "failed", error=str(error)))
            elif os.path.exists(target) and not overwrite and not is_same_file(target, task.photo):
                self.done.append(Result(str(task.photo), "skipped", str(target)))
            else:
                self.tasks[task] = Result(str(task.photo), "not begun")

    def run(self, relight: Relight, workers: int) -> Iterator[Result]:
        """Relight the remaining photos, ``workers`` at a time, and yield results in the list's order.

        Closing the iterator waits for the photos in progress and skips the others.
        """
        with ThreadPoolExecutor(workers) as pool:
            futures = {task: pool.submit(self._relight, relight, task) for task in self.tasks}
            try:
                for task, future in futures.items():
                    future.result()
                    yield self.tasks[task]
            finally:
                pool.shutdown(cancel_futures=True)

    @property
    def results(self) -> list[Result]:
        """Results of all photos, even if the run was closed before its end."""
        return [*self.done, *self.tasks.values()]

    def _relight(self, relight: Relight, task: Task) -> None:
        start, notes, result = time.perf_counter(), list[str](), self.tasks[task]
        try:
            on_target = partial(self._reserve, task.photo)
            target = relight(task.photo, task.target, on_target=on_target, report=notes.append)
            result = replace(result, status="relit", target=str(target))
        except PhotoExistsError as error:  # from an earlier run, or a faster one at the same time
            result = replace(result, status="skipped", target=str(error.path))
        except PhotoError as error:
            result = replace(result, status="failed", error=str(error))
        seconds = round(time.perf_counter() - start, 3)
        self.tasks[task] = replace(result, notes=tuple(f"{task.photo}: {note}" for note in notes), seconds=seconds)

    def _reserve(self, photo: Path, target: Path) -> None:
        """Reserve ``target`` for ``photo``, whose content may require another name than expected."""
        with self._lock:
            owner = self._owners.setdefault(os.path.realpath(target), photo)
        if owner != photo:
            raise PhotoError(photo, f"its result would replace {target}; choose another output")
        if os.path.exists(target) and not self.overwrite:  # Path.exists raises for names that are too long
            raise PhotoExistsError(target)

    def _expected_target(self, task: Task) -> Path:
        """Path of the result as far as the photo's name alone determines it."""
        if not task.target.is_dir():
            return task.target
        return task.target / output_name(task.photo, self.format)


def summary(results: Sequence[Result], seconds: float, shard: Shard) -> str:
    """One line: how many photos were relit, skipped, failed and not begun, and how fast."""
    count = Counter(result.status for result in results)
    parts = [f"{count['relit']} of {counted(len(results), 'photo')} relit in {seconds:.1f} s"]
    if count["relit"]:
        parts[0] += f" ({count['relit'] / seconds:.2f} a second)"
    if count["skipped"]:
        parts.append(f"{count['skipped']} skipped, as their results exist (--overwrite replaces them)")
    if count["failed"]:
        parts.append(f"{count['failed']} failed")
    if count["not begun"]:
        parts.append(f"{count['not begun']} not begun (run the same command to continue with them)")
    process = f"process {shard.index + 1} of {shard.count}: " if shard.count > 1 else ""
    return process + ", ".join(parts)


def write_report(path: Path, results: Sequence[Result], seconds: float, run: dict[str, Any]) -> None:
    """Write what became of every photo and the run's settings as JSON; raise :class:`OutputError` if that fails."""
    report = run | {"seconds": round(seconds, 3), "photos": [asdict(result) for result in results]}
    text = json.dumps(report, indent=1, ensure_ascii=False, default=str) + "\n"  # str is for paths
    write_output(path, text.encode(errors="backslashreplace"))  # names that are not UTF-8
