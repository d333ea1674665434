"""One ablation from flags to the printed table."""

import argparse
import dataclasses
import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from f2a.ablation.runs import SCRIPT, AblationError, Result, Run, do_runs, finished_runs
from f2a.ablation.systems import CONFIGS, Config, to_arguments
from f2a.ablation.table import ablation_table

SETTINGS = "ablation.json"
FIXED = ("train_data_dir", "validation_dir", "budget_minutes", "steps", "training_flags")
"""What all runs of a folder share; seeds and configs may be added later."""
NEVER = 1_000_000
"""Steps that no budget reaches."""


@dataclass(frozen=True)
class Request:
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


def request_of(given: argparse.Namespace) -> Request:
    """What the command line asks for (:mod:`f2a.commands.ablate`).

    Raises:
        AblationError: a number is too small, or the weights are not such a table.
    """
    for name, least in (("budget_minutes", 0), ("steps", 1)):
        if (value := getattr(given, name)) is not None and not value >= least:
            raise AblationError(f"--{name} is {value}: give at least {least}")
    return Request(
        tuple(given.train_data_dir),
        given.validation_dir,
        given.out,
        given.budget_minutes,
        tuple(dict.fromkeys(given.seeds)),
        tuple(given.only),
        given.steps,
        parse_weights(given.encoder_weights),
        tuple(shlex.split(given.training_flags)),
    )


def ablate(request: Request, report: Callable[[str], None]) -> str:
    """Train every config with every seed, as far as ``out`` does not hold its result yet, and return the table.

    Args:
        report: told of the plan, and of each run that ends.

    Raises:
        AblationError: a name that is no config's, a folder of another ablation, or a training that cannot begin.
    """
    configs = chosen(request)
    keep_settings(request)
    runs = [
        Run(name, seed, arguments(request, config, seed), request.out / f"{name}-seed{seed}")
        for seed in request.seeds
        for name, config in configs.items()
    ]
    done = {(result.name, result.seed) for result in finished_runs(request.out)}
    left = sum((run.name, run.seed) not in done for run in runs)
    report(f"{left} of {len(runs)} runs to do, {request.budget_minutes:g} minutes of training each")
    try:
        for result in do_runs(runs, request.budget_minutes, request.out):
            report(sentence(result))
    except KeyboardInterrupt:
        report("stopped; the same command goes on from here")
        raise
    names = {(run.name, run.seed) for run in runs}
    return ablation_table([result for result in finished_runs(request.out) if (result.name, result.seed) in names])


def sentence(result: Result) -> str:
    scores = f"{result.steps} steps, {result.psnr:.2f} dB, SSIM {result.ssim:.3f}"
    return f"{result.name}, seed {result.seed}: {f'lost: {result.lost}' if result.lost else scores}"


def chosen(request: Request) -> dict[str, Config]:
    """The configs that are asked for, in the table's order."""
    if not SCRIPT.is_file():
        raise AblationError(f"{SCRIPT}: not there; an ablation trains with it, so run it in a clone of the repository")
    for name in request.only:
        if name not in CONFIGS:
            raise AblationError(f"no config is called {name!r}: choose from {', '.join(CONFIGS)}")
    return {name: config for name, config in CONFIGS.items() if not request.only or name in request.only}


def arguments(request: Request, config: Config, seed: int) -> list[str]:
    """The flags of one training."""
    pace = {"max_train_steps": request.steps, "lr_warmup_steps": request.steps // 10} if request.steps else CONSTANT
    shared = {
        "train_data_dir": request.train_data_dir,
        "validation_dir": request.validation_dir,
        "cache_dir": request.out / "cache",
        "validation_steps": NEVER,
        "seed": seed,
    }
    given = request.encoder_weights.get(config.encoder)
    start = {"encoder_weights": given} if given else {}
    return [*to_arguments(shared | pace | config.flags | start), *request.training_flags]


CONSTANT = {"max_train_steps": NEVER, "lr_scheduler": "constant", "lr_warmup_steps": 20}


def keep_settings(request: Request) -> None:
    """Write down what all runs share, or compare it with what is written.

    Raises:
        AblationError: the folder cannot be made, or its runs were made otherwise.
    """
    settings = json.loads(json.dumps({name: getattr(request, name) for name in FIXED}))
    path = request.out / SETTINGS
    try:
        request.out.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(json.dumps(settings, indent=2) + "\n", "utf-8")
        before = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise AblationError(f"{path}: cannot be used ({error}); choose another --out") from None
    for name, value in settings.items():
        if before.get(name) != value:
            what = f"its runs were made with {name} {before.get(name)!r}, not {value!r}"
            raise AblationError(f"{request.out}: {what}; give the same, or choose another --out")


def parse_weights(given: Sequence[str]) -> dict[str, str]:
    """``ENCODER=SRC`` as a table; what the source may be is the training's to say.

    Raises:
        AblationError: one of them is not so.
    """
    table = dict(text.partition("=")[::2] for text in given)
    known = sorted({config.encoder for config in CONFIGS.values()})
    for encoder, source in table.items():
        if encoder not in known or not source:
            what = f"write {', '.join(f'{name}=FILE' for name in known)}"
            raise AblationError(f"--encoder_weights has {encoder!r} with {source!r}: {what}")
    return table
