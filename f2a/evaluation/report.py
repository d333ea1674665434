"""The scores as one HTML page that works offline: plots, worst and best scenes, and every figure."""

import base64
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from f2a.evaluation.scores import FLASH, TRUTH, Metric, Scene, Score
from f2a.evaluation.tables import gains, means, to_csv, worse_sentences
from f2a.files import write_output
from f2a.images import diverging_picture, picture_grid

MAX_SHOWN = 12
"""Number of worst scenes, and of best scenes, shown with pictures; the table has the figures of all scenes."""

FLASH_COLOR, MAIN_COLOR, OTHER_COLOR = "#767676", "#0b5fa5", "#b3541e"
"""Colours of the flash photo, the main system and the others in plots."""

THUMBNAIL_SIDE = 360
"""Longer side, in pixels, of a picture in the report."""
ERROR_RANGE = 0.5
"""Absolute difference of sRGB luma, in [0, 1], at which the colours of the error map saturate."""
Thumbnails = dict[str, dict[str, bytes]]
"""Small JPEG copies by scene and system, flash first and truth last, so that no full-size photo stays in memory."""

METHOD = (
    "at full size. PSNR over 8-bit RGB; SSIM of the grey photos, 7x7 uniform window; lit: after one factor in linear "
    "light that brings the picture to the truth's mean; aligned: PSNR after each channel is scaled in linear light to "
    "fit the truth best; sharpness: energy of the gradient divided by the truth's; black: 1st percentile of luma minus "
    "the truth's; clip: burnt share of the pixels minus the flash photo's; tint: distance of the mean a*b* from the "
    "flash photo's"
)
"""How the scores were measured, as the report says it."""


def select_scenes(gains: dict[str, float]) -> list[str]:
    """Return up to :data:`MAX_SHOWN` scenes with the smallest gains and as many with the largest, worst first."""
    scenes = sorted(gains, key=lambda scene: gains[scene])
    return scenes if len(scenes) <= 2 * MAX_SHOWN else scenes[:MAX_SHOWN] + scenes[-MAX_SHOWN:]


def write_report(
    out: Path,
    scores: Sequence[Score],
    metrics: Sequence[Metric],
    thumbnails: Thumbnails,
    system: str,
    facts: dict[str, str],
) -> None:
    """Write ``report.html``, ``grid.png`` and ``scores.csv``; each appears complete or not at all.

    Args:
        thumbnails: copies for every scene.
        system: the main system, whose worst and best scenes are shown.
        facts: texts about the run, by title.

    Raises:
        OutputError: a file cannot be written.
    """
    by_scene, rows = gains(scores, system), means(scores)
    scenes = select_scenes(by_scene)
    environment = Environment(
        loader=PackageLoader("f2a.evaluation", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    page = environment.get_template("report.html").render(
        system=system,
        metrics=metrics,
        means=rows,
        scores=scores,
        sentences=worse_sentences(scores),
        plots=[(metric, data_uri(plot(metric, scores, system), "image/svg+xml")) for metric in metrics],
        rows=[report_row(scene, by_scene[scene], thumbnails[scene], system) for scene in scenes],
        scenes=len(by_scene),
        facts=facts | {"Measured": METHOD},
        flash=FLASH,
    )
    columns = [*(row.system for row in rows), TRUTH]
    write_output(out / "grid.png", grid_png(columns, [thumbnails[scene] for scene in scenes]))
    write_output(out / "scores.csv", to_csv(scores).encode())
    write_output(out / "report.html", page.encode())


def grid_png(columns: Sequence[str], rows: Sequence[dict[str, bytes]]) -> bytes:
    """Return a grid of thumbnails, one row per scene and one column per system; a scene may lack some systems."""
    content = io.BytesIO()
    pictures = [{name: decode_jpeg(copy) for name, copy in row.items()} for row in rows]
    picture_grid(columns, [[row.get(name) for name in columns] for row in pictures]).save(content, "PNG")
    return content.getvalue()


def report_row(scene: str, change: float, copies: dict[str, bytes], system: str) -> dict[str, Any]:
    """Return one scene's pictures: ``main`` has flash, main system, truth and error map, ``others`` the rest."""
    error = thumbnail_jpeg(error_map(decode_jpeg(copies[system]), decode_jpeg(copies[TRUTH])))
    uris = {name: data_uri(copy, "image/jpeg") for name, copy in copies.items()}
    main = [*((name, uris.pop(name)) for name in (FLASH, system, TRUTH)), ("error", data_uri(error, "image/jpeg"))]
    return {"scene": scene, "change": change, "main": main, "others": [*uris.items()]}


def plot(metric: Metric, scores: Sequence[Score], system: str) -> bytes:
    """Plot a row per system as SVG: a dot per scene, a bar at the mean, a dashed line at the flash photos' mean."""
    from matplotlib.figure import Figure

    rows = means(scores)
    figure = Figure(figsize=(4.2, 0.62 + 0.3 * len(rows)), layout="constrained")
    axes = figure.subplots()
    colors = {FLASH: FLASH_COLOR, system: MAIN_COLOR}
    for height, row in enumerate(reversed(rows)):
        color = colors.get(row.system, OTHER_COLOR)
        values = [score.values[metric.name] for score in scores if score.system == row.system]
        finite = [value for value in values if math.isfinite(value)]
        axes.plot(finite, [height] * len(finite), "o", markersize=5, color=color, alpha=0.45, markeredgewidth=0)
        axes.plot([row.values[metric.name]], [height], "|", markersize=15, markeredgewidth=2.5, color=color)
        if row.system == FLASH:
            axes.axvline(row.values[metric.name], color=color, linewidth=0.8, linestyle="--", zorder=0)
    axes.set_yticks(range(len(rows)), [row.system for row in reversed(rows)])
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(axis="x", color="#e4e4e4")
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    content = io.BytesIO()
    figure.savefig(content, format="svg")
    return content.getvalue()


def keep_thumbnails(thumbnails: Thumbnails, scene: Scene, pictures: dict[str, Image.Image]) -> None:
    """Add the thumbnails of a scene's pictures and of its truth."""
    thumbnails[scene.name] = {name: thumbnail_jpeg(p) for name, p in [*pictures.items(), (TRUTH, scene.truth)]}


def thumbnail_jpeg(picture: Image.Image) -> bytes:
    """Return a copy of at most :data:`THUMBNAIL_SIDE` pixels as JPEG."""
    copy = picture.copy()
    copy.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    content = io.BytesIO()
    copy.save(content, "JPEG", quality=88)
    return content.getvalue()


def decode_jpeg(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def data_uri(content: bytes, kind: str) -> str:
    """Return ``content`` as a data URI of the MIME type ``kind``."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def error_map(picture: Image.Image, truth: Image.Image) -> Image.Image:
    """Return a map of luma errors: red where the picture is brighter than the truth, blue if darker, white if equal."""
    difference = (np.asarray(picture.convert("L"), float) - np.asarray(truth.convert("L"), float)) / 255
    return diverging_picture(difference / ERROR_RANGE)
