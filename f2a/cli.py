"""``f2a COMMAND``, ``python -m f2a COMMAND``. Exit status: 0 done, 1 some photos failed, 2 wrong usage."""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module

from f2a import __version__
from f2a.errors import F2aError, missing_library, system_error

COMMANDS = (
    "relight", "watch", "explain", "serve", "evaluate", "ablate",
    "average", "convert", "download", "dataset", "space", "bench",
)  # fmt: skip
"""Names of modules in :mod:`f2a.commands`; each has ``add_flags``, ``run`` and a docstring, which is its help."""

SPINS = "3000"
"""Number of spins, about a tenth of a millisecond in all, before a waiting thread of GNU's OpenMP library sleeps.

With the library's default of 300,000, ``compact`` takes 12 times as long while other programs run; with 0, it takes a
third longer on idle cores (docs/speed.md).
"""


def wait_briefly() -> None:
    """Make PyTorch's threads sleep soon when they wait for each other, unless the environment says how to wait.

    Call it before torch is imported: its OpenMP library reads the environment only once.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # for other OpenMP libraries; GNU's uses the number
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command (None: that of the command line) and return the exit status."""
    wait_briefly()
    parser = argparse.ArgumentParser("f2a", description="Flash to ambient: relight flash photographs.")
    parser.add_argument("--version", action="version", version=f"f2a {__version__}")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands = {name: import_module(f"f2a.commands.{name}") for name in COMMANDS}
    for name, command in commands.items():
        text = (command.__doc__ or "").partition(": ")[2].rstrip(".")
        command.add_flags(choices.add_parser(name, help=text, description=text))
    words = sys.argv[1:] if arguments is None else arguments
    args = parser.parse_args(words)
    try:
        if any(re.fullmatch("(--[^=]+=)?", word) for word in words):  # an empty path would be the current folder
            raise F2aError("an argument is empty, perhaps an unset variable: give it a value or leave it out")
        return int(commands[args.command].run(args))
    except KeyboardInterrupt:
        return 130
    except F2aError as error:
        sentence = str(error)
    except ModuleNotFoundError as error:
        sentence = missing_library(error)
    except OSError as error:  # such as a folder that may not be read, or too long a name
        sentence = system_error(error)
    print(f"f2a: {sentence}", file=sys.stderr)
    return 2
