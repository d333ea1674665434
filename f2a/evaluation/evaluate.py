"""One evaluation from a folder of pairs to a printed table, and to files where they are asked for."""

import argparse
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from f2a.color import STANDARD_EXPOSURE
from f2a.data.folder import find_pairs
from f2a.errors import F2aError, first_line
from f2a.evaluation.baselines import skimage
from f2a.evaluation.methods import collect_systems
from f2a.evaluation.pictures import TRUTH, Album, picture_grid
from f2a.evaluation.report import drawing, render_report, shown_scenes
from f2a.evaluation.scores import METRICS, Metric, Report, Scene, Score, lpips_metric, score_scenes
from f2a.evaluation.tables import format_table, to_csv, to_json
from f2a.files import atomic_write
from f2a.relight.relighter import Relighter


class OutputError(F2aError):
    """A file of results cannot be written."""


@dataclass(frozen=True)
class Request:
    """What to measure, and where the results go.

    Attributes:
        data: folder of flash/ambient pairs; ``NAME_LABEL.*`` beside a pair is another system's picture.
        predictions: folders of further systems' pictures.
        baselines: the classic methods too (needs scikit-image).
        normalize_exposure: bring the truth to the standard exposure, as training validates.
        out: folder for ``report.html``, ``grid.png`` and ``scores.csv`` (needs matplotlib).
        json: file for everything that is printed.
    """

    data: Path
    predictions: tuple[Path, ...] = ()
    baselines: bool = False
    normalize_exposure: bool = False
    out: Path | None = None
    json: Path | None = None


def request_of(given: argparse.Namespace) -> Request:
    """What the command line asks for (:mod:`f2a.commands.evaluate`)."""
    return Request(
        given.data, tuple(given.predictions), given.baselines, given.normalize_exposure, given.out, given.json
    )


def evaluate(request: Request, relighters: Mapping[str, Relighter], report: Report) -> str:
    """Measure, write what ``request`` asks for, and return the table to print.

    Args:
        relighters: our weights, by the name of their row; the first ones' strips are in the report.
        report: told of everything that is left out.

    Raises:
        DataError, BaselineError, ReportError, OutputError: before anything is measured, where that can be known.
    """
    found = find_pairs(request.data)
    for sentence in found.left_out:
        report(f"left out: {sentence}")
    systems = collect_systems(found.files, relighters, request.predictions, baselines=request.baselines)
    if request.baselines:
        skimage("exposure")
    if request.out:
        drawing()
        make_folder(request.out)
    if request.json:
        make_folder(request.json.parent)
    metrics = [*METRICS, *filter(None, [lpips_metric(report)])]
    album = Album()
    look = album.look if request.out else look_away
    scores = score_scenes(found.files, systems, metrics, report, look, normalize_exposure=request.normalize_exposure)
    write_results(request, scores, metrics, album, next(iter(relighters)))
    return format_table(scores, metrics)


def look_away(scene: Scene, pictures: object) -> None:
    """No report was asked for."""


def write_results(request: Request, scores: list[Score], metrics: list[Metric], album: Album, ours: str) -> None:
    """The files that ``request`` asks for; each appears whole or not at all."""
    exposure = f"brought to mean sRGB {STANDARD_EXPOSURE}" if request.normalize_exposure else "as it is"
    if request.out:
        facts = {"Pairs": str(request.data), "Exposure of the truth": exposure, "Measured": MEASURED}
        shown = {scene: album.pages[scene] for scene in shown_scenes(scores, ours)}
        page = render_report(scores, metrics, shown, ours, facts)
        systems = dict.fromkeys(score.system for score in scores)
        grid = io.BytesIO()
        picture_grid(shown, [*systems, TRUTH]).save(grid, "PNG")
        write_whole(request.out / "grid.png", grid.getvalue())
        write_whole(request.out / "scores.csv", to_csv(scores).encode())
        write_whole(request.out / "report.html", page.encode())
    if request.json:
        content = to_json(scores, {"data": str(request.data), "normalize_exposure": request.normalize_exposure})
        write_whole(request.json, content.encode())


MEASURED = (
    "at full size. PSNR over 8-bit RGB; SSIM of the grey photos, 7x7 uniform window; aligned: PSNR after each channel "
    "is scaled in linear light to fit the truth best; sharpness: energy of the gradient over the truth's"
)


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made a folder ({error.strerror}); choose another output") from None


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all."""
    try:
        with atomic_write(path) as beside:
            beside.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({first_line(error)}); choose another output") from None
