"""Finds photos that appear in a folder, each once it is completely written."""

import time
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from f2a.errors import F2aError
from f2a.photo import is_photo, is_result

SETTLE_S = 1.0
"""Seconds without a change after which a file counts as written."""

State = tuple[int, int]
"""Size in bytes, and time of the last change in nanoseconds."""


def watch_folder(folder: Path, settle_s: float = SETTLE_S) -> Iterator[Path]:
    """Photos that appear or change directly inside a folder from this call on; the iterator never ends.

    Results (``*_ambient``) and files that programs keep for themselves are left out.

    Args:
        folder: an existing folder.
        settle_s: seconds without a change after which a file counts as written.

    Raises:
        F2aError: the folder no longer exists.
    """
    from watchfiles import Change, watch

    waiting_ms = max(1, int(settle_s * 500))
    events = watch(folder, watch_filter=None, recursive=False, rust_timeout=waiting_ms, yield_on_timeout=True)
    first = next(events)  # watching only starts here
    changes = ({Path(name) for kind, name in event if kind != Change.deleted} for event in chain([first], events))

    def photos() -> Iterator[Path]:
        for path in stable_photos(changes, settle_s):
            if path is None and not folder.is_dir():
                raise F2aError(f"{folder}: no longer exists; start again once it does")
            if path is not None:
                yield path

    return photos()


def stable_photos(changes: Iterable[set[Path]], settle_s: float) -> Iterator[Path | None]:
    """Yield each photo once it has not changed for ``settle_s`` seconds, and None after each set of ``changes``.

    Args:
        changes: sets of files that changed since the set before; they are empty while nothing happens.
    """
    pending: dict[Path, tuple[State | None, float]] = {}
    for changed in changes:
        photos = {path for path in changed if is_photo(path) and not is_result(path)}
        pending |= dict.fromkeys(photos - pending.keys(), (None, 0.0))
        now = time.monotonic()
        for path, (before, since) in list(pending.items()):
            state = state_of(path)
            if state is None:
                del pending[path]
            elif state != before:
                pending[path] = (state, now)
            elif now - since >= settle_s:
                del pending[path]
                yield path
        yield None


def state_of(path: Path) -> State | None:
    """State of a file; None if it is gone or a folder."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return (stat.st_size, stat.st_mtime_ns) if path.is_file() else None
