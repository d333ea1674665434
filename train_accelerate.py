"""Train a generator on flash/ambient pairs: ``accelerate launch train_accelerate.py --train_data_dir DIR ...``."""

import copy
import importlib.util
import json
import math
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

# PyTorch's threads else spin while they wait for each other: beside other programs that is many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object, set_seed
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from f2a.config import ConfigError, TrainConfig
from f2a.data.augment import Batch, Part, WorkerLost, batches, watched_workers
from f2a.data.folder import DataError
from f2a.errors import first_line
from f2a.files import atomic_dir, atomic_write
from f2a.hub import HubError
from f2a.model.checkpoint import CheckpointError
from f2a.model.discriminator import Discriminator
from f2a.publish.model import Pusher
from f2a.publish.model_card import PICTURE, model_card
from f2a.training.arguments import parse_run, public_values, save_run, without_secrets
from f2a.training.attention import attention_map, no_attention
from f2a.training.checkpoint import (
    Restored,
    checkpoint_folder,
    pack_optimizer,
    rotate,
    saved_state,
    unpack_optimizer,
    write_state,
)
from f2a.training.losses import GeneratorLosses, GeneratorTerms, Weights, discriminator_losses, generator_losses
from f2a.training.monitor import LossWatch, TrainingLost
from f2a.training.optim import adam, all_finite, averaged, frozen, generator_groups, set_rates
from f2a.training.schedule import planned_steps, rate_factor
from f2a.training.setup import Materials, generator_terms, read_materials
from f2a.training.signals import StopRequest, lock_output
from f2a.training.trackers import SHOW_PICTURE
from f2a.training.validation import mean_scores, save_picture, validate

MISTAKES = (ConfigError, DataError, CheckpointError)
LOSS_NAMES = (*GeneratorLosses._fields, "discriminator")
SCRIPT = "train_accelerate.py"
RUN_FILE, VALIDATION_LOG = "run.yaml", "validation.jsonl"
RESUMED = ("step", "drawn", "best", "scores")
"""Fields of a run that a checkpoint keeps beside the weights."""
PICTURED = 4
"""Validation pairs in the picture."""
LOG_EVERY = 10
"""Steps between entries of the tracker, and between agreements of several processes on whether to stop."""

Made = TypeVar("Made")


class Halt(NamedTuple):
    """Why a run ends before its last step: it was asked to (SIGTERM, Ctrl-C), or its minutes are over."""

    asked: bool = False
    time_up: bool = False


