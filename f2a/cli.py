"""``python -m f2a COMMAND``. Exit status: 0 done, 1 some photos could not be done, 2 wrong usage."""

import argparse
import dataclasses
import functools
import os
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from f2a.commands.ablate import add_ablate_flags
from f2a.commands.evaluate import add_evaluate_flags
from f2a.errors import F2aError, printable
from f2a.relight.controls import add_control_flags, controls_of


class UsageError(F2aError):
    """What was asked for cannot be done; the message says what to ask instead."""


def add_weights_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--weights", metavar="SRC", help="a folder of weights or a Hub id user/model[@revision] (default: bundled)"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")


def add_relight_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "photos", nargs="+", type=Path, metavar="PHOTO_OR_FOLDER", help="flash photos, or folders of them"
    )
    parser.add_argument(
        "-o", "--output", required=True, type=Path, metavar="OUT", help="folder, or for one photo a file"
    )
    add_control_flags(parser)
    add_saving_flags(parser)
    parser.add_argument(
        "--overwrite", action="store_true", help="replace results that are there, which are else left as they are"
    )
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="photos in work at a time (default: one a processor, at most 4)"
    )
    parser.add_argument("--report", type=Path, metavar="FILE", help="write what became of every photo here, as JSON")
    add_weights_flags(parser)


FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "tiff": "TIFF", "avif": "AVIF", "heic": "HEIF", "bmp": "BMP"}


def add_saving_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format", choices=FORMATS, metavar="NAME", help=f"{', '.join(FORMATS)} (default: the photo's own)"
    )
    parser.add_argument(
        "--quality", type=int, metavar="N", help="1 to 100 (default: the photo's own where it is a JPEG)"
    )
    parser.add_argument(
        "--keep-location",
        action="store_true",
        help="keep GPS position, place names, serial numbers and the maker's note, which are else left out",
    )


def add_convert_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="PTH", help="the published file, model-1000.pth")
    parser.add_argument("output", type=Path, metavar="OUT_DIR", help="folder for config.json and model.safetensors")


