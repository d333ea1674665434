"""A folder for all that one server writes, and the removal of those of servers that were killed."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "f2a-page-"
LOCK = "lock"
USER = os.getuid() if hasattr(os, "getuid") else 0  # Windows says 0 of every file


@contextmanager
def premises(base: Path) -> Iterator[Path]:
    """A new folder in ``base`` that goes when its server stops.

    A server that is killed leaves its folder behind, visitors' photos included. So a lock, which the system takes back
    from a dead process, says whether a folder is still in use, and those that are not are removed first.
    """
    base.mkdir(parents=True, exist_ok=True)
    for left in base.glob(f"{PREFIX}*"):
        clear(left)
    unnamed = Path(tempfile.mkdtemp(prefix=f"new-{PREFIX}", dir=base))  # under its name only once it is locked
    lock = FileLock(unnamed / LOCK)
    lock.acquire()
    folder = unnamed.rename(base / unnamed.name.removeprefix("new-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def clear(folder: Path) -> None:
    """Remove the folder of a server of this user that runs no more; any other is left alone."""
    try:
        if folder.is_symlink() or folder.stat().st_uid != USER or not (folder / LOCK).is_file():
            return
        with FileLock(folder / LOCK, timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, Timeout):  # gone already, another user's, or in use
        return
