"""A small store for what is costly to make again: a bounded number of things, each for a bounded time."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing")


class Shelf(Generic[Key, Thing]):
    """The things used last, at most ``places`` of them, none longer than ``keep_s`` seconds. Threads may share it.

    Args:
        places: how many things there is room for; the one that was not used for longest makes way.
        keep_s: seconds from the making of a thing to its end, however often it is used.
    """

    def __init__(self, places: int, keep_s: float) -> None:
        self.places, self.keep_s = places, keep_s
        self._things: OrderedDict[Key, tuple[float, Thing]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._things)

    def get(self, key: Key, make: Callable[[], Thing]) -> Thing:
        """The thing of that name, made if it is not there; two threads may both make it, and the later one stays."""
        self.tidy()
        with self._lock:
            if key in self._things:
                self._things.move_to_end(key)
                return self._things[key][1]
        made_at, thing = time.monotonic(), make()
        with self._lock:
            self._things[key] = (made_at, thing)
            self._things.move_to_end(key)
            while len(self._things) > self.places:
                self._things.popitem(last=False)
        return thing

    def tidy(self) -> None:
        """Take down what is past its time."""
        oldest = time.monotonic() - self.keep_s
        with self._lock:
            for key in [key for key, (made_at, _) in self._things.items() if made_at < oldest]:
                del self._things[key]
