"""An evaluation from a folder of pairs to a printed table and, on request, to files."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from PIL import Image

from f2a.color import STANDARD_EXPOSURE
from f2a.data.folder import find_pairs
from f2a.evaluation.baselines import require_skimage
from f2a.evaluation.methods import collect_systems
from f2a.evaluation.pictures import TRUTH, Thumbnails, thumbnail_jpeg
from f2a.evaluation.report import require_matplotlib, write_report
from f2a.evaluation.scores import METRICS, Report, Scene, lpips_metric, score_scenes
from f2a.evaluation.tables import format_table, to_json
from f2a.files import make_folder, write_output
from f2a.relight.relighter import Relighter


def evaluate(
    data: Path,
    relighters: Mapping[str, Relighter],
    report: Report,
    *,
    predictions: Sequence[Path] = (),
    baselines: bool = False,
    normalize_exposure: bool = False,
    out: Path | None = None,
    json: Path | None = None,
) -> str:
    """Measure, write the requested files, and return the table to print.

    Args:
        data: folder of flash/ambient pairs; ``NAME_LABEL.*`` beside a pair is another system's picture.
        relighters: by the name of their row; the report shows the scenes of the first one.
        report: is called with a sentence about everything that is left out.
        predictions: folders of further systems' pictures.
        baselines: add the classic methods (needs scikit-image).
        normalize_exposure: bring the truth to the standard exposure, as training validates.
        out: folder for ``report.html``, ``grid.png`` and ``scores.csv`` (needs matplotlib).
        json: file for everything that is printed.

    Raises:
        DataError, MissingPackageError, OutputError: before anything is measured, if possible.
    """
    pairs = find_pairs(data)
    for sentence in pairs.skipped:
        report(f"left out: {sentence}")
    systems = collect_systems(pairs.files, relighters, predictions, baselines=baselines)
    _check(out, json, baselines=baselines)
    metrics = [*METRICS, *filter(None, [lpips_metric(report)])]
    thumbnails: Thumbnails = {}
    on_scene = partial(_keep_thumbnails, thumbnails) if out else None
    scores = score_scenes(pairs.files, systems, metrics, report, on_scene, normalize_exposure=normalize_exposure)
    if out:
        exposure = f"brought to mean sRGB {STANDARD_EXPOSURE}" if normalize_exposure else "as it is"
        facts = {"Pairs": str(data), "Exposure of the truth": exposure}
        write_report(out, scores, metrics, thumbnails, next(iter(relighters)), facts)
    if json:
        write_output(json, to_json(scores, {"data": str(data), "normalize_exposure": normalize_exposure}).encode())
    return format_table(scores, metrics)


def _keep_thumbnails(thumbnails: Thumbnails, scene: Scene, pictures: dict[str, Image.Image]) -> None:
    """Add small copies of a scene's ``pictures`` and of its truth."""
    thumbnails[scene.name] = {name: thumbnail_jpeg(p) for name, p in [*pictures.items(), (TRUTH, scene.truth)]}


def _check(out: Path | None, json: Path | None, *, baselines: bool) -> None:
    """What would fail after all has been measured: a package that is missing, a folder that cannot be made."""
    if baselines:
        require_skimage("exposure")
    if out:
        require_matplotlib()
        make_folder(out)
    if json:
        make_folder(json.parent)
