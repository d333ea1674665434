"""Shared by several commands: flags for weights and device, and messages on standard error."""

import argparse
import sys
from typing import TYPE_CHECKING

from f2a.errors import F2aError, printable

if TYPE_CHECKING:
    from f2a.relight.relighter import Relighter


def add_weights_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights", metavar="SRC", help="a folder of weights or a Hub id user/model[@revision] (default: bundled)"
    )
    add_device_flag(parser)


def add_device_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")


def add_push(parser: argparse.ArgumentParser, help_text: str) -> argparse.ArgumentParser:
    """Add the command's only action, ``push``, with the flag ``--private``, and return its parser."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    push = actions.add_parser("push", help=help_text, description=help_text)
    push.add_argument("--private", action="store_true", help="only you can see it")
    return push


def open_relighter(weights: str | None, device: str) -> "Relighter":
    """The relighter for ``--weights`` and ``--device``."""
    from f2a.relight.relighter import Relighter

    return Relighter.from_pretrained(weights, device=device)


def check_minimum(args: argparse.Namespace, minimum: dict[str, int]) -> None:
    """Raise :class:`F2aError` for a flag below its ``minimum``; None, for a flag not given, is fine."""
    for name, value in minimum.items():
        if getattr(args, name) is not None and not getattr(args, name) >= value:
            raise F2aError(f"--{name} is {getattr(args, name)}: give at least {value}")


def warn(sentence: str) -> None:
    """:func:`tell` with the program's name in front, apart from a command's own output."""
    tell(f"f2a: {sentence}")


def tell(sentence: str) -> None:
    """Print a sentence on standard error, on one line whatever names it contains, above any progress bar."""
    from tqdm import tqdm

    tqdm.write(printable(sentence), file=sys.stderr)
