"""An evaluation from a folder of pairs to a printed table and, on request, to files."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from f2a.color import STANDARD_EXPOSURE
from f2a.data.folder import find_pairs
from f2a.evaluation.baselines import require_skimage
from f2a.evaluation.methods import collect_systems
from f2a.evaluation.pictures import TRUTH, ThumbnailCollector, decode_jpeg
from f2a.evaluation.report import render_report, require_matplotlib, select_scenes
from f2a.evaluation.scores import METRICS, Metric, Report, Scene, Score, lpips_metric, score_scenes
from f2a.evaluation.tables import format_table, to_csv, to_json
from f2a.files import make_folder, write_output
from f2a.images import picture_grid
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
    if baselines:
        require_skimage("exposure")
    prepare_outputs(out, json)
    metrics = [*METRICS, *filter(None, [lpips_metric(report)])]
    collector = ThumbnailCollector()
    on_scene = collector.on_scene if out else skip_scene
    scores = score_scenes(pairs.files, systems, metrics, report, on_scene, normalize_exposure=normalize_exposure)
    exposure = f"brought to mean sRGB {STANDARD_EXPOSURE}" if normalize_exposure else "as it is"
    if out:
        facts = {"Pairs": str(data), "Exposure of the truth": exposure, "Measured": METHOD}
        write_report(out, scores, metrics, collector.thumbnails, next(iter(relighters)), facts)
    if json:
        content = to_json(scores, {"data": str(data), "normalize_exposure": normalize_exposure})
        write_output(json, content.encode())
    return format_table(scores, metrics)


def prepare_outputs(out: Path | None, json: Path | None) -> None:
    """What would otherwise fail after all has been measured.

    Raises:
        MissingPackageError, OutputError: a report cannot be drawn, or a folder not be made.
    """
    if out:
        require_matplotlib()
        make_folder(out)
    if json:
        make_folder(json.parent)


def skip_scene(scene: Scene, pictures: object) -> None:
    """Collect nothing."""


def write_report(
    out: Path,
    scores: list[Score],
    metrics: list[Metric],
    thumbnails: dict[str, dict[str, bytes]],
    system: str,
    facts: dict[str, str],
) -> None:
    """``report.html``, ``grid.png`` and ``scores.csv``; each appears whole or not at all."""
    thumbnails = {scene: thumbnails[scene] for scene in select_scenes(scores, system)}
    page = render_report(scores, metrics, thumbnails, system, facts)
    systems = [*dict.fromkeys(score.system for score in scores), TRUTH]
    rows = [
        [decode_jpeg(copies[name]) if name in copies else None for name in systems] for copies in thumbnails.values()
    ]
    grid = io.BytesIO()
    picture_grid(systems, rows).save(grid, "PNG")
    write_output(out / "grid.png", grid.getvalue())
    write_output(out / "scores.csv", to_csv(scores).encode())
    write_output(out / "report.html", page.encode())


METHOD = (
    "at full size. PSNR over 8-bit RGB; SSIM of the grey photos, 7x7 uniform window; lit: after one factor in linear "
    "light that brings the picture to the truth's mean; aligned: PSNR after each channel is scaled in linear light to "
    "fit the truth best; sharpness: energy of the gradient over the truth's; black: 1st percentile of luma over the "
    "truth's; clip: burnt share of the pixels over the flash photo's; tint: distance of the mean a*b* to the flash "
    "photo's"
)
