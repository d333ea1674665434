"""Many photos: several at a time, so that one is decoded while another is in the network and a third is encoded.

Memory is that of the photos in work, however long the list. A run that was stopped goes on where it was, since photos
whose results are there are left out. Several processes share a list by their rank, as ``accelerate launch`` and
``torchrun`` tell it, without talking to each other.
"""

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from f2a.errors import F2aError, first_line
from f2a.files import atomic_write
from f2a.photo import PhotoError, format_of, is_other_picture, is_photo, names_a_file, needs_rawpy, output_name


class BatchError(F2aError):
    """A run that cannot be done as asked; the message says what to ask instead."""


MAX_NAMES = 5
"""In a line about files."""


class Job(NamedTuple):
    """A photo, and the file or folder that its result goes to."""

    photo: Path
    target: Path


def plan(inputs: Sequence[Path], output: Path) -> list[Job]:
    """Which photo goes where; makes the output folder.

    A folder stands for the photos right inside it, except those named ``*_ambient``, which are results, and what
    programs keep for themselves.

    Raises:
        BatchError: a folder without photos, several photos for one file, or an output that cannot be made.
        PhotoError: the output is a file of a format that is not written.
    """
    photos: list[Path] = []
    for given in inputs:
        if not given.is_dir():
            photos.append(given)
            continue
        inside = [path for path in sorted(given.iterdir()) if is_photo(path) and not path.stem.endswith("_ambient")]
        if not inside:
            raise BatchError(f"{given}: no photo in this folder; name the photos or another folder")
        photos += inside
    is_one_photo = len(inputs) == 1 and not inputs[0].is_dir()
    if (names_a_file(output) or (is_one_photo and output.suffix[1:2].isalpha())) and not output.is_dir():
        format_of(output)
        if len(photos) > 1:
            raise BatchError(f"{output}: one file cannot hold {len(photos)} photos; name a folder")
        folder = output.parent
    else:
        folder = output
    make_folder(folder)
    return [Job(photo, output) for photo in photos]


def make_folder(folder: Path) -> None:
    """Make a folder and those above it where they are missing.

    Raises:
        BatchError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BatchError(f"{folder}: cannot be created ({error.strerror}); choose another output") from None


def passed_over(inputs: Sequence[Path]) -> str:
    """A line about the pictures in these folders whose formats are not read; empty if there are none."""
    folders = [given for given in inputs if given.is_dir()]
    pictures = [path for folder in folders for path in sorted(folder.iterdir()) if is_other_picture(path)]
    if not pictures:
        return ""
    count = f"{len(pictures)} picture{'s' if len(pictures) > 1 else ''}"
    names = ", ".join(path.name for path in pictures[:MAX_NAMES]) + (", ..." if len(pictures) > MAX_NAMES else "")
    remedy = "; for raw files run: pip install rawpy" if any(needs_rawpy(path) for path in pictures) else ""
    return f"passed over {count} of formats that are not read: {names}{remedy}"


class Share(NamedTuple):
    """Which part of the list is this process's: every ``of``-th photo from ``number`` (0 upwards) on."""

    number: int
    of: int

    @staticmethod
    def of_process() -> "Share":
        """As the environment variables ``RANK`` and ``WORLD_SIZE`` say; all of it where they are not set.

        Raises:
            BatchError: they are no numbers, or do not fit each other.
        """
        rank, size = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
        if not (rank.isdecimal() and size.isdecimal() and int(rank) < int(size)):
            raise BatchError(f"RANK is {rank!r} and WORLD_SIZE {size!r}: give numbers, the first one smaller")
        return Share(int(rank), int(size))

    def path(self, path: Path) -> Path:
        """A name of its own for each process: ``report.json`` is ``report-2-of-4.json`` in the second of four."""
        return path if self.of == 1 else path.with_stem(f"{path.stem}-{self.number + 1}-of-{self.of}")


@dataclass(frozen=True)
class Outcome:
    """What became of a photo: ``relit``, ``skipped`` (its result was there already), ``failed`` or ``not begun``."""

    photo: str
    status: str
    target: str | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class Relight(Protocol):
    """:func:`f2a.relight.relighter.relight_file` with its relighter and options filled in."""

    def __call__(
        self, source: Path, target: Path, *, claim: Callable[[Path], None], tell: Callable[[str], object]
    ) -> Path: ...


class _ThereAlready(Exception):
    pass


