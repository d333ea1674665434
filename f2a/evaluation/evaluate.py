"""Evaluation of systems on a folder of pairs, as a table and, on request, as files."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from f2a.color import STANDARD_EXPOSURE
from f2a.data.folder import find_pairs
from f2a.errors import Report, require_package
from f2a.evaluation.methods import collect_systems
from f2a.evaluation.report import Thumbnails, keep_thumbnails, write_report
from f2a.evaluation.scores import METRICS, lpips_metric, score_scenes
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
    """Measure all systems, write the requested files, and return the table to print.

    Args:
        data, predictions, baselines, normalize_exposure, out, json: the flags of ``f2a evaluate``;
            a file ``NAME_LABEL.*`` in a pair's folder is another system's picture.
        relighters: by the name of their row; the report shows the scenes of the first one.
        report: called with a sentence about everything that is left out.

    Raises:
        F2aError: an input or output cannot be used; raised before anything is measured, if possible.
    """
    pairs = find_pairs(data)
    for sentence in pairs.skipped:
        report(f"left out: {sentence}")
    systems = collect_systems(pairs.files, relighters, predictions, baselines=baselines)
    _check_requirements(baselines, out, json)
    metrics = [*METRICS, *filter(None, [lpips_metric(report)])]
    thumbnails: Thumbnails = {}
    on_scene = partial(keep_thumbnails, thumbnails) if out else None
    scores = score_scenes(pairs.files, systems, metrics, report, on_scene, normalize_exposure=normalize_exposure)
    if out:
        exposure = f"brought to mean sRGB {STANDARD_EXPOSURE}" if normalize_exposure else "as it is"
        facts = {"Pairs": str(data), "Exposure of the truth": exposure}
        write_report(out, scores, metrics, thumbnails, next(iter(relighters)), facts)
    if json:
        write_output(json, to_json(scores, {"data": str(data), "normalize_exposure": normalize_exposure}).encode())
    return format_table(scores, metrics)


def _check_requirements(baselines: bool, out: Path | None, json: Path | None) -> None:
    """Import the optional packages and create the folders, so that an error does not come after an hour of work."""
    if baselines:
        require_package("skimage.exposure", "scikit-image", "the baselines need")
    if out:
        require_package("matplotlib.figure", "matplotlib", "the report needs")
    for folder in filter(None, [out, json and json.parent]):
        make_folder(folder)
