"""``python -m f2a bench``."""

import argparse
from functools import partial
from pathlib import Path

from f2a.commands.common import add_device_flag, check_minimum, open_relighter

HELP = "measure speed"


def add_flags(parser: argparse.ArgumentParser) -> None:
    help_text = "train: the paper's training step and a plain loop; relight: network, whole files, memory and start-up"
    parser.add_argument("part", metavar="WHAT", choices=["train", "relight"], help=help_text)
    parser.add_argument("--batch_size", type=int, default=8, help="pairs per step (default: 8)")
    parser.add_argument("--resolution", type=int, default=224, help="side of a crop in pixels (default: 224)")
    parser.add_argument("--steps", type=int, default=3, help="steps to time, after one as a warm-up (default: 3)")
    add_device_flag(parser)
    parser.add_argument("--rounds", type=int, default=5, help="relight: rounds, of which the best counts (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="relight: also write the table to this file")


def run(args: argparse.Namespace) -> int:
    return run_relight(args) if args.part == "relight" else run_train(args)


def run_relight(args: argparse.Namespace) -> int:
    from f2a.bench import relight as bench

    check_minimum(args, {"rounds": 1})
    measurements = []
    for measurement in bench.bench_relight(open_relighter(None, args.device), rounds=args.rounds):
        measurements.append(measurement)
        print(bench.as_line(measurement), flush=True)
    if args.json:
        bench.write_json(args.json, measurements)
    return 0


def run_train(args: argparse.Namespace) -> int:
    from f2a.bench import train as bench
    from f2a.model.discriminator import MIN_SIDE
    from f2a.relight.relighter import choose_device

    check_minimum(args, {"batch_size": 1, "steps": 1, "resolution": MIN_SIDE})
    device = choose_device(args.device)
    timings = bench.bench_train(args.batch_size, args.resolution, args.steps, device, partial(print, flush=True))
    print(bench.format_timings(timings))
    return 0
