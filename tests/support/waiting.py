"""Waiting for an event instead of a fixed time, however long a busy machine takes."""

import time
from collections.abc import Callable

PATIENCE_S = 120
"""Longer than any step takes; what has not happened by then is a fault."""


def until(condition: Callable[[], object], what: str = "") -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.05)
