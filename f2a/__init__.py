"""f2a, flash to ambient: turns a flash photo into the photo that the room's own light would have given.

>>> from f2a import Relighter
>>> relighter = Relighter.from_pretrained()
>>> relit = relighter(photo)
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from f2a.photo import PhotoError as PhotoError
    from f2a.relight.controls import Controls as Controls
    from f2a.relight.relighter import Relighter as Relighter
    from f2a.relight.relighter import relight_file as relight_file

__version__ = "0.1.0"

_MODULES = {
    "Controls": "f2a.relight.controls",
    "PhotoError": "f2a.photo",
    "Relighter": "f2a.relight.relighter",
    "relight_file": "f2a.relight.relighter",
}

__all__ = ["Controls", "PhotoError", "Relighter", "__version__", "relight_file"]


def __getattr__(name: str) -> Any:
    """Import the public names, and with them PyTorch, only when they are used, so that ``f2a --help`` is fast."""
    if name in _MODULES:
        return getattr(importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'f2a' has no attribute {name!r}")
