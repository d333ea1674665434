"""``f2a convert``: convert the weights that the paper's authors published."""

import argparse
from pathlib import Path


def add_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="PTH", help="the published file model-1000.pth")
    parser.add_argument("output", type=Path, metavar="OUT_DIR", help="folder for config.json and model.safetensors")


def run(args: argparse.Namespace) -> int:
    from f2a.model.checkpoint import convert_published

    convert_published(args.checkpoint).save(args.output)
    print(args.output)
    return 0
