"""``python -m f2a COMMAND``. Exit status: 0 done, 1 some photos could not be done, 2 wrong usage."""

import argparse
import dataclasses
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple


class UsageError(ValueError):
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
    parser.add_argument(
        "--strength", type=float, default=1.0, help="0 the photo itself, 1 the full effect (default: 1)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    add_weights_flags(parser)


def add_convert_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="PTH", help="the published file, model-1000.pth")
    parser.add_argument("output", type=Path, metavar="OUT_DIR", help="folder for config.json and model.safetensors")


def add_evaluate_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, type=Path, metavar="FOLDER", help="folder of flash/ambient pairs")
    add_weights_flags(parser)


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


def add_download_flags(parser: argparse.ArgumentParser) -> None:
    what = "dataset: the paper's pairs; model: its generator, which convert reads"
    parser.add_argument("what", choices=("dataset", "model"), help=what)
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("downloads"), metavar="DIR", help="folder (default: %(default)s)"
    )


def relight(given: argparse.Namespace) -> int:
    from tqdm import tqdm

    from f2a.photo import PhotoError
    from f2a.relighter import relight_file

    if not 0 <= given.strength <= 1:
        raise UsageError(f"--strength is {given.strength}: give a number from 0 (the photo) to 1 (the full effect)")
    jobs = plan(given.photos, given.output)
    relighter = load_relighter(given)
    written: set[Path] = set()
    failed = 0
    for job in tqdm(jobs, unit="photo", disable=len(jobs) == 1):
        try:
            target = relight_file(relighter, job.photo, job.target, given.strength, given.overwrite, taken=written)
            written.add(target.resolve())
            tqdm.write(str(target))
        except PhotoError as error:
            failed += 1
            tqdm.write(one_line(f"f2a: {error}"), file=sys.stderr)
    if len(jobs) > 1:
        print(f"{len(written)} of {len(jobs)} photos relit", file=sys.stderr)
    return 1 if failed else 0


class Job(NamedTuple):
    photo: Path
    target: Path


def plan(inputs: Sequence[Path], output: Path) -> list[Job]:
    """Which photo goes where; makes the output folder.

    A folder stands for the photos right inside it, except those named ``*_ambient``, which are results.

    Raises:
        UsageError: a folder without photos, several photos for one file, or an output that cannot be made.
    """
    from f2a.photo import READ_ONLY_SUFFIXES, SUFFIXES

    known = {suffix for suffixes in SUFFIXES.values() for suffix in suffixes}
    photos: list[Path] = []
    for given in inputs:
        if not given.is_dir():
            photos.append(given)
            continue
        inside = [
            path
            for path in sorted(given.iterdir())
            if path.suffix.lower() in known.union(READ_ONLY_SUFFIXES) and not path.stem.endswith("_ambient")
        ]
        if not inside:
            raise UsageError(f"{given}: no photo in this folder; name the photos or another folder")
        photos += inside
    if output.suffix.lower() in known and not output.is_dir():
        if len(photos) > 1:
            raise UsageError(f"{output}: one file cannot hold {len(photos)} photos; name a folder")
        folder = output.parent
    else:
        folder = output
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made a folder ({error.strerror}); choose another output") from None
    return [Job(photo, output) for photo in photos]


def convert(given: argparse.Namespace) -> int:
    from f2a.checkpoint import convert_published
    from f2a.config import PRESETS

    convert_published(given.checkpoint, PRESETS["vgg16"]).save(given.output)
    print(given.output)
    return 0


def evaluate(given: argparse.Namespace) -> int:
    from f2a.evaluation import format_table, score_folder

    print(format_table(score_folder(given.data, load_relighter(given))))
    return 0


def dataset(given: argparse.Namespace) -> int:
    from f2a.dataset_push import Choices, push_folder

    def report(sentence: str) -> None:
        print(one_line(sentence), file=sys.stderr)

    print(push_folder(given.folder, given.repo_id, Choices(given.private, given.license), report))
    return 0


def download(given: argparse.Namespace) -> int:
    from f2a.download import ARCHIVES, fetch

    folder = fetch(given.what, given.output)
    print(folder)
    print(f"next: {ARCHIVES[given.what].then.format(folder=shlex.quote(str(folder)))}", file=sys.stderr)
    return 0


def add_bench_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["train"], help="train: the paper's training step, beside a plain loop")
    parser.add_argument("--batch_size", type=int, default=8, help="pairs a step (default: 8)")
    parser.add_argument("--resolution", type=int, default=224, help="side of a crop in pixels (default: 224)")
    parser.add_argument("--steps", type=int, default=3, help="steps to time, after one to warm up (default: 3)")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")


def bench(given: argparse.Namespace) -> int:
    from f2a.bench import bench_train, format_rows
    from f2a.discriminator import SHORTEST_SIDE
    from f2a.relighter import choose_device

    for name, least in (("batch_size", 1), ("steps", 1), ("resolution", SHORTEST_SIDE)):
        if getattr(given, name) < least:
            raise UsageError(f"--{name} is {getattr(given, name)}: give at least {least}")
    print(format_rows(bench_train(given.batch_size, given.resolution, given.steps, choose_device(given.device))))
    return 0


def load_relighter(given: argparse.Namespace):  # type: ignore[no-untyped-def]  # its type would import torch
    from f2a.relighter import Relighter

    source, _, revision = (given.weights or "").partition("@")
    if given.weights and Path(given.weights).is_dir():
        source, revision = given.weights, ""
    return Relighter.from_pretrained(source or None, revision=revision or None, device=given.device)


@dataclasses.dataclass(frozen=True)
class Command:
    """One word after ``python -m f2a``."""

    help: str
    add_flags: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


COMMANDS = {
    "relight": Command("relight flash photos", add_relight_flags, relight),
    "evaluate": Command("score weights on flash/ambient pairs", add_evaluate_flags, evaluate),
    "convert": Command("convert the weights that the paper's authors published", add_convert_flags, convert),
    "download": Command(
        "fetch the pairs or the weights that the paper's authors published", add_download_flags, download
    ),
    "dataset": Command("put flash/ambient pairs on the Hub", add_dataset_flags, dataset),
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
    except ValueError as error:
        if not is_ours(error):
            raise
        print(one_line(f"f2a: {error}"), file=sys.stderr)
        return 2


def is_ours(error: ValueError) -> bool:
    """Whether the message was written for the user: every such error of f2a's is a class of its own."""
    return type(error).__module__.startswith("f2a.") or type(error) is UsageError


def one_line(message: str) -> str:
    """A message with its line breaks and control characters spelled out, as odd file names bring them."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in message)
