"""An ablation study, from its flags to the printed table, which is valid Markdown."""

import dataclasses
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from f2a.ablation.runs import AblationRun, RunResult, result_of, train
from f2a.ablation.systems import CONFIGS, Config, to_arguments
from f2a.errors import F2aError, Report, counted
from f2a.files import make_folder, write_output
from f2a.training.arguments import check_script, parse_run

SETTINGS = "ablation.json"
"""File in the folder of the runs with the settings that they share."""
SHARED = ("train_data_dir", "validation_dir", "budget_minutes", "steps", "training_flags")
"""Names of the settings that all runs of a folder share; seeds and configs may be added later."""
UNREACHABLE_STEPS = 1_000_000
"""Number of steps that no budget reaches."""


@dataclass(frozen=True)
class Ablation:
    """What to train, and for how long.

    Attributes:
        budget_minutes: training time of each run in minutes, excluding start-up and the validation at its end.
        steps: ends a run after this many steps if that is sooner, with a cosine decay of the learning rate; None
            keeps the learning rate constant, since a run does not know how many steps its minutes allow.
        encoder_weights: source of the ImageNet weights by encoder; the default is the Hub.
        training_flags: further flags of ``train_accelerate.py`` for every run, which override those of the config.
    """

    train_data_dir: Sequence[str]
    validation_dir: str
    out: Path
    budget_minutes: float
    seeds: Sequence[int] = (0, 1)
    only: Sequence[str] = ()
    steps: int | None = None
    encoder_weights: dict[str, str] = dataclasses.field(default_factory=dict)
    training_flags: Sequence[str] = ()


def ablate(ablation: Ablation, report: Report) -> str:
    """Train every config with every seed unless ``out`` already has the result, and return the table.

    Raises:
        F2aError: a config is unknown, the folder belongs to another ablation, or a training run cannot start.
    """
    check_script()
    configs = select_configs(ablation)
    check_settings(ablation)
    runs = [
        AblationRun(name, seed, arguments(ablation, config, seed), ablation.out / f"{name}-seed{seed}")
        for seed in dict.fromkeys(ablation.seeds)
        for name, config in configs.items()
    ]
    for run in runs:
        parse_run(run.arguments, "")  # otherwise a mistake in the last run would show only after hours
    pending = [run for run in runs if not result_of(run)]
    budget = counted(ablation.budget_minutes, "minute")
    report(f"{len(pending)} of {counted(len(runs), 'run')} to do, with {budget} of training each")
    try:
        for run in pending:
            report(result_sentence(train(run, ablation.budget_minutes)))
    except KeyboardInterrupt:
        report("stopped; the same command continues from here")
        raise
    return ablation_table([*filter(None, map(result_of, runs))])


def result_sentence(result: RunResult) -> str:
    """Say how a run ended."""
    scores = f"{counted(result.steps, 'step')}, {result.psnr:.2f} dB, SSIM {result.ssim:.3f}"
    return f"{result.name}, seed {result.seed}: {f'diverged: {result.error}' if result.error else scores}"


def select_configs(ablation: Ablation) -> dict[str, Config]:
    """Return the requested configs in the table's order; :class:`F2aError` if one is unknown."""
    for name in ablation.only:
        if name not in CONFIGS:
            raise F2aError(f"no config is called {name!r}: choose from {', '.join(CONFIGS)}")
    return {name: config for name, config in CONFIGS.items() if not ablation.only or name in ablation.only}


def arguments(ablation: Ablation, config: Config, seed: int) -> list[str]:
    """Return the flags of one training run."""
    schedule: dict[str, object]
    if ablation.steps:
        schedule = {"max_train_steps": ablation.steps, "lr_warmup_steps": ablation.steps // 10}
    else:
        schedule = {"max_train_steps": UNREACHABLE_STEPS, "lr_scheduler": "constant", "lr_warmup_steps": 20}
    shared = {
        "train_data_dir": ablation.train_data_dir,
        "validation_dir": ablation.validation_dir,
        "cache_dir": ablation.out / "cache",
        "validation_steps": UNREACHABLE_STEPS,
        "seed": seed,
    }
    source = ablation.encoder_weights.get(config.encoder)
    start = {"encoder_weights": source} if source else {}
    return [*to_arguments(shared | schedule | config.flags | start), *ablation.training_flags]


def check_settings(ablation: Ablation) -> None:
    """Save the settings that all runs share to their folder; raise :class:`F2aError` if it already has others."""
    settings = json.loads(json.dumps({name: getattr(ablation, name) for name in SHARED}))
    path = ablation.out / SETTINGS
    make_folder(ablation.out)
    if not path.exists():
        write_output(path, (json.dumps(settings, indent=2) + "\n").encode())
    try:
        before = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise F2aError(f"{path}: cannot be used ({error}); choose another --out") from None
    for name, value in settings.items():
        if before.get(name) != value:
            difference = f"its runs have {name} {before.get(name)!r}, not {value!r}"
            raise F2aError(f"{ablation.out}: {difference}; use the same, or choose another --out")


def parse_weights(texts: Sequence[str]) -> dict[str, str]:
    """Parse ``ENCODER=SRC`` texts; :class:`F2aError` for another form. The training run checks the sources."""
    table = dict(text.partition("=")[::2] for text in texts)
    encoders = sorted({config.encoder for config in CONFIGS.values()})
    for encoder, source in table.items():
        if encoder not in encoders or not source:
            remedy = f"write {', '.join(f'{name}=FILE' for name in encoders)}"
            raise F2aError(f"--encoder_weights has {encoder!r} with {source!r}: {remedy}")
    return table


TITLES = ("config", "runs", "steps", "PSNR dB", "SSIM", "description")
"""Titles of the table's columns."""


def ablation_table(results: Sequence[RunResult]) -> str:
    """Format one row per config with mean and standard deviation over seeds, after a row for the flash photos."""
    rows: list[tuple[str, ...]] = [TITLES, *config_rows(results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(TITLES))]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in rows
    )


def config_rows(results: Sequence[RunResult]) -> list[tuple[str, ...]]:
    """Return the cells below :data:`TITLES`, the flash photo's row first."""
    rows: list[tuple[str, ...]] = []
    for name, config in CONFIGS.items():
        own = [result for result in results if result.name == name]
        scored = [result for result in own if not result.error]
        if own:
            diverged = f", {len(own) - len(scored)} diverged" if len(scored) < len(own) else ""
            steps = f"{statistics.fmean(result.steps for result in scored):.0f}" if scored else "-"
            psnr = mean_std([result.psnr for result in scored], 2)
            ssim = mean_std([result.ssim for result in scored], 3)
            rows.append((name, f"{len(scored)}{diverged}", steps, psnr, ssim, config.description))
    if scored := [result for result in results if not result.error]:
        flash = mean_std([scored[0].flash_psnr], 2), mean_std([scored[0].flash_ssim], 3)
        rows.insert(0, ("flash", "-", "-", *flash, "the untouched flash photo"))
    return rows


def mean_std(values: Sequence[float], digits: int) -> str:
    """Format ``mean ± standard deviation``; a single value has no deviation, and no value gives ``-``."""
    if not values:
        return "-"
    std = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.{digits}f}{std}"
