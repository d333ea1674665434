"""What C libraries print on standard error in place of an exception."""

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from f2a.errors import printable

STANDARD_ERROR = 2
SAID = re.compile(rb"(\w*TIFF\w+|\w+Decode\w*|\w+Lib|PNG \w+|tempfile\.tif): (.+)\n")
"""A line of libtiff's or libpng's: which function prints it, and what it says."""
OF_FIELDS = re.compile(rb"TIFF\w*(?:Fetch|Field|Directory)")
"""Functions of libtiff that read fields: one that they pass over is no damage to the pixels."""

_alone = threading.RLock()


@contextmanager
def printed_by_libraries() -> Iterator[list[str]]:
    """The list has, at the end, what libtiff and libpng printed of the pixels; what others printed is shown then."""
    said: list[str] = []
    with _alone, ExitStack() as stack:
        try:
            file, terminal = stack.enter_context(tempfile.TemporaryFile()), os.dup(STANDARD_ERROR)
        except OSError:  # there is no folder for the one, or no other
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
            lines = (line for function, line in SAID.findall(printed) if not OF_FIELDS.match(function))
            said += [printable(line.decode("latin-1")) for line in lines]
            os.write(STANDARD_ERROR, SAID.sub(b"", printed))
