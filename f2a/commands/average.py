"""``f2a average``: average the weights of several runs that started from the same weights."""

import argparse
from pathlib import Path


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "weights", nargs="+", metavar="SRC", help="a folder of weights or a Hub id user/model[@revision]"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT_DIR", help="folder for the mean")


def run(args: argparse.Namespace) -> int:
    from f2a.model.checkpoint import average

    average(args.weights).save(args.output)
    print(args.output)
    return 0
