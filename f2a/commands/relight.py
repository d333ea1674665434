"""``python -m f2a relight``."""

import argparse
import functools
import os
import sys
import time
import warnings
from itertools import chain
from pathlib import Path

from f2a.commands.common import UsageError, add_weights_flags, check_minimum, open_relighter, tell
from f2a.commands.piped import is_piped, relight_piped
from f2a.errors import printable
from f2a.relight.controls import add_control_flags, controls_of

HELP = "relight flash photos"
FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "tiff": "TIFF", "avif": "AVIF", "heic": "HEIF", "bmp": "BMP"}


def add_flags(parser: argparse.ArgumentParser) -> None:
    help_text = "flash photos, or folders of them; - for standard input"
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO_OR_FOLDER", help=help_text)
    help_text = "folder, or for one photo a file; - for standard output, where the photo of - goes without it"
    parser.add_argument("-o", "--output", type=Path, metavar="OUT", help=help_text)
    add_photo_flags(parser)
    help_text = "photos to process at a time (default: one per processor, at most 4)"
    parser.add_argument("--jobs", type=int, metavar="N", help=help_text)
    help_text = "write what became of every photo to this JSON file"
    parser.add_argument("--report", type=Path, metavar="FILE", help=help_text)


def add_photo_flags(parser: argparse.ArgumentParser) -> None:
    """How a photo is relit and its file is written."""
    add_control_flags(parser)
    parser.add_argument(
        "--format", choices=FORMATS, metavar="NAME", help=f"{', '.join(FORMATS)} (default: the photo's own)"
    )
    parser.add_argument("--quality", type=int, metavar="N", help="1 to 100 (default: the photo's own if it is a JPEG)")
    help_text = "keep GPS position, place names, serial numbers and the maker's note, which are removed otherwise"
    parser.add_argument("--keep-location", action="store_true", help=help_text)
    help_text = "replace results that exist; otherwise they are skipped"
    parser.add_argument("--overwrite", action="store_true", help=help_text)
    add_weights_flags(parser)


def run(args: argparse.Namespace) -> int:
    from tqdm import tqdm

    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")  # f2a says itself what is wrong with a file
    from f2a.relight.batch import Batch, Outcome, Share, passed_over, plan, summary, write_report

    check(args)
    check_minimum(args, {"jobs": 1})
    if args.report and not args.report.parent.is_dir():
        raise UsageError(f"{args.report}: its folder does not exist; create it or choose another one")
    if is_piped(args):
        return relight_piped(args)
    if not args.output:
        raise UsageError("where the results go is missing: name a folder, or for one photo a file, with -o")
    share = Share.of_process()
    if share.number == 0 and (line := passed_over(args.photos)):
        tell(f"f2a: {line}")
    jobs = plan(args.photos, args.output)
    batch = Batch(jobs, share, args.overwrite, FORMATS.get(args.format))
    workers = args.jobs or min(4, os.cpu_count() or 1, max(1, len(batch.jobs)))
    start, outcomes = time.perf_counter(), list[Outcome]()
    try:
        fresh = batch.run(relighting(args, workers), workers) if batch.jobs else iter(())
        total = len(batch.done) + len(batch.jobs)
        for outcome in tqdm(chain(batch.done, fresh), total=total, unit="photo", disable=len(jobs) == 1):
            outcomes.append(outcome)
            for line in (*outcome.notes, outcome.error):
                if line:
                    tqdm.write(printable(f"f2a: {line}"), file=sys.stderr)
            if outcome.status == "relit":
                tqdm.write(printable(str(outcome.target)))
    finally:
        seconds = time.perf_counter() - start
        if args.report:
            options = {"options": {name: str(value) for name, value in vars(args).items()}}
            write_report(share.path(args.report), outcomes, seconds, options)
    if len(jobs) > 1:
        print(summary(outcomes, seconds, share), file=sys.stderr)
    elif outcomes and outcomes[0].status == "skipped":
        tell(f"f2a: {outcomes[0].target}: exists already; pass --overwrite to replace it")
        return 1
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0


def check(args: argparse.Namespace) -> None:
    """
    Raises:
        UsageError, ControlError: an option outside its range, or one that needs what is not installed.
    """
    if controls_of(args).red_eyes:
        from f2a.relight.red_eyes import open_cascade

        open_cascade("frontalface_alt2")
    if args.quality is not None and not 1 <= args.quality <= 100:
        raise UsageError(f"--quality is {args.quality}: give a number from 1 to 100")


def relighting(args: argparse.Namespace, workers: int) -> "functools.partial[Path]":
    """:func:`~f2a.relight.relighter.relight_file` as the flags ask; several photos at once share the processors."""
    from f2a.relight.relighter import relight_file, share_processors

    share_processors(workers)
    return functools.partial(
        relight_file,
        open_relighter(args.weights, args.device),
        controls=controls_of(args),
        overwrite=args.overwrite,
        keep_location=args.keep_location,
        format=FORMATS.get(args.format),
        quality=args.quality,
    )
