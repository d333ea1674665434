"""What C libraries print on standard error in place of an exception."""

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from f2a.errors import printable

STANDARD_ERROR = 2
SAID = re.compile(rb"(?:\w*TIFF\w+|\w+Decode\w*|\w+Lib|PNG \w+|tempfile\.tif): (.+)\n")
"""A line of libtiff's or libpng's."""

_alone = threading.RLock()


@contextmanager
def printed_by_libraries() -> Iterator[list[str]]:
    """The list has, at the end, what libtiff and libpng printed meanwhile; what others printed is shown then."""
    said: list[str] = []
    with _alone, tempfile.TemporaryFile() as file:
        try:
            terminal = os.dup(STANDARD_ERROR)
        except OSError:  # there is none
            yield said
            return
        os.dup2(file.fileno(), STANDARD_ERROR)
        try:
            yield said
        finally:
            os.dup2(terminal, STANDARD_ERROR)
            os.close(terminal)
            file.seek(0)
            printed = file.read()
            said += [printable(line.decode("latin-1")) for line in SAID.findall(printed)]
            os.write(STANDARD_ERROR, SAID.sub(b"", printed))
