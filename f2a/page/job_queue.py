"""A queue in which a few jobs run at a time and a bounded number wait; any other is refused at once."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from itertools import takewhile
from typing import Any, TypeVar

from f2a.errors import counted

T = TypeVar("T")
U = TypeVar("U")

LOOK_S = 0.2
"""Seconds between two checks of the line."""

CLOSING = "The page is being restarted; please try again in a minute."


class Busy(Exception):
    """A job is refused for now; the message is a sentence for the visitor."""


class JobQueue:
    """Runs jobs first come, first served; it is thread-safe.

    The same few threads run all jobs, because each thread that runs the network keeps memory and threads of its own.

    Args:
        workers: number of jobs that run at the same time.
        max_waiting: maximum number of jobs in line.
    """

    def __init__(self, workers: int, max_waiting: int) -> None:
        self.workers, self.max_waiting = workers, max_waiting
        self.closed = False
        self._executor = ThreadPoolExecutor(workers, "relight")
        self._line: list[Future[Any]] = []
        self._lock = threading.Lock()

    def run(self, job: Callable[..., T], *args: Any) -> T:
        """Return ``job(*args)``, called when its turn comes.

        Raises:
            Busy: the line is full, or the queue was closed before the job's turn came.
        """
        with self._in_line(job, *args) as future:
            return future.result()

    def follow(self, tell: Callable[[int], U], job: Callable[..., T], *args: Any) -> Generator[U, None, T]:
        """Do the same as :meth:`run`, and yield ``tell(n)``, with ``n`` jobs waiting ahead, whenever that changes."""
        last = None
        with self._in_line(job, *args) as future:
            while not (wait([future], LOOK_S).done or future.done()):  # wait() does not count cancelled ones as done
                if (now := tell(self._before(future))) != last:
                    yield (last := now)
            return future.result()

    @contextmanager
    def _in_line(self, job: Callable[..., T], *args: Any) -> Iterator[Future[T]]:
        """Keep a job in line inside the block. If the visitor leaves before its turn, it is not run."""
        with self._lock:
            if self.closed:
                raise Busy(CLOSING)
            if (line := self.jobs - self.workers) >= self.max_waiting:
                raise Busy(f"The line is full, with {counted(line, 'visitor')} waiting; please try again in a minute.")
            future = self._executor.submit(copy_context().run, job, *args)
            self._line.append(future)
        try:
            yield future
        except CancelledError:
            raise Busy(CLOSING) from None
        finally:
            future.cancel()
            with self._lock:
                self._line.remove(future)

    def _before(self, future: Future[Any]) -> int:
        """Number of waiting jobs that came earlier."""
        with self._lock:
            earlier = takewhile(lambda other: other is not future, self._line)
            return sum(not (other.running() or other.done()) for other in earlier)

    @property
    def jobs(self) -> int:
        """Number of jobs that run or wait."""
        return len(self._line)

    def close(self) -> None:
        """Accept no more jobs and cancel those in line; those that run may finish."""
        with self._lock:
            self.closed = True
        self._executor.shutdown(wait=False, cancel_futures=True)

    def until_closed(self, items: Iterable[T]) -> Iterator[T]:
        """Yield ``items``, but stop when the queue is closed."""
        return takewhile(lambda _: not self.closed, items)
