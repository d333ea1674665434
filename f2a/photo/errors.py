"""Errors about photo files, each one printable sentence, whatever the files and their names contain."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import UnidentifiedImageError

from f2a.errors import F2aError, printable

MAX_REASON = 200
"""Largest number of characters quoted from a library's message: some repeat the damaged content."""


class PhotoError(F2aError):
    """A file that cannot be read or written as a photo; ``str(error)`` is one sentence, ``path: reason``.

    In both, characters that cannot be printed, such as a line break in a file name, are escaped as Python does.

    Attributes:
        path: the file as the caller named it.
        reason: the sentence without the file, for a page that must not show the server's folders.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = Path(path)
        self.reason = printable(reason)

    def __str__(self) -> str:
        return f"{printable(str(self.path))}: {self.reason}"


class PhotoExistsError(PhotoError):
    """The file exists and may not be replaced."""

    def __init__(self, path: str | Path, reason: str = "exists already; pass --overwrite to replace it") -> None:
        super().__init__(path, reason)


REASONS: dict[type[Exception], str] = {
    FileNotFoundError: "no such file; check the name",
    IsADirectoryError: "is a folder, not a photo",
    PermissionError: "may not be read; check its permissions",
    UnidentifiedImageError: "is damaged or cut short (its header cannot be read); copy it again from the camera",
    MemoryError: "does not fit into memory; make it smaller first",
}
NO_FILE = (errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR)
UNKNOWN_KIND = re.compile("unsupported|not supported|not a known", re.IGNORECASE)
"""Words in libraries' messages about files that are not damaged."""


@contextmanager
def photo_errors(path: Path) -> Iterator[None]:
    """Turn whatever the readers of a photo file raise into a :class:`PhotoError`."""
    try:
        yield
    except PhotoError:
        raise
    except tuple(REASONS) as error:
        raise PhotoError(path, next(reason for kind, reason in REASONS.items() if isinstance(error, kind))) from None
    except Exception as error:  # the readers raise many kinds for damaged files
        said = error.args[0] if error.args else ""
        text = said.decode("latin-1") if isinstance(said, bytes) else str(error)  # LibRaw's messages are bytes
        reason = " ".join(text.split())[:MAX_REASON] or type(error).__name__
        if isinstance(error, OSError) and error.errno in NO_FILE:
            raise PhotoError(path, REASONS[FileNotFoundError]) from None
        if UNKNOWN_KIND.search(reason) and not isinstance(error, TypeError):
            raise PhotoError(path, f"is of a kind that is not read ({reason}); save it as a PNG or TIFF") from None
        raise PhotoError(path, f"is damaged or cut short ({reason}); copy it again from the camera") from None
