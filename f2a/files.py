"""Files and folders that appear whole or not at all, even if the process is killed while writing."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from f2a.errors import F2aError, first_line

UNFINISHED, REPLACED = ".part", ".old.part"
"""Suffixes of a folder while it is being written, and of the folder that it replaces while the two are swapped."""


class OutputError(F2aError):
    """A file or folder of results that cannot be written; the message names it, the reason and the remedy."""


def write_output(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all; if ``path`` is a link, its target is written.

    Raises:
        OutputError: it cannot be written, or is something other than a file, such as a device.
    """
    try:
        if path.exists() and not path.is_file():
            raise OSError("not a file")
        with atomic_write(Path(os.path.realpath(path))) as beside:
            beside.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({first_line(error)}); choose another output") from None


def is_same_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, which need not exist."""
    return os.path.realpath(one) == os.path.realpath(other)  # Path.resolve raises if a link leads to itself


def is_folder(output: str | Path) -> bool:
    """Whether an output is a folder, or is to become one because it ends in a slash."""
    return str(output).endswith("/") or Path(output).is_dir()


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents; raise :class:`OutputError` if that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be created ({first_line(error)}); choose another output") from None


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a new path in the folder of ``path`` to write to; on success the file replaces ``path``.

    Raises:
        OSError: the file cannot be written; ``path`` is as it was before.
    """
    beside = path.with_name(f".{uuid.uuid4().hex}{UNFINISHED}")  # the name itself may have the maximum length already
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def atomic_dir(path: Path) -> Iterator[Path]:
    """Yield a new folder next to ``path`` to write into; on success it is synced to disk and replaces ``path``.

    Raises:
        OSError: something cannot be written; ``path`` is as it was before.
    """
    beside, old = (path.with_name(path.name + end) for end in (UNFINISHED, REPLACED))
    recover_dir(path)
    try:
        beside.mkdir(parents=True)
        yield beside
        for name in beside.rglob("*"):
            if name.is_file():
                with name.open("rb") as file:
                    os.fsync(file.fileno())
        if path.exists():
            path.rename(old)
        beside.rename(path)
    finally:
        recover_dir(path)


def recover_dir(path: Path) -> None:
    """Delete what a killed or failed :func:`atomic_dir` left, and restore the old folder if nothing replaced it."""
    beside, old = (path.with_name(path.name + end) for end in (UNFINISHED, REPLACED))
    if old.exists() and not path.exists():
        old.rename(path)
    for leftover in (beside, old):
        shutil.rmtree(leftover, ignore_errors=True)
