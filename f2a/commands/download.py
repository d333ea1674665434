"""``f2a download``: download the pairs or the weights that the paper's authors published."""

import argparse
import shlex
import sys
from pathlib import Path


def add_flags(parser: argparse.ArgumentParser) -> None:
    help_text = "dataset: the paper's pairs; model: its generator, for convert"
    parser.add_argument("archive", metavar="WHAT", choices=("dataset", "model"), help=help_text)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("downloads"), metavar="DIR", help="folder (default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    from f2a.data.download import ARCHIVES, fetch

    folder = fetch(args.archive, args.output)
    print(folder)
    print(f"next: {ARCHIVES[args.archive].then.format(folder=shlex.quote(str(folder)))}", file=sys.stderr)
    return 0