def add_dataset_flags(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    what = "make a Hub dataset from a folder of flash/ambient pairs"
    push = actions.add_parser("push", help=what, description=what)
    push.add_argument("folder", type=Path, metavar="FOLDER", help="pairs, or train/, val/ and test/ folders of them")
    push.add_argument("repo_id", metavar="REPO_ID", help="user/data, made if it is not there")
    push.add_argument("--private", action="store_true", help="only you can see it")
    push.add_argument(
        "--license", default="other", metavar="WORD", help="the photos' licence, as the Hub spells it (default: other)"
    )


def add_space_flags(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    what = "make or renew a Space on the Hub that shows the page"
    push = actions.add_parser("push", help=what, description=what)
    push.add_argument("repo_id", metavar="REPO_ID", help="user/space, made if it is not there")
    push.add_argument("--weights", metavar="ID", help="user/model[@revision], pinned at its commit (default: bundled)")
    push.add_argument("--examples", metavar="ID", help="user/dataset[@revision] of pairs (default: the rendered ones)")
    push.add_argument("--hardware", metavar="WORD", help="zero-a10g, cpu-basic, ... as the Hub spells it")
    push.add_argument("--private", action="store_true", help="only you can see it")
    push.add_argument("--dry-run", action="store_true", help="print what would be uploaded and set; change nothing")


def add_download_flags(parser: argparse.ArgumentParser) -> None:
    what = "dataset: the paper's pairs; model: its generator, which convert reads"
    parser.add_argument("what", choices=("dataset", "model"), help=what)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("downloads"), metavar="DIR", help="folder (default: %(default)s)"
    )


def relight(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")  # f2a says itself what is wrong with a file
    from f2a.relight.batch import Batch, Outcome, Share, plan, summary, write_report

    check_relight(given)
    format = FORMATS.get(given.format)
    share = Share.of_process()
    jobs = plan(given.photos, given.output)
    batch = Batch(jobs, share, given.overwrite, format)
    at_once = given.jobs or min(4, os.cpu_count() or 1, max(1, len(batch.jobs)))
    start, outcomes = time.perf_counter(), list[Outcome]()
    try:
        fresh = batch.run(photo_work(given, format, at_once), at_once) if batch.jobs else iter(())
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
        if given.report:
            run = {"options": {name: str(value) for name, value in vars(given).items()}}
            write_report(share.path(given.report), outcomes, seconds, run)
    if len(jobs) > 1:
        print(summary(outcomes, seconds, share), file=sys.stderr)
    elif outcomes and outcomes[0].status == "skipped":
        print(printable(f"f2a: {outcomes[0].target}: exists already; pass --overwrite to replace it"), file=sys.stderr)
        return 1
    return 1 if any(outcome.status == "failed" for outcome in outcomes) else 0


def check_relight(given: argparse.Namespace) -> None:
    """
    Raises:
        ValueError: an option outside its range.
    """
    controls_of(given)
    if given.quality is not None and not 1 <= given.quality <= 100:
        raise UsageError(f"--quality is {given.quality}: give a number from 1 to 100")
    if given.jobs is not None and given.jobs < 1:
        raise UsageError(f"--jobs is {given.jobs}: give at least 1")
    if given.report and not given.report.parent.is_dir():
        raise UsageError(f"{given.report}: its folder is not there; make it or choose another place")


def photo_work(given: argparse.Namespace, format: str | None, at_once: int):  # type: ignore[no-untyped-def]
    """:func:`~f2a.relight.relighter.relight_file` as the flags ask; several photos at once share the processors."""
    from f2a.relight.relighter import relight_file, share_processors

    share_processors(at_once)
    return functools.partial(
        relight_file,
        load_relighter(given),
        controls=controls_of(given),
        overwrite=given.overwrite,
        keep_location=given.keep_location,
        format=format,
        quality=given.quality,
    )


def convert(given: argparse.Namespace) -> int:
    from f2a.config import PRESETS
    from f2a.model.checkpoint import convert_published

    convert_published(given.checkpoint, PRESETS["vgg16"]).save(given.output)
    print(given.output)
    return 0


def evaluate(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    from f2a.evaluation.evaluate import evaluate as measure
    from f2a.evaluation.evaluate import request_of

    left_out: list[str] = []

    def report(sentence: str) -> None:
        left_out.append(sentence)
        tqdm.write(printable(f"f2a: {sentence}"), file=sys.stderr)

    sources = given.weights or [None]
    names = sources if len(sources) > 1 else ["ours"]
    relighters = {name: open_relighter(source, given.device) for name, source in zip(names, sources, strict=True)}
    print(measure(request_of(given), relighters, report))
    return 1 if left_out else 0


def ablate(given: argparse.Namespace) -> int:
    from f2a.ablation.ablate import ablate as compare
    from f2a.ablation.ablate import request_of

    print(compare(request_of(given), lambda sentence: print(printable(sentence), file=sys.stderr)))
    return 0


def dataset(given: argparse.Namespace) -> int:
    from f2a.publish.dataset import Choices, push_folder

    def report(sentence: str) -> None:
        print(printable(sentence), file=sys.stderr)

    print(push_folder(given.folder, given.repo_id, Choices(given.private, given.license), report))
    return 0


def space(given: argparse.Namespace) -> int:
    from f2a.publish.space import Space, describe, plan_space, push_space

    wanted = Space(given.repo_id, given.weights, given.examples, given.hardware, given.private)
    contents = plan_space(wanted)
    print(describe(contents) if given.dry_run else push_space(wanted, contents))
    for note in contents.notes:
        print(printable(note), file=sys.stderr)
    return 0


def download(given: argparse.Namespace) -> int:
    from f2a.data.download import ARCHIVES, fetch

    folder = fetch(given.what, given.output)
    print(folder)
    print(f"next: {ARCHIVES[given.what].then.format(folder=shlex.quote(str(folder)))}", file=sys.stderr)
    return 0


def add_bench_flags(parser: argparse.ArgumentParser) -> None:
    what = "train: the paper's training step, beside a plain loop; relight: network, whole files, memory and start"
    parser.add_argument("what", choices=["train", "relight"], help=what)
    parser.add_argument("--batch_size", type=int, default=8, help="pairs a step (default: 8)")
    parser.add_argument("--resolution", type=int, default=224, help="side of a crop in pixels (default: 224)")
    parser.add_argument("--steps", type=int, default=3, help="steps to time, after one to warm up (default: 3)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    parser.add_argument("--rounds", type=int, default=5, help="relight: of which the best counts (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="relight: write the table here, too")


def bench(given: argparse.Namespace) -> int:
    return bench_relight(given) if given.what == "relight" else bench_train(given)


def bench_relight(given: argparse.Namespace) -> int:
    from f2a.bench import relight as bench

    if given.rounds < 1:
        raise UsageError(f"--rounds is {given.rounds}: give at least 1")
    measurements = []
    for measurement in bench.bench_relight(open_relighter(None, given.device), rounds=given.rounds):
        measurements.append(measurement)
        print(bench.as_line(measurement), flush=True)
    if given.json:
        bench.write_json(given.json, measurements)
    return 0


def bench_train(given: argparse.Namespace) -> int:
    from f2a.bench import train as bench
    from f2a.model.discriminator import SHORTEST_SIDE
    from f2a.relight.relighter import choose_device

    for name, least in (("batch_size", 1), ("steps", 1), ("resolution", SHORTEST_SIDE)):
        if getattr(given, name) < least:
            raise UsageError(f"--{name} is {getattr(given, name)}: give at least {least}")
    print(
        bench.format_rows(
            bench.bench_train(given.batch_size, given.resolution, given.steps, choose_device(given.device))
        )
    )
    return 0


def load_relighter(given: argparse.Namespace):  # type: ignore[no-untyped-def]  # its type would import torch
    return open_relighter(given.weights, given.device)


def open_relighter(weights: str | None, device: str):  # type: ignore[no-untyped-def]
    from f2a.relight.relighter import Relighter

    return Relighter.from_pretrained(weights or None, device=device)


@dataclasses.dataclass(frozen=True)
class Command:
    """One word after ``python -m f2a``."""

    help: str
    add_flags: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


COMMANDS = {
    "relight": Command("relight flash photos", add_relight_flags, relight),
    "evaluate": Command("score weights on flash/ambient pairs", add_evaluate_flags, evaluate),
    "ablate": Command("train systems that differ in one part, and compare them", add_ablate_flags, ablate),
    "convert": Command("convert the weights that the paper's authors published", add_convert_flags, convert),
    "download": Command(
        "fetch the pairs or the weights that the paper's authors published", add_download_flags, download
    ),
    "dataset": Command("put flash/ambient pairs on the Hub", add_dataset_flags, dataset),
    "space": Command("put the page on the Hub", add_space_flags, space),
    "bench": Command("measure speed", add_bench_flags, bench),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("f2a", description="Flash to ambient: relight flash photographs.")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        command.add_flags(choices.add_parser(name, help=command.help, description=command.help))
    given = parser.parse_args(arguments)
    try:
        return COMMANDS[given.command].run(given)
    except KeyboardInterrupt:
        return 130
    except F2aError as error:
        print(f"f2a: {error}", file=sys.stderr)
        return 2
