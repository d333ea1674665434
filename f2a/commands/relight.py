"""``f2a relight``: relight flash photos."""

import argparse
import functools
import os
import sys
import time
import warnings
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from f2a.commands.common import add_weights_flags, check_minimum, open_relighter, warn
from f2a.commands.piped import STREAM, relight_piped
from f2a.errors import F2aError, printable
from f2a.relight.controls import add_control_flags, controls_of

if TYPE_CHECKING:
    from f2a.relight.batch import Batch, Result

INTERRUPTED = 130
"""Exit status after Ctrl-C."""
FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "tiff": "TIFF", "avif": "AVIF", "heic": "HEIF", "bmp": "BMP"}
"""Values of ``--format``, and what Pillow calls them."""


def add_flags(parser: argparse.ArgumentParser) -> None:
    help_text = "flash photos, or folders of them; - for standard input"
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO_OR_FOLDER", help=help_text)
    help_text = "folder, or for one photo a file; - for standard output (default if the photo is -)"
    parser.add_argument("-o", "--output", metavar="OUT", help=help_text)
    add_photo_flags(parser)
    help_text = "photos to process at a time (default: one per processor, at most 4)"
    parser.add_argument("--jobs", type=int, metavar="N", help=help_text)
    help_text = "write what became of every photo to this JSON file"
    parser.add_argument("--report", type=Path, metavar="FILE", help=help_text)


def add_photo_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say how a photo is relit and how its file is written."""
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
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")  # f2a has its own messages
    from f2a.relight.batch import Batch, Shard, plan, summary, unreadable_note, write_report

    check_photo_flags(args)
    check_minimum(args, {"jobs": 1})
    if args.report:
        _check_report(args.report)
    if STREAM in args.photos or args.output == str(STREAM):
        return relight_piped(args)
    if not args.output:
        raise F2aError("no output is given: name a folder, or for one photo a file, with -o")
    shard = Shard.from_environment()
    if shard.index == 0 and (line := unreadable_note(args.photos)):
        warn(line)
    tasks = plan(args.photos, args.output)
    batch = Batch(tasks, shard, args.overwrite, FORMATS.get(args.format))
    start, is_one_photo = time.perf_counter(), len(tasks) == 1
    try:
        is_stopped = _relight_all(batch, args, disable=is_one_photo or None)
    finally:
        seconds, results = time.perf_counter() - start, batch.results
        if args.report:
            write_report(shard.path(args.report), results, seconds, {"options": vars(args)})
    if is_stopped or not is_one_photo:
        print(summary(results, seconds, shard), file=sys.stderr)
    elif results and results[0].status == "skipped":
        warn(f"{results[0].target}: exists already; pass --overwrite to replace it")
        return 1
    if is_stopped:
        return INTERRUPTED
    return 1 if any(result.status == "failed" for result in results) else 0


def _check_report(path: Path) -> None:
    from f2a.photo import READABLE_SUFFIXES

    if not path.parent.is_dir():
        raise F2aError(f"{path}: its folder does not exist; create it or choose another one")
    if (path.exists() and not path.is_file()) or path.suffix.lower() in READABLE_SUFFIXES:
        raise F2aError(f"{path}: a folder, a device or a photo's name; give the report a name that ends in .json")


def _relight_all(batch: "Batch", args: argparse.Namespace, disable: bool | None) -> bool:
    """Relight the photos and say what became of each; return whether Ctrl-C ended it.

    Args:
        disable: passed to tqdm; with None it shows no bar if standard error is not a terminal.
    """
    from tqdm import tqdm

    workers, reported = args.jobs or min(4, os.cpu_count() or 1, max(1, len(batch.tasks))), 0
    try:
        with closing(_each_result(batch, args, workers)) as results:
            for result in tqdm(results, total=len(batch.results), unit="photo", disable=disable):
                reported += 1
                _tell(result)
    except KeyboardInterrupt:  # the photos in progress were finished
        for result in batch.results[reported:]:
            _tell(result)
        return True
    return False


def _each_result(batch: "Batch", args: argparse.Namespace, workers: int) -> "Generator[Result]":
    yield from batch.done
    if batch.tasks:  # otherwise the weights are not needed
        yield from batch.run(relight_function(args, workers), workers)


def _tell(result: "Result") -> None:
    from tqdm import tqdm

    for sentence in filter(None, (*result.notes, result.error)):
        warn(sentence)
    if result.status == "relit":
        tqdm.write(printable(str(result.target)))


def check_photo_flags(args: argparse.Namespace) -> None:
    """Raise :class:`F2aError` for a flag that is out of range or needs a library that is not installed."""
    if controls_of(args).red_eyes:
        from f2a.relight.red_eyes import open_cascade

        open_cascade("frontalface_alt2")
    if args.quality is not None and not 1 <= args.quality <= 100:
        raise F2aError(f"--quality is {args.quality}: give a number from 1 to 100")


def relight_function(args: argparse.Namespace, workers: int) -> "functools.partial[Path]":
    """:func:`~f2a.relight.relighter.relight_file` with the flags' options; concurrent photos share the processors."""
    import torch

    from f2a.relight.relighter import relight_file

    torch.set_num_threads(max(1, torch.get_num_threads() // workers))
    return functools.partial(
        relight_file,
        open_relighter(args.weights, args.device),
        controls=controls_of(args),
        overwrite=args.overwrite,
        keep_location=args.keep_location,
        format=FORMATS.get(args.format),
        quality=args.quality,
    )
