"""The scores as one page that opens without a network: plots, worst and best scenes, and every figure."""

import importlib
import io
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from f2a.errors import F2aError
from f2a.evaluation.pictures import TRUTH, data_uri, decoded, error_map, small_jpeg
from f2a.evaluation.scores import FLASH, Metric, Score
from f2a.evaluation.tables import means, worse_sentences

SHOWN = 12
"""Worst and best scenes that get pictures, each; the figures of all others stand in the table."""

COLORS = {FLASH: "#767676"}
OURS_COLOR, OTHERS_COLOR = "#0b5fa5", "#b3541e"


class ReportError(F2aError):
    """The report cannot be made here; the message says what to install."""


class Strip(NamedTuple):
    """A scene in pictures: titled addresses of flash, ours, truth and error, and of the other systems."""

    scene: str
    change: float
    main: list[tuple[str, str]]
    others: list[tuple[str, str]]


def drawing() -> Any:
    """Matplotlib's figures.

    Raises:
        ReportError: it is not installed.
    """
    try:
        return importlib.import_module("matplotlib.figure")
    except ImportError as error:
        raise ReportError(f"the report needs matplotlib ({error}): pip install matplotlib") from None


def changes(scores: Sequence[Score], system: str) -> dict[str, float]:
    """Scene to the PSNR that ``system`` wins over the flash photo, in dB, worst first."""
    psnr = {(score.system, score.scene): score.values["psnr"] for score in scores}
    won = {scene: psnr[system, scene] - psnr[FLASH, scene] for name, scene in psnr if name == system}
    return dict(sorted(won.items(), key=lambda item: item[1]))


def shown_scenes(scores: Sequence[Score], system: str) -> list[str]:
    """The worst and the best scenes of ``system``, worst first."""
    scenes = list(changes(scores, system))
    return scenes if len(scenes) <= 2 * SHOWN else scenes[:SHOWN] + scenes[-SHOWN:]


def render_report(
    scores: Sequence[Score],
    metrics: Sequence[Metric],
    pages: dict[str, dict[str, bytes]],
    system: str,
    facts: dict[str, str],
) -> str:
    """The page.

    Args:
        pages: small copies of the scenes that are shown (:class:`f2a.evaluation.pictures.Album`).
        system: the one whose strips are shown, ours.
        facts: what is said about the run, title to text.

    Raises:
        ReportError: matplotlib is not installed.
    """
    won = changes(scores, system)
    environment = Environment(
        loader=PackageLoader("f2a.evaluation", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    rows = means(scores)
    return environment.get_template("report.html").render(
        system=system,
        metrics=metrics,
        means=rows,
        scores=scores,
        sentences=worse_sentences(scores),
        plots=[(metric, data_uri(plot(metric, scores, system), "image/svg+xml")) for metric in metrics],
        strips=[strip(scene, won[scene], pages[scene], system) for scene in shown_scenes(scores, system)],
        scenes=len(won),
        facts=facts,
        flash=FLASH,
    )


def strip(scene: str, change: float, copies: dict[str, bytes], system: str) -> Strip:
    """The pictures of one scene."""
    error = small_jpeg(error_map(decoded(copies[system]), decoded(copies[TRUTH])))
    main = [(FLASH, copies[FLASH]), (system, copies[system]), (TRUTH, copies[TRUTH]), ("error", error)]
    others = [(name, copy) for name, copy in copies.items() if name not in (FLASH, system, TRUTH)]
    addressed = [[(name, data_uri(copy, "image/jpeg")) for name, copy in part] for part in (main, others)]
    return Strip(scene, change, *addressed)


def plot(metric: Metric, scores: Sequence[Score], system: str) -> bytes:
    """SVG: a row a system, a dot a scene, a bar at the mean; the dashed line is the flash photos' mean."""
    rows = means(scores)
    figure = drawing().Figure(figsize=(4.2, 0.62 + 0.3 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for height, row in enumerate(reversed(rows)):
        color = COLORS.get(row.system, OURS_COLOR if row.system == system else OTHERS_COLOR)
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
