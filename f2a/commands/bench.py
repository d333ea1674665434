"""``f2a bench``: measure speed."""

import argparse
from functools import partial

from f2a.commands.common import add_device_flag, check_minimum, open_relighter


def add_flags(parser: argparse.ArgumentParser) -> None:
    parts = parser.add_subparsers(dest="part", required=True, metavar="WHAT")
    help_text = "the paper's training step compared with a plain loop"
    train = parts.add_parser("train", help=help_text, description=help_text)
    train.add_argument("--batch_size", type=int, default=8, metavar="N", help="pairs per step (default: 8)")
    train.add_argument("--resolution", type=int, default=224, metavar="N", help="side of a crop (default: 224)")
    train.add_argument("--steps", type=int, default=3, metavar="N", help="steps after the warm-up (default: 3)")
    help_text = "network, whole files, memory and start-up"
    relight = parts.add_parser("relight", help=help_text, description=help_text)
    relight.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds; the best one counts (default: 5)")
    for part in (train, relight):
        add_device_flag(part)


def run(args: argparse.Namespace) -> int:
    return run_relight(args) if args.part == "relight" else run_train(args)


def run_relight(args: argparse.Namespace) -> int:
    from f2a.bench import relight as bench

    check_minimum(args, {"rounds": 1})
    for measurement in bench.bench_relight(open_relighter(None, args.device), rounds=args.rounds):
        print(bench.as_line(measurement), flush=True)
    return 0


def run_train(args: argparse.Namespace) -> int:
    from f2a.bench import train as bench
    from f2a.config import MIN_RESOLUTION
    from f2a.relight.relighter import choose_device

    check_minimum(args, {"batch_size": 1, "steps": 1, "resolution": MIN_RESOLUTION["adversarial"]})
    device = choose_device(args.device)
    timings = bench.bench_train(args.batch_size, args.resolution, args.steps, device, partial(print, flush=True))
    print(bench.format_timings(timings))
    return 0
