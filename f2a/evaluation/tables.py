"""Formatting of scores as text, CSV and JSON."""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from f2a.evaluation.scores import FLASH, Metric, Score


def means(scores: Sequence[Score]) -> list[Score]:
    """Return one row per system with its mean scores over the scenes that it has, in order of first appearance."""
    rows = []
    for system in dict.fromkeys(score.system for score in scores):
        own = [score.values for score in scores if score.system == system]
        values = {name: sum(value[name] for value in own) / len(own) for name in own[0]}
        rows.append(Score(f"mean of {len(own)}", system, values))
    return rows


def gains(scores: Sequence[Score], system: str, metric: str = "psnr") -> dict[str, float]:
    """Return the gain of ``system`` over the flash photo in ``metric``, by scene."""
    flash = {score.scene: score.values[metric] for score in scores if score.system == FLASH}
    own = {score.scene: score.values[metric] for score in scores if score.system == system}
    return {scene: value - flash[scene] for scene, value in own.items()}


TITLES = {"psnr": "PSNR", "ssim": "SSIM", "lit_psnr": "lit PSNR"}
"""The metrics in which a system is compared with the flash photo."""


def worse_than_flash(scores: Sequence[Score]) -> dict[str, dict[str, list[str]]]:
    """Return the scenes that score less than their flash photo, by measured metric of :data:`TITLES`, then system."""
    systems = [system for system in dict.fromkeys(score.system for score in scores) if system != FLASH]
    return {
        metric: {name: [scene for scene, gain in gains(scores, name, metric).items() if gain < 0] for name in systems}
        for metric in TITLES
        if metric in scores[0].values
    }


def format_table(scores: Sequence[Score], metrics: Sequence[Metric]) -> str:
    """Format the scores, their means, and the scenes that each system made worse as text."""
    rows = [*scores, *means(scores)]
    scene, system = (max(len(row[column]) for row in rows) + 2 for column in (0, 1))
    widths = [len(metric.title) + 3 for metric in metrics]
    titles = "".join(f"{metric.title:>{width}}" for metric, width in zip(metrics, widths, strict=True))
    lines = [f"{'scene':<{scene}}{'system':<{system}}{titles}"]
    for row in rows:
        values = [f"{row.values[m.name]:{width}.{m.digits}f}" for m, width in zip(metrics, widths, strict=True)]
        lines.append(f"{row.scene:<{scene}}{row.system:<{system}}{''.join(values)}")
    return "\n".join([*lines, "", *worse_sentences(scores)])


def worse_sentences(scores: Sequence[Score]) -> list[str]:
    """Return one sentence per system that names the scenes on which it is worse than the flash photo."""
    counts, worse, sentences = Counter(score.system for score in scores), worse_than_flash(scores), []
    for system in worse["psnr"]:
        parts = [
            f"in {TITLES[metric]} on {len(scenes[system])} of {counts[system]} ({_join_names(scenes[system])})"
            for metric, scenes in worse.items()
            if scenes[system]
        ]
        never = "worse than the flash photo on no scene"
        sentences.append(f"{system}: {'worse than the flash photo ' + ', '.join(parts) if parts else never}")
    return sentences


MAX_NAMES = 8
"""Largest number of scenes named in a sentence; any others are only counted."""


def _join_names(scenes: Sequence[str]) -> str:
    more = f" and {len(scenes) - MAX_NAMES} more" if len(scenes) > MAX_NAMES else ""
    return ", ".join(scenes[:MAX_NAMES]) + more


def to_csv(scores: Sequence[Score]) -> str:
    """Return one CSV line per picture, without the means."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(["scene", "system", *scores[0].values])
    writer.writerows(
        [score.scene, score.system, *(f"{value:.5g}" for value in score.values.values())] for score in scores
    )
    return content.getvalue()


def to_json(scores: Sequence[Score], facts: dict[str, Any]) -> str:
    """Return ``facts``, scores, means and worsened scenes as JSON; values that are not finite become null."""
    content = facts | {
        "scores": [_to_dict(score) for score in scores],
        "means": {row.system: _to_dict(row)["values"] for row in means(scores)},
        "worse_than_flash": worse_than_flash(scores),
    }
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _to_dict(score: Score) -> dict[str, Any]:
    values = {name: value if math.isfinite(value) else None for name, value in score.values.items()}
    return score._replace(values=values)._asdict()  # type: ignore[arg-type]