class Batch:
    """A list of photos.

    Args:
        jobs: the whole list, of all processes.
        share: what this process does of it.
        overwrite: relight photos whose results are there, too.
        format: the results' format, by Pillow's name; None for each photo's own.
    """

    def __init__(
        self, jobs: Sequence[Job], share: Share | None = None, overwrite: bool = False, format: str | None = None
    ) -> None:
        share = share or Share(0, 1)
        self.overwrite, self.format = overwrite, format
        self._claimed: dict[Path, Path] = {}
        self._outcomes: dict[Job, Outcome] = {}
        self._lock = threading.Lock()
        # Names are given away, and the list is cut, before anything is left out: all processes must do it alike.
        expected = [(job, self._expected_target(job)) for job in dict.fromkeys(jobs)]
        first = {target.resolve(): job.photo for job, target in reversed(expected)}
        self.done: list[Outcome] = []
        self.jobs: list[Job] = []
        for job, target in expected[share.number :: share.of]:
            if first[target.resolve()] != job.photo:
                error = PhotoError(job.photo, f"its result would replace {target}; choose another output")
                self.done.append(Outcome(str(job.photo), "failed", error=str(error)))
            elif os.path.exists(target) and not overwrite and target.resolve() != job.photo.resolve():
                self.done.append(Outcome(str(job.photo), "skipped", str(target)))
            else:
                self.jobs.append(job)

    def run(self, relight: Relight, at_once: int) -> Iterator[Outcome]:
        """Relight what is to be done, ``at_once`` photos at a time; outcomes come in the list's order.

        Closing the iterator waits for the photos in work and leaves the others.
        """
        with ThreadPoolExecutor(at_once) as pool:
            waiting = [pool.submit(self._finish, relight, job) for job in self.jobs]
            try:
                for future in waiting:
                    yield future.result()
            finally:
                for future in waiting:
                    future.cancel()

    @property
    def outcomes(self) -> list[Outcome]:
        """Of all photos, also where the run was closed before its end."""
        return [*self.done, *(self._outcomes.get(job, Outcome(str(job.photo), "not begun")) for job in self.jobs)]

    def _finish(self, relight: Relight, job: Job) -> Outcome:
        self._outcomes[job] = self._relight(relight, job)
        return self._outcomes[job]

    def _relight(self, relight: Relight, job: Job) -> Outcome:
        start, notes = time.perf_counter(), list[str]()

        def outcome(status: str, target: Path | None = None, error: str | None = None) -> Outcome:
            seconds = round(time.perf_counter() - start, 3)
            return Outcome(str(job.photo), status, str(target) if target else None, error, tuple(notes), seconds)

        try:
            claim = partial(self._claim, job.photo)
            return outcome("relit", relight(job.photo, job.target, claim=claim, tell=notes.append))
        except _ThereAlready as there:
            return outcome("skipped", there.args[0])
        except PhotoError as error:
            return outcome("failed", error=str(error))

    def _claim(self, photo: Path, target: Path) -> None:
        """Give ``target`` to ``photo``, whose content may ask for another name than expected."""
        with self._lock:
            owner = self._claimed.setdefault(target.resolve(), photo)
        if owner != photo:
            raise PhotoError(photo, f"its result would replace {target}; choose another output")
        if os.path.exists(target) and not self.overwrite:  # unlike the path's own, for names of any length
            raise _ThereAlready(target)

    def _expected_target(self, job: Job) -> Path:
        """The name of the result, told from the photo's name without opening it."""
        if not job.target.is_dir():
            return job.target
        return job.target / output_name(job.photo, self.format)


def summary(outcomes: Sequence[Outcome], seconds: float, share: Share) -> str:
    """One line: how many photos were relit, skipped, failed and not begun, and how fast."""
    count = Counter(outcome.status for outcome in outcomes)
    parts = [f"{count['relit']} of {len(outcomes)} photos relit in {seconds:.1f} s"]
    if count["relit"]:
        parts[0] += f" ({count['relit'] / seconds:.2f} a second)"
    if count["skipped"]:
        parts.append(f"{count['skipped']} skipped, whose results are there (--overwrite replaces them)")
    if count["failed"]:
        parts.append(f"{count['failed']} failed")
    if count["not begun"]:
        parts.append(f"{count['not begun']} not begun (the same command goes on with them)")
    who = f"process {share.number + 1} of {share.of}: " if share.of > 1 else ""
    return who + ", ".join(parts)


def write_report(path: Path, outcomes: Sequence[Outcome], seconds: float, run: dict[str, Any]) -> None:
    """Write what became of every photo, with the run's settings, as JSON; the file appears whole or not at all.

    Raises:
        BatchError: it cannot be written.
    """
    report = run | {"seconds": round(seconds, 3), "photos": [asdict(outcome) for outcome in outcomes]}
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    try:
        with atomic_write(path) as beside:
            beside.write_text(text, encoding="utf-8", errors="backslashreplace")  # names that are not UTF-8
    except OSError as error:
        reason = first_line(error)
        raise BatchError(f"{path}: the report cannot be written ({reason}); choose another place") from None
