"""Few jobs run together, a bounded number waits in line, and everybody else is told so at once."""

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from itertools import takewhile
from typing import Any, TypeVar

from f2a.errors import counted

T = TypeVar("T")
U = TypeVar("U")

LOOK_S = 0.2
"""Seconds between two looks at the line."""

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
        self._executor = ThreadPoolExecutor(workers, "relight")
        self._line: list[Future[Any]] = []
        self._lock = threading.Lock()

    def run(self, job: Callable[..., T], *args: Any) -> T:
        """``job(*args)``, once it is its turn.

        Raises:
            Busy: the line is full, or the queue was closed before it was its turn.
        """
        steps = self.follow(int, job, *args)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                result: T = end.value
                return result

    def follow(self, tell: Callable[[int], U], job: Callable[..., T], *args: Any) -> Generator[U, None, T]:
        """As :meth:`run`; yields ``tell(n)``, where ``n`` jobs wait before this one, whenever it is something else."""
        future, last = self._submit(copy_context().run, job, *args), None
        try:
            while not (wait([future], LOOK_S).done or future.done()):  # wait overlooks what is cancelled
                if (now := tell(self._before(future))) != last:
                    yield (last := now)
            result: T = future.result()
            return result
        except CancelledError:
            raise Busy(CLOSING) from None
        finally:
            future.cancel()  # of a visitor who left the line
            with self._lock:
                self._line.remove(future)

    def _submit(self, *call: Any) -> Future[Any]:
        with self._lock:
            if self.closed:
                raise Busy(CLOSING)
            if (line := self.jobs - self.workers) >= self.max_waiting:
                raise Busy(f"The line is full, with {counted(line, 'visitor')} waiting; please try again in a minute.")
            future = self._executor.submit(*call)
            self._line.append(future)
            return future

    def _before(self, future: Future[Any]) -> int:
        """How many that wait came earlier."""
        with self._lock:
            earlier = takewhile(lambda other: other is not future, self._line)
            return sum(not (other.running() or other.done()) for other in earlier)

    @property
    def jobs(self) -> int:
        """How many are worked on or wait."""
        return len(self._line)

    def close(self) -> None:
        """Take no more jobs and send the line home; those that run finish."""
        with self._lock:
            self.closed = True
        self._executor.shutdown(wait=False, cancel_futures=True)

    def until_closed(self, items: Iterable[T]) -> Iterator[T]:
        """``items``, ending early when the queue is closed."""
        return takewhile(lambda _: not self.closed, items)
