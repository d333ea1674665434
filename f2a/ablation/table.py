"""The results of an ablation as a table that is also Markdown."""

import statistics
from collections.abc import Sequence

from f2a.ablation.runs import Result
from f2a.ablation.systems import CONFIGS

TITLES = ("config", "runs", "steps", "PSNR dB", "SSIM", "description")


def ablation_table(results: Sequence[Result]) -> str:
    """One row per config: mean and standard deviation over seeds; the flash photos' own scores come first."""
    rows: list[tuple[str, ...]] = [TITLES, *config_rows(results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(TITLES))]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows
    )


def config_rows(results: Sequence[Result]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for name, config in CONFIGS.items():
        own = [result for result in results if result.name == name]
        scored = [result for result in own if not result.lost]
        if own:
            lost = f", {len(own) - len(scored)} diverged" if len(scored) < len(own) else ""
            steps = f"{statistics.fmean(result.steps for result in scored):.0f}" if scored else "-"
            psnr = mean_std([result.psnr for result in scored], 2)
            ssim = mean_std([result.ssim for result in scored], 3)
            rows.append((name, f"{len(scored)}{lost}", steps, psnr, ssim, config.description))
    if scored := [result for result in results if not result.lost]:
        flash = mean_std([scored[0].flash_psnr], 2), mean_std([scored[0].flash_ssim], 3)
        rows.insert(0, ("flash", "-", "-", *flash, "the untouched flash photo"))
    return rows


def mean_std(values: Sequence[float], digits: int) -> str:
    """``mean ± standard deviation``; one value has no deviation."""
    if not values:
        return "-"
    std = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{std}"
