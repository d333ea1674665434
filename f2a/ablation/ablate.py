"""One ablation from flags to the printed table."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from f2a.ablation.runs import SCRIPT, AblationError, AblationRun, Result, do_runs, finished_runs
from f2a.ablation.systems import CONFIGS, Config, to_arguments
from f2a.ablation.table import ablation_table

SETTINGS = "ablation.json"
FIXED = ("train_data_dir", "validation_dir", "budget_minutes", "steps", "training_flags")
"""What all runs of a folder share; seeds and configs may be added later."""
NEVER = 1_000_000
"""Steps that no budget reaches."""


@dataclass(frozen=True)
class Ablation:
    """What to train, and for how long.

    Attributes:
        budget_minutes: of training, for each run; start-up and the validation at its end come on top.
        steps: end a run after so many steps where that is sooner, the learning rate falling along a cosine; None
            keeps the learning rate constant, for a run does not know how far its minutes will take it.
        encoder_weights: encoder to the source of its ImageNet weights; the Hub's for one that is not there.
        training_flags: further flags of ``train_accelerate.py`` for every run; they win over the config's.
    """

    train_data_dir: tuple[str, ...]
    validation_dir: str
    out: Path
    budget_minutes: float
    seeds: tuple[int, ...] = (0, 1)
    only: tuple[str, ...] = ()
    steps: int | None = None
    encoder_weights: dict[str, str] = dataclasses.field(default_factory=dict)
    training_flags: tuple[str, ...] = ()


def ablate(ablation: Ablation, report: Callable[[str], None]) -> str:
    """Train every config with every seed, as far as ``out`` does not hold its result yet, and return the table.

    Args:
        report: told of the plan, and of each run that ends.

    Raises:
        AblationError: a name that is no config's, a folder of another ablation, or a training that cannot begin.
    """
    configs = chosen(ablation)
    keep_settings(ablation)
    runs = [
        AblationRun(name, seed, arguments(ablation, config, seed), ablation.out / f"{name}-seed{seed}")
        for seed in ablation.seeds
        for name, config in configs.items()
    ]
    done = {(result.name, result.seed) for result in finished_runs(ablation.out)}
    left = sum((run.name, run.seed) not in done for run in runs)
    report(f"{left} of {len(runs)} runs to do, {ablation.budget_minutes:g} minutes of training each")
    try:
        for result in do_runs(runs, ablation.budget_minutes, ablation.out):
            report(sentence(result))
    except KeyboardInterrupt:
        report("stopped; the same command goes on from here")
        raise
    names = {(run.name, run.seed) for run in runs}
    return ablation_table([result for result in finished_runs(ablation.out) if (result.name, result.seed) in names])


def sentence(result: Result) -> str:
    scores = f"{result.steps} steps, {result.psnr:.2f} dB, SSIM {result.ssim:.3f}"
    return f"{result.name}, seed {result.seed}: {f'lost: {result.lost}' if result.lost else scores}"


def chosen(ablation: Ablation) -> dict[str, Config]:
    """The configs that are asked for, in the table's order."""
    if not SCRIPT.is_file():
        raise AblationError(f"{SCRIPT}: not there; an ablation trains with it, so run it in a clone of the repository")
    for name in ablation.only:
        if name not in CONFIGS:
            raise AblationError(f"no config is called {name!r}: choose from {', '.join(CONFIGS)}")
    return {name: config for name, config in CONFIGS.items() if not ablation.only or name in ablation.only}


def arguments(ablation: Ablation, config: Config, seed: int) -> list[str]:
    """The flags of one training."""
    pace = {"max_train_steps": ablation.steps, "lr_warmup_steps": ablation.steps // 10} if ablation.steps else CONSTANT
    shared = {
        "train_data_dir": ablation.train_data_dir,
        "validation_dir": ablation.validation_dir,
        "cache_dir": ablation.out / "cache",
        "validation_steps": NEVER,
        "seed": seed,
    }
    source = ablation.encoder_weights.get(config.encoder)
    start = {"encoder_weights": source} if source else {}
    return [*to_arguments(shared | pace | config.flags | start), *ablation.training_flags]


CONSTANT = {"max_train_steps": NEVER, "lr_scheduler": "constant", "lr_warmup_steps": 20}


def keep_settings(ablation: Ablation) -> None:
    """Write down what all runs share, or compare it with what is written.

    Raises:
        AblationError: the folder cannot be made, or its runs were made otherwise.
    """
    settings = json.loads(json.dumps({name: getattr(ablation, name) for name in FIXED}))
    path = ablation.out / SETTINGS
    try:
        ablation.out.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
        before = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise AblationError(f"{path}: cannot be used ({error}); choose another --out") from None
    for name, value in settings.items():
        if before.get(name) != value:
            what = f"its runs were made with {name} {before.get(name)!r}, not {value!r}"
            raise AblationError(f"{ablation.out}: {what}; give the same, or choose another --out")


def parse_weights(texts: Sequence[str]) -> dict[str, str]:
    """``ENCODER=SRC`` as a table; what the source may be is the training's to say.

    Raises:
        AblationError: one of them is not so.
    """
    table = dict(text.partition("=")[::2] for text in texts)
    known = sorted({config.encoder for config in CONFIGS.values()})
    for encoder, source in table.items():
        if encoder not in known or not source:
            what = f"write {', '.join(f'{name}=FILE' for name in known)}"
            raise AblationError(f"--encoder_weights has {encoder!r} with {source!r}: {what}")
    return table
