"""The flags of ``python -m f2a ablate``; nothing heavy is imported for them."""

import argparse
from pathlib import Path

from f2a.ablation.systems import CONFIGS


def add_ablate_flags(parser: argparse.ArgumentParser) -> None:
    what = "folders of pairs to learn from, as train_accelerate.py takes them"
    parser.add_argument("--train_data_dir", required=True, nargs="+", metavar="DIR", help=what)
    parser.add_argument("--validation_dir", required=True, metavar="DIR", help="folder of pairs that are only measured")
    what = "minutes of training for each run; start-up and measuring come on top"
    parser.add_argument("--budget_minutes", "--budget-minutes", required=True, type=float, metavar="M", help=what)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1], metavar="N", help="default: 0 1")
    parser.add_argument(
        "--out",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder of the runs; what has finished in it is not repeated",
    )
    what = f"these configs only: {', '.join(CONFIGS)}"
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help=what)
    what = "steps after which a run ends at the latest, its learning rate falling to 0 (default: constant, no end)"
    parser.add_argument("--steps", type=int, metavar="N", help=what)
    what = "ImageNet weights of an encoder, as vgg16=FILE efficientnet_lite0=none (default: the Hub's)"
    parser.add_argument("--encoder_weights", nargs="+", default=[], metavar="NAME=SRC", help=what)
    what = "more flags of train_accelerate.py for every run, in one text: --training_flags='--resolution 96'"
    parser.add_argument("--training_flags", default="", metavar="TEXT", help=what)
