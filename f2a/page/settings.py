"""What whoever runs the page may set, from environment variables."""

from collections.abc import Mapping
from typing import NamedTuple

from f2a.page.service import KEEP_S, SWEEP_S

WAITING = 40


class SettingError(ValueError):
    """A variable that cannot be what it is; the message names it, its value and what it may be."""


class Settings(NamedTuple):
    """How the page is run.

    Attributes:
        waiting: visitors in line at most; whoever comes then is told to come back.
        keep_s: seconds that a visitor's files stay.
        port: None for the first free one from 7860.
    """

    waiting: int = WAITING
    keep_s: int = KEEP_S
    port: int | None = None

    @property
    def sweep_s(self) -> int:
        """Seconds between two looks for older files."""
        return max(1, min(SWEEP_S, self.keep_s // 10))


def read_settings(environment: Mapping[str, str]) -> Settings:
    """``F2A_WAITING``, ``F2A_KEEP_S`` and ``GRADIO_SERVER_PORT``.

    Raises:
        SettingError: one of them is no whole number within its bounds.
    """

    def number(name: str, low: int, high: int) -> int | None:
        text = environment.get(name, "")
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
            raise SettingError(f"{name} is {text!r}; it must be a whole number from {low} to {high}")
        return int(text)

    waiting, keep_s = number("F2A_WAITING", 1, 500), number("F2A_KEEP_S", 10, 86_400)
    return Settings(waiting or WAITING, keep_s or KEEP_S, number("GRADIO_SERVER_PORT", 1, 65_535))
