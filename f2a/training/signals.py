"""The lock that allows one run per output folder, and the graceful stop on SIGTERM or Ctrl-C."""

import math
import signal
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from filelock import FileLock, Timeout

from f2a.config import ConfigError


def lock_output(output: Path) -> AbstractContextManager[FileLock]:
    """Lock a run's folder until the block ends; the system releases the lock whenever the process ends, even if killed.

    Raises:
        ConfigError: another run has the lock, or the folder cannot be created.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        return FileLock(output / ".lock").acquire(timeout=0)
    except Timeout:
        raise ConfigError(f"output_dir is {str(output)!r}: another run is training there; choose another") from None
    except OSError as error:
        raise ConfigError(f"output_dir is {str(output)!r}: cannot be written ({error.strerror})") from None


class StopReason(NamedTuple):
    """Why a run ends before its last step: on request (SIGTERM, Ctrl-C), or at its time limit."""

    requested: bool = False
    time_up: bool = False


class GracefulShutdown:
    """Inside the block, SIGTERM and Ctrl-C only set ``requested``, so that the run stops at its next step. A second
    signal has its usual effect, unless it comes at once: launchers forward a Ctrl-C that the terminal sends to all."""

    signals = (signal.SIGINT, signal.SIGTERM)
    repeat_s = 5.0
    """Seconds after the first signal within which further signals are ignored."""

    def __init__(self) -> None:
        self.requested = False
        self._first = math.inf
        in_main_thread = threading.current_thread() is threading.main_thread()  # no other can set handlers
        self._handlers = {number: signal.getsignal(number) for number in self.signals if in_main_thread}

    def __enter__(self) -> "GracefulShutdown":
        for number in self._handlers:
            signal.signal(number, self._request)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _request(self, number: int, frame: FrameType | None) -> None:
        if time.monotonic() > self._first + self.repeat_s:
            self.__exit__()
            signal.raise_signal(number)
        self._first, self.requested = min(self._first, time.monotonic()), True
