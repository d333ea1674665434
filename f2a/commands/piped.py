"""``f2a relight -``: a photo from standard input or to standard output, for scripts and other programs."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from f2a.commands.common import warn
from f2a.errors import F2aError, first_line

STREAM = Path("-")
"""Name that stands for standard input as a photo, and for standard output as the output."""


def relight_piped(args: argparse.Namespace) -> int:
    """Relight one photo; messages go to standard error, and output is written only on success.

    Raises:
        F2aError: several photos, or a stream that is a terminal.
    """
    from f2a.commands.relight import relight_function
    from f2a.photo import PhotoError

    if len(args.photos) > 1 or args.report:
        raise F2aError("- stands for one photo: name no other photo, and leave --report out")
    source, output = args.photos[0], Path(args.output or STREAM)
    if (source == STREAM and sys.stdin.isatty()) or (output == STREAM and sys.stdout.isatty()):
        raise F2aError("- reads and writes photos, not a terminal: f2a relight - < party.jpg > relit.jpg")
    with tempfile.TemporaryDirectory(prefix="f2a-") as folder:
        photo, name, results = source, str(source), Path(folder, "results")
        results.mkdir()
        if source == STREAM:
            photo, name = Path(folder, "photo"), "standard input"
            photo.write_bytes(sys.stdin.buffer.read())
        try:
            target, report = results if output == STREAM else output, lambda note: warn(f"{name}: {note}")
            relit = relight_function(args, 1)(photo, target, report=report)
        except PhotoError as error:
            warn(f"{name if error.path == photo else error.path}: {error.reason}")
            return 1
        return send(relit.read_bytes()) if output == STREAM else 0


def send(content: bytes) -> int:
    """Write to standard output, and return the command's exit status."""
    try:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    except OSError as error:  # a full disk, or a program that stopped reading
        warn(f"standard output: cannot be written ({first_line(error)})")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that Python's last flush does not fail too
        return 1
    return 0
