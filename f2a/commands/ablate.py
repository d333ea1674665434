"""``f2a ablate``: train systems that differ in one part, and compare them."""

import argparse
import dataclasses
import shlex
from pathlib import Path

from f2a.ablation.systems import CONFIGS
from f2a.commands.common import check_minimum, tell


def add_flags(parser: argparse.ArgumentParser) -> None:
    help_text = "folders of pairs to train on, as for train_accelerate.py"
    parser.add_argument("--train_data_dir", required=True, nargs="+", metavar="DIR", help=help_text)
    help_text = "folder of pairs to validate on"
    parser.add_argument("--validation_dir", required=True, metavar="DIR", help=help_text)
    help_text = "minutes of training per run, without start-up and validation"
    parser.add_argument("--budget_minutes", "--budget-minutes", required=True, type=float, metavar="M", help=help_text)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1], metavar="N", help="default: 0 1")
    help_text = "folder for the runs; finished runs are not repeated"
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help=help_text)
    help_text = f"only these configs: {', '.join(CONFIGS)}"
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help=help_text)
    help_text = "steps per run, over which the learning rate falls to 0 (default: no limit, constant rate)"
    parser.add_argument("--steps", type=int, metavar="N", help=help_text)
    help_text = "ImageNet weights of an encoder, such as vgg16=FILE efficientnet_lite0=none (default: from the Hub)"
    parser.add_argument("--encoder_weights", nargs="+", default=[], metavar="NAME=SRC", help=help_text)
    help_text = "further flags of train_accelerate.py for every run, in one string: --training_flags='--resolution 96'"
    parser.add_argument("--training_flags", type=split_flags, default=[], metavar="TEXT", help=help_text)


def split_flags(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}; close the quote, or write \\ before it") from None


def run(args: argparse.Namespace) -> int:
    from f2a.ablation.ablate import Ablation, ablate, parse_weights

    check_minimum(args, {"budget_minutes": 0, "steps": 1})
    args.encoder_weights = parse_weights(args.encoder_weights)
    ablation = Ablation(**{item.name: getattr(args, item.name) for item in dataclasses.fields(Ablation)})
    print(ablate(ablation, tell))
    return 0