class Adversary:
    """The discriminator and its optimiser: learns to tell relit from ambient photos, and judges relit ones."""

    def __init__(self, accelerator: Accelerator, config: TrainConfig) -> None:
        model = Discriminator().train().to(accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        groups = [{"params": list(model.parameters()), "lr": config.discriminator_learning_rate}]
        self.accelerator = accelerator
        self.model, self.optimizer = accelerator.prepare(model, adam(groups, config))

    def learn(self, relit: Tensor, ambient: Tensor, attention: Tensor) -> Tensor:
        losses = discriminator_losses(self.model, relit, ambient, attention)
        self.accelerator.backward(losses.total)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return losses.total.detach()

    def judge(self, guided_image: Tensor) -> Tensor:
        """Logits through which only the image learns; the bare model, for DistributedDataParallel awaits gradients."""
        with frozen(self.accelerator.unwrap_model(self.model)) as discriminator:
            logits: Tensor = discriminator(guided_image)
            return logits


@dataclass
class Run:
    """One training run: its players, what they learn from, and how far they are."""

    config: TrainConfig
    command: str
    accelerator: Accelerator
    materials: Materials
    generator: nn.Module
    optimizer: Any
    adversary: Adversary | None
    terms: GeneratorTerms
    average: AveragedModel | None
    steps: int
    watch: LossWatch
    pusher: Pusher | None = None
    step: int = 0
    drawn: int = 0
    best: dict[str, float] = field(default_factory=dict)
    scores: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    @property
    def output(self) -> Path:
        return Path(self.config.output_dir)

    @property
    def part(self) -> Part:
        return Part(self.config.train_batch_size, self.accelerator.process_index, self.accelerator.num_processes)

    @property
    def pairs_a_step(self) -> int:
        return pairs_a_step(self.config, self.accelerator)

    @property
    def modules(self) -> dict[str, nn.Module]:
        """Everything with weights, by its name in a checkpoint."""
        found = {"generator": self.accelerator.unwrap_model(self.generator), "average": self.average}
        found["discriminator"] = self.accelerator.unwrap_model(self.adversary.model) if self.adversary else None
        return {name: module for name, module in found.items() if module is not None}

    @property
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        found = {"generator_optimizer": self.optimizer.optimizer}
        return found | ({"discriminator_optimizer": self.adversary.optimizer.optimizer} if self.adversary else {})

    @property
    def shown_losses(self) -> tuple[str, ...]:
        """Names of the losses that this run has."""
        weights = term_weights(self.config)
        return tuple(name for name, weight in zip(LOSS_NAMES, (*weights, weights[1]), strict=True) if weight)

    @property
    def minutes(self) -> float:
        return (time.monotonic() - self.started) / 60

    def keeper(self) -> nn.Module:
        """The weights that are validated and saved."""
        return self.average.module if self.average else self.accelerator.unwrap_model(self.generator)

    def report(self, sentence: str) -> None:
        if self.accelerator.is_main_process:
            tqdm.write(sentence)


def pairs_a_step(config: TrainConfig, accelerator: Accelerator) -> int:
    return config.train_batch_size * config.gradient_accumulation_steps * accelerator.num_processes


def make_accelerator(config: TrainConfig) -> Accelerator:
    if config.report_to != "none" and not importlib.util.find_spec(config.report_to):
        raise ConfigError(f"report_to is {config.report_to!r}: install it (pip install {config.report_to})")
    try:
        accelerator = Accelerator(
            mixed_precision=config.mixed_precision,
            gradient_accumulation_steps=config.gradient_accumulation_steps,
            log_with=None if config.report_to == "none" else config.report_to,
            project_dir=config.output_dir,
        )
    except ValueError as error:
        raise ConfigError(f"mixed_precision is {config.mixed_precision!r}: {error}") from None
    return accelerator


def together(accelerator: Accelerator, work: Callable[[], Made]) -> Made:
    """``work`` on each machine's first process, then on the others, who find its files; a mistake of one ends all."""
    made, mistake = None, None
    with accelerator.local_main_process_first():
        try:
            made = work()
        except MISTAKES as error:
            mistake = str(error)
    for sentence in gather_object([mistake]):
        if sentence:
            raise ConfigError(sentence)
    return made  # type: ignore[return-value]


def prepare(config: TrainConfig, command: str, accelerator: Accelerator, materials: Materials, pairs: int) -> Run:
    """A run at its start; an epoch has ``pairs`` pairs."""
    model = materials.checkpoint.generator.train().to(accelerator.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.encoder.requires_grad_(not config.freeze_encoder)
    average = averaged(model, config.ema_decay) if config.use_ema else None
    generator, optimizer = accelerator.prepare(model, adam(generator_groups(model, config), config))
    adversary = Adversary(accelerator, config) if config.adversarial_weight else None
    perceptual = materials.perceptual and materials.perceptual.to(memory_format=torch.channels_last).to(
        accelerator.device
    )
    return Run(
        config=config,
        command=command,
        accelerator=accelerator,
        materials=materials,
        generator=generator,
        optimizer=optimizer,
        adversary=adversary,
        terms=generator_terms(config, adversary.judge if adversary else None, perceptual),
        average=average,
        steps=planned_steps(config, pairs, pairs_a_step(config, accelerator)),
        watch=LossWatch(LOSS_NAMES, config.divergence_factor),
        pusher=make_pusher(config) if config.push_to_hub and accelerator.is_main_process else None,
    )


def repo_id(config: TrainConfig) -> str:
    return config.hub_model_id or Path(config.output_dir).resolve().name


def make_pusher(config: TrainConfig) -> Pusher:
    copies = Path(config.output_dir) / ".pushing"
    return Pusher(repo_id(config), copies, private=config.hub_private_repo, token=config.hub_token)


def term_weights(config: TrainConfig) -> Weights:
    terms = (config.reconstruction_weight, config.adversarial_weight, config.perceptual_weight)
    return Weights(*terms, config.structural_weight)


def learn(run: Run, batch: Batch) -> Tensor:
    """One batch of the paper's algorithm (arXiv 1912.08813, section 3); the losses as a vector of ``LOSS_NAMES``.

    Both players learn from one generator pass, the discriminator first; under gradient accumulation the players'
    weights move at the last batch only, so there the generator is judged by the discriminator of the step before.
    """
    players = [run.generator, *([run.adversary.model] if run.adversary else [])]
    config, zero = run.config, batch.flash.new_zeros(())
    weights = term_weights(config)
    attention = (attention_map if config.attends else no_attention)(batch.flash, batch.ambient)
    judged = attention if config.judges_guided else torch.ones_like(attention)
    with run.accelerator.accumulate(*players):
        relit = run.generator(batch.flash)
        verdict = run.adversary.learn(relit, batch.ambient, judged) if run.adversary else zero
        losses = generator_losses(run.terms, relit, batch.ambient, attention)
        run.accelerator.backward(weights.total(losses))
        run.optimizer.step()
        run.optimizer.zero_grad()
    return torch.stack([*losses, verdict]).detach()


def take_step(run: Run, crops: Iterator[Batch]) -> None:
    """One optimisation step: learning rates, a batch (or several), the moving average, a look at the losses."""
    for optimizer in run.optimizers.values():
        set_rates(optimizer, rate_factor(run.config, run.step, run.steps))
    taken = [next(crops).to(run.accelerator.device) for _ in range(run.config.gradient_accumulation_steps)]
    losses = torch.stack([learn(run, batch) for batch in taken]).mean(0)
    if run.average:
        run.average.update_parameters(run.accelerator.unwrap_model(run.generator))
    run.step, run.drawn = run.step + 1, run.drawn + run.pairs_a_step
    run.watch.saw(run.step, run.accelerator.reduce(losses, "mean"), [file for batch in taken for file in batch.files])


def optimise(run: Run, stop: StopRequest) -> Halt:
    """Take steps to the run's end, or to a halt before it."""
    crops = batches(run.materials.crops, run.part, run.drawn, run.config.dataloader_num_workers)
    silent = not run.accelerator.is_main_process
    with tqdm(total=run.steps, initial=run.step, unit="step", mininterval=5, disable=silent) as bar:
        while run.step < run.steps:
            if any(halt := wished(run, stop)):
                return halt
            take_step(run, crops)
            show(run, bar)
            if run.materials.validation and run.step % run.config.validation_steps == 0:
                measure(run)
            if run.config.checkpointing_steps and run.step % run.config.checkpointing_steps == 0:
                keep_state(run)
                if run.pusher and run.config.hub_interim_pushes:
                    run.pusher.offer(run.output / "best", run.report)
    return Halt()


def wished(run: Run, stop: StopRequest) -> Halt:
    """Whether to halt now; several processes agree on it every few steps, for they must do it at the same one."""
    time_up = run.minutes >= (run.config.max_train_minutes or math.inf)
    if run.accelerator.num_processes == 1:
        return Halt(stop.asked, time_up)
    if run.step % LOG_EVERY:
        return Halt()
    votes = torch.tensor([stop.asked, time_up], dtype=torch.float32, device=run.accelerator.device)
    return Halt(*(vote > 0 for vote in run.accelerator.reduce(votes, "sum").tolist()))


def show(run: Run, bar: "tqdm[Any]") -> None:
    """Losses and images/s on the bar, which knows the remaining time, and every few steps in the tracker."""
    bar.update()
    if bar.disable:
        return
    facts = bar.format_dict
    speed = run.pairs_a_step * (facts["rate"] or (facts["n"] - facts["initial"]) / max(facts["elapsed"], 1e-9))
    losses = {name: run.watch.means[name] for name in run.shown_losses if name in run.watch.means}
    bar.set_postfix(
        {name: f"{loss:.4f}" for name, loss in losses.items()} | {"images/s": f"{speed:.1f}"}, refresh=False
    )
    if run.step % LOG_EVERY == 0:
        rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in run.optimizers.items()}
        values = {f"loss/{name}": loss for name, loss in losses.items()} | {"images_per_second": speed}
        run.accelerator.log(values | {f"learning_rate/{name}": rate for name, rate in rates.items()}, step=run.step)


def measure(run: Run) -> None:
    """Validate: figures to the log, a picture to disk and tracker, the best weights so far to ``best``."""
    run.watch.settle()
    device, pixels = run.accelerator.device, run.materials.checkpoint.architecture.working_pixels
    mine = run.materials.validation[run.part.process :: run.part.processes]
    rows = [validate(run.keeper(), pair, pixels, run.config.normalize_exposure, device) for pair in mine]
    scores = mean_scores(gather_object([row.scores for row in rows]))
    run.scores = {"step": run.step, "minutes": round(run.minutes, 1)} | scores._asdict()
    better = scores.psnr > run.best.get("psnr", -math.inf)
    run.best = run.scores if better else run.best
    if run.accelerator.is_main_process:
        run.report(json.dumps(run.scores))
        with (run.output / VALIDATION_LOG).open("a") as log:
            log.write(json.dumps(run.scores) + "\n")
        picture = save_picture([row.views for row in rows[:PICTURED]], picture_file(run))
        run.accelerator.log({f"validation/{name}": value for name, value in scores._asdict().items()}, step=run.step)
        for tracker in run.accelerator.trackers:
            SHOW_PICTURE[tracker.name](tracker, picture, run.step)
        if better:
            keep_weights(run, "best")


def picture_file(run: Run) -> Path:
    return run.output / "pictures" / f"{run.step:06d}.png"


def keep_weights(run: Run, name: str) -> None:
    """Write the weights to use, as a folder that ``Relighter.from_pretrained`` reads."""
    kept = copy.copy(run.materials.checkpoint)
    kept.generator = run.keeper()
    kept.training = {
        "command": run.command,
        "seed": run.config.seed,
        "data": [*run.config.train_data_dir, *filter(None, [run.config.dataset_name])],
        "steps": run.step,
        "validation": run.scores,
    }
    with atomic_dir(run.output / name) as folder:
        kept.save(folder)
        if pictured := picture_file(run).exists():
            shutil.copy(picture_file(run), folder / PICTURE)
        card = model_card(run.config, kept.architecture, kept.training, repo_id(run.config), pictured=pictured)
        (folder / "README.md").write_text(card, "utf-8")


def keep_state(run: Run) -> None:
    """Write a checkpoint from which the run goes on exactly; always between steps, so no gradient is on its way."""
    run.watch.settle()
    if not all(all_finite(module) for module in run.modules.values()):
        raise TrainingLost(f"step {run.step}: a weight is not finite; lower --learning_rate")
    random = run.accelerator.gather(torch.get_rng_state()[None].to(run.accelerator.device))
    if run.accelerator.is_main_process:
        parts = {name: module.state_dict() for name, module in run.modules.items()}
        parts |= {name: pack_optimizer(optimizer) for name, optimizer in run.optimizers.items()}
        facts = {name: getattr(run, name) for name in RESUMED} | {
            "losses": run.watch.means,
            "processes": run.part.processes,
        }
        facts |= {"config": public_values(run.config), "pairs": run.materials.crops.draws.fingerprint()}
        scaler = run.accelerator.scaler
        facts["scaler"] = scaler.state_dict() if scaler else None
        write_state(checkpoint_folder(run.output, run.step), parts | {"random": {"cpu": random}}, facts)
        rotate(run.output, run.config.checkpoints_total_limit)


def restore(run: Run, state: Restored) -> None:
    """Be where the run was when ``state`` was kept."""
    try:
        for name, module in run.modules.items():
            module.load_state_dict(state.parts[name])
        for name, optimizer in run.optimizers.items():
            unpack_optimizer(optimizer, state.parts[name])
        for name in RESUMED:
            setattr(run, name, state.facts[name])
        if run.accelerator.scaler and state.facts["scaler"]:
            run.accelerator.scaler.load_state_dict(state.facts["scaler"])
    except (KeyError, RuntimeError, ValueError, IndexError) as error:
        raise CheckpointError(
            f"the checkpoint does not fit this run ({first_line(error)}): give the flags it was made with"
        ) from None
    random = state.parts["random"]["cpu"]
    if len(random) == run.part.processes:
        torch.set_rng_state(random[run.part.process])
    for name, value in public_values(run.config).items():
        if name != "resume_from_checkpoint" and (before := state.facts["config"].get(name)) != value:
            run.report(f"changed since the checkpoint: {name} was {before!r}, is {value!r}")
    if state.facts.get("pairs") not in (None, run.materials.crops.draws.fingerprint()):
        run.report(
            "changed since the checkpoint: the pairs to learn from; the run goes on with those that are there now"
        )
    run.report(f"going on at step {run.step}")
    log = run.output / VALIDATION_LOG
    if run.accelerator.is_main_process and log.exists():
        lines = log.read_text("utf-8", "replace").splitlines(keepends=True)
        with atomic_write(log) as beside:
            beside.write_text("".join(line for line in lines if step_of(line) <= run.step), "utf-8")


def step_of(line: str) -> float:
    """The step of a line of the validation log; of one that a kill or a full disk cut off, one that never comes."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def finish(run: Run, halt: Halt) -> None:
    """Keep what was learnt; say how to go on after a halt; push when the run was not stopped."""
    if not halt.asked:
        if run.materials.validation and run.scores.get("step") != run.step:
            measure(run)
        run.watch.settle()
        if run.accelerator.is_main_process:
            keep_weights(run, "last")
    keep_state(run)
    if run.step < run.steps:
        way_on = f"--config {shlex.quote(str(run.output / RUN_FILE))} --resume_from_checkpoint latest"
        run.report(f"stopped at step {run.step} of {run.steps}; go on with: accelerate launch {SCRIPT} {way_on}")
    if run.pusher and not halt.asked:
        run.report(f"pushed to {run.pusher.push(run.output / ('best' if run.materials.validation else 'last'))}")


def train(config: TrainConfig, command: str) -> None:
    """Train as ``config`` says; ``command`` is written into the weights."""
    with StopRequest() as stop:
        accelerator, output = make_accelerator(config), Path(config.output_dir)
        report = tqdm.write if accelerator.is_main_process else lambda sentence: None
        set_seed(config.seed)
        lock = together(accelerator, lambda: lock_output(output) if accelerator.is_main_process else None)
        try:
            state = together(accelerator, lambda: saved_state(output, config.resume_from_checkpoint, report))
            materials = together(accelerator, lambda: read_materials(config, report))
            run = prepare(config, command, accelerator, materials, len(materials.crops.draws))
            if state:
                together(accelerator, lambda: restore(run, state))
            if accelerator.is_main_process:
                save_run(config, output / RUN_FILE)
            values = public_values(config).items()
            accelerator.init_trackers("f2a", {n: v if isinstance(v, (int, float)) else str(v) for n, v in values})
            with watched_workers():
                halt = optimise(run, stop)
            finish(run, halt)
            accelerator.wait_for_everyone()
            accelerator.end_training()
        finally:
            if lock:
                lock.release()


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done or stopped on request, 1 the training or the push failed, 2 a mistake in the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        train(parse_run(arguments, str(__doc__)), f"{SCRIPT} {shlex.join(without_secrets(arguments))}")
    except (*MISTAKES, TrainingLost, WorkerLost, HubError, OSError) as error:
        if os.environ.get("RANK", "0") == "0":
            print(f"{SCRIPT}: {sentence_of(error)}", file=sys.stderr)
        return 2 if isinstance(error, MISTAKES) else 1
    return 0


def sentence_of(error: Exception) -> str:
    """What went wrong and what to do about it."""
    if not isinstance(error, OSError):
        return str(error)
    reason = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    return f"{reason}; put that right, then go on with --resume_from_checkpoint latest"


if __name__ == "__main__":
    sys.exit(main())
