"""``f2a COMMAND``, ``python -m f2a COMMAND``. Exit status: 0 done, 1 some photos could not be done, 2 wrong usage."""

import argparse
import os
import sys
from collections.abc import Sequence

from f2a import __version__
from f2a.commands import (
    ablate,
    average,
    bench,
    convert,
    dataset,
    download,
    evaluate,
    explain,
    relight,
    serve,
    space,
    watch,
)
from f2a.errors import F2aError, missing_library

COMMANDS = {
    "relight": relight,
    "watch": watch,
    "explain": explain,
    "serve": serve,
    "evaluate": evaluate,
    "ablate": ablate,
    "average": average,
    "convert": convert,
    "download": download,
    "dataset": dataset,
    "space": space,
    "bench": bench,
}


def main(arguments: Sequence[str] | None = None) -> int:
    # Otherwise PyTorch's threads spin while they wait for each other: tens of times slower beside other programs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    parser = argparse.ArgumentParser("f2a", description="Flash to ambient: relight flash photographs.")
    parser.add_argument("--version", action="version", version=f"f2a {__version__}")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        command.add_flags(choices.add_parser(name, help=command.HELP, description=command.HELP))
    args = parser.parse_args(arguments)
    try:
        return int(COMMANDS[args.command].run(args))
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        print(f"f2a: {missing_library(error)}", file=sys.stderr)
        return 2
    except F2aError as error:
        print(f"f2a: {error}", file=sys.stderr)
        return 2
