"""What keeps a run from harm: one run a folder, and an orderly end when it is asked to stop."""

import signal
import threading
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout

from f2a.config import ConfigError


def lock_output(output: Path) -> FileLock:
    """The lock of a run's folder, taken; the system frees it when the process ends, however it ends.

    Raises:
        ConfigError: another run has it, or the folder cannot be made.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        lock = FileLock(output / ".lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise ConfigError(f"output_dir is {str(output)!r}: another run is training there; choose another") from None
    except OSError as error:
        raise ConfigError(f"output_dir is {str(output)!r}: cannot be written ({error.strerror})") from None
    return lock


class GracefulShutdown:
    """While entered, SIGTERM and Ctrl-C only set ``asked``, for the run to stop at its next step; a second one
    does what it always did."""

    signals = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.asked = False
        self._before = {number: signal.getsignal(number) for number in self.signals}

    def __enter__(self) -> "GracefulShutdown":
        if threading.current_thread() is threading.main_thread():
            for number in self.signals:
                signal.signal(number, self._ask)
        return self

    def __exit__(self, *exception: object) -> None:
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self.__exit__()
