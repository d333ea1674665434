"""Few jobs run together, a bounded number waits in line, and everybody else is told so at once."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextvars import copy_context
from itertools import takewhile
from typing import Any, TypeVar

T = TypeVar("T")

CLOSING = "The page is being restarted; please try again in a minute."


class Busy(Exception):
    """A job cannot be taken just now; the message is a sentence for the visitor."""


class JobQueue:
    """Runs jobs first come, first served; threads share it.

    The same few threads run all of them: each thread that runs the network holds memory, and threads of its own.

    Args:
        workers: how many jobs run together.
        max_waiting: how many may wait in line.
    """

    def __init__(self, workers: int, max_waiting: int) -> None:
        self.workers, self.max_waiting = workers, max_waiting
        self.closed = False
        self.jobs = 0
        self._executor = ThreadPoolExecutor(workers, "relight")
        self._lock = threading.Lock()

    def run(self, job: Callable[..., T], *args: Any) -> T:
        """``job(*args)``, once it is its turn.

        Raises:
            Busy: the line is full, or the queue was closed before it was its turn.
        """
        with self._lock:
            if self.closed:
                raise Busy(CLOSING)
            if (line := self.jobs - self.workers) >= self.max_waiting:
                others = "1 other is" if line == 1 else f"{line} others are"
                raise Busy(f"{others} waiting already, and there is no room for more; please try again in a minute.")
            future = self._executor.submit(copy_context().run, job, *args)
            self.jobs += 1
        try:
            return future.result()
        except CancelledError:
            raise Busy(CLOSING) from None
        finally:
            with self._lock:
                self.jobs -= 1

    def close(self) -> None:
        """Take no more jobs and send the line home; those that run finish."""
        with self._lock:
            self.closed = True
        self._executor.shutdown(wait=False, cancel_futures=True)

    def until_closed(self, items: Iterable[T]) -> Iterator[T]:
        """``items``, ending early when the queue is closed."""
        return takewhile(lambda _: not self.closed, items)
