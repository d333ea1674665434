"""A pickle that runs code when it is loaded."""

from pathlib import Path


class Trap:
    """Unpickling this would write a file."""

    def __init__(self, sprung: Path) -> None:
        self.sprung = sprung

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.sprung,)
