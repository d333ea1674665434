"""f2a, flash to ambient: the photograph that the room's own light would have given.

>>> from f2a import Relighter
>>> relighter = Relighter.from_pretrained()
>>> relit = relighter(photo)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from f2a.relight.relighter import Relighter

__all__ = ["Relighter"]


def __getattr__(name: str) -> Any:
    """Import torch only when the first of our names is used, so that ``python -m f2a --help`` answers at once."""
    if name == "Relighter":
        from f2a.relight.relighter import Relighter

        return Relighter
    raise AttributeError(f"module 'f2a' has no attribute {name!r}")
