"""What C libraries print to standard error instead of raising an exception."""

import os
import re
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from f2a.errors import printable

STANDARD_ERROR = 2
SAID = re.compile(rb"(\w*TIFF\w+|\w+Decode\w*|\w+Lib|PNG \w+|tempfile\.tif): (.+)\n")
"""A line printed by libtiff or libpng: the function that printed it, and its message."""
OF_FIELDS = re.compile(rb"TIFF\w*(?:Fetch|Field|Directory)")
"""libtiff's functions that read fields; a field that they skip does not damage the pixels."""

_alone = threading.RLock()


@contextmanager
def printed_by_libraries() -> Iterator[list[str]]:
    """Yield a list that finally receives what libtiff and libpng printed about pixels; all else is then shown."""
    said: list[str] = []
    with _alone, ExitStack() as stack:
        try:
            file, terminal = stack.enter_context(tempfile.TemporaryFile()), os.dup(STANDARD_ERROR)
        except OSError:  # there is no folder for temporary files, or no standard error
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
