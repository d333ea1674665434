"""The door of the darkroom: a few work inside, a bounded number wait in line, everybody else is told so at once."""

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextvars import copy_context
from itertools import takewhile
from typing import Any, TypeVar

Thing = TypeVar("Thing")

CLOSING = "The page is being restarted; please try again in a minute."


class Busy(Exception):
    """Nobody can be let in just now; the message is a sentence for the visitor."""


class Door:
    """Lets work in, first come, first served. Threads share it.

    All work is done by the same few threads: each thread that runs the network holds memory, and threads of its own.

    Args:
        at_once: how many may be inside together.
        waiting: how many may wait in line.
    """

    def __init__(self, at_once: int, waiting: int) -> None:
        self.at_once, self.waiting = at_once, waiting
        self.closed = False
        self._here = 0
        self._workers = ThreadPoolExecutor(at_once, "darkroom")
        self._lock = threading.Lock()

    def admit(self, work: Callable[..., Thing], *given: Any) -> Thing:
        """``work(*given)``, once it is its turn.

        Raises:
            Busy: the line is full, or the door was closed before it was its turn.
        """
        with self._lock:
            if self.closed:
                raise Busy(CLOSING)
            line = self._here - self.at_once
            if line >= self.waiting:
                others = "1 other is" if line == 1 else f"{line} others are"
                raise Busy(f"{others} waiting already, and there is no room for more; please try again in a minute.")
            task = self._workers.submit(copy_context().run, work, *given)
            self._here += 1
        try:
            return task.result()
        except CancelledError:
            raise Busy(CLOSING) from None
        finally:
            with self._lock:
                self._here -= 1

    @property
    def empty(self) -> bool:
        """Whether nobody is inside or in line."""
        return self._here == 0

    def close(self) -> None:
        """Let nobody in any more; those in line are told so, those inside finish."""
        with self._lock:
            self.closed = True
        self._workers.shutdown(wait=False, cancel_futures=True)

    def while_open(self, things: Iterable[Thing]) -> Iterator[Thing]:
        """``things``, ending early when the door is closed."""
        return takewhile(lambda _: not self.closed, things)
