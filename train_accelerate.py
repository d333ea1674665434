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
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

# PyTorch's threads else spin while they wait for each other: beside other programs that is many times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# The same run gives the same bits: with several threads MKL otherwise sums small matrices in an order of the moment.
os.environ.setdefault("MKL_CBWR", "AUTO")

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object, set_seed
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from f2a.config import ConfigError, TrainConfig
from f2a.data.augment import DataLoaderWorkerError, PairBatch, ShardedBatchSampler, batches, translate_worker_errors
from f2a.data.folder import DataError
from f2a.errors import first_line
from f2a.files import atomic_dir, atomic_write
from f2a.hub import HubError
from f2a.model.checkpoint import CheckpointError
from f2a.model.discriminator import Discriminator
from f2a.publish.model import Pusher
from f2a.publish.model_card import PICTURE, model_card
from f2a.training.arguments import parse_run, public_values, save_run, without_secrets
from f2a.training.attention import attention_map
from f2a.training.checkpoint import (
    TrainState,
    checkpoint_folder,
    pack_optimizer,
    prune_checkpoints,
    saved_state,
    unpack_optimizer,
    write_state,
)
from f2a.training.losses import discriminator_losses, generator_losses, weighted_sum
from f2a.training.monitor import DivergenceError, LossMonitor
from f2a.training.optim import adam, all_finite, frozen, generator_groups, make_ema
from f2a.training.schedule import lr_factor, planned_steps
from f2a.training.setup import TrainingInputs, load_inputs
from f2a.training.signals import GracefulShutdown, lock_output
from f2a.training.trackers import SHOW_PICTURE
from f2a.training.validation import mean_scores, save_picture, validate

MISTAKES = (ConfigError, DataError, CheckpointError)
SCRIPT = "train_accelerate.py"
RUN_FILE, VALIDATION_LOG = "run.yaml", "validation.jsonl"
PICTURED = 4
"""Validation pairs in the picture."""
LOG_EVERY = 10
"""Steps between entries of the tracker, and between agreements of several processes on whether to stop."""

T = TypeVar("T")


class StopReason(NamedTuple):
    """Why a run ends before its last step: it was asked to (SIGTERM, Ctrl-C), or its minutes are over."""

    asked: bool = False
    time_up: bool = False


class Trainer:
    """One training run: networks, optimisers, what they learn from, and how far they are.

    Args:
        config: what to train, and how.
        command: is written into the weights.
        accelerator: the device, and the processes beside this one.
    """

    inputs: TrainingInputs
    generator: nn.Module
    optimizer: Any
    discriminator: nn.Module | None = None
    discriminator_optimizer: Any = None
    average: AveragedModel | None = None
    pusher: Pusher | None = None

    def __init__(self, config: TrainConfig, command: str, accelerator: Accelerator) -> None:
        self.config, self.command, self.accelerator = config, command, accelerator
        self.output = Path(config.output_dir)
        self.monitor = LossMonitor(config.divergence_factor)
        self.part = ShardedBatchSampler(config.train_batch_size, accelerator.process_index, accelerator.num_processes)
        self.global_batch_size = (
            config.train_batch_size * config.gradient_accumulation_steps * accelerator.num_processes
        )
        self.step = self.steps = self.samples_seen = 0
        self.best: dict[str, float] = {}
        self.scores: dict[str, float] = {}
        self.started = time.monotonic()

    def setup(self, inputs: TrainingInputs, pairs: int) -> "Trainer":
        """Networks and optimisers at the start of a run; an epoch has ``pairs`` pairs."""
        config, device, layout = self.config, self.accelerator.device, torch.channels_last
        self.inputs, self.steps = inputs, planned_steps(config, pairs, self.global_batch_size)
        generator: Any = inputs.checkpoint.generator.train().to(device, memory_format=layout)  # type: ignore[call-overload]
        generator.encoder.requires_grad_(not config.freeze_encoder)
        self.average = make_ema(generator, config.ema_decay) if config.use_ema else None
        optimizer = adam(generator_groups(generator, config), config)
        self.generator, self.optimizer = self.accelerator.prepare(generator, optimizer)
        if config.adversarial_weight:
            discriminator = Discriminator().train().to(device, memory_format=layout)  # type: ignore[call-overload]
            groups = [{"params": list(discriminator.parameters()), "lr": config.discriminator_learning_rate}]
            prepared = self.accelerator.prepare(discriminator, adam(groups, config))
            self.discriminator, self.discriminator_optimizer = prepared
        self.perceptual = inputs.perceptual and inputs.perceptual.to(device)
        if config.push_to_hub and self.accelerator.is_main_process:
            copies = self.output / ".pushing"
            self.pusher = Pusher(repo_id(config), copies, private=config.hub_private_repo, token=config.hub_token)
        return self

    def train_loop(self, shutdown: GracefulShutdown) -> StopReason:
        """Take steps to the run's end, or until it should stop before that."""
        config = self.config
        crops = batches(self.inputs.crops, self.part, self.samples_seen, config.dataloader_num_workers)
        schedulers = self.schedulers()
        silent = not self.accelerator.is_main_process
        with tqdm(total=self.steps, initial=self.step, unit="step", mininterval=5, disable=silent) as bar:
            while self.step < self.steps:
                if any(reason := self.should_stop(shutdown)):
                    return reason
                self.optimizer_step(crops)
                self.log_progress(bar)
                for scheduler in schedulers:
                    scheduler.step()
                if self.inputs.validation and self.step % config.validation_steps == 0:
                    self.validate()
                if config.checkpointing_steps and self.step % config.checkpointing_steps == 0:
                    self.save_checkpoint()
                    if self.pusher and config.hub_interim_pushes:
                        self.pusher.offer(self.output / "best", self.report)
        return StopReason()

    def optimizer_step(self, crops: Iterator[PairBatch]) -> None:
        """One step of the weights: a batch (or several), the moving average, a look at the losses."""
        taken = [next(crops).to(self.accelerator.device) for _ in range(self.config.gradient_accumulation_steps)]
        losses = [self.training_step(batch) for batch in taken]
        if self.average:
            self.average.update_parameters(self.accelerator.unwrap_model(self.generator))
        self.step, self.samples_seen = self.step + 1, self.samples_seen + self.global_batch_size
        means = torch.stack([torch.stack([*one.values()]) for one in losses]).mean(0)
        files = [file for batch in taken for file in batch.files]
        self.monitor.update(self.step, tuple(losses[0]), self.accelerator.reduce(means, "mean"), files)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """One batch of the paper's algorithm (arXiv 1912.08813, section 3); the losses by name.

        Both networks learn from one pass of the generator, the discriminator first; under gradient accumulation their
        weights move at the last batch only, so there the generator is judged by the discriminator of the step before.
        """
        flash, ambient, _ = batch
        attention = attention_map(flash, ambient) if self.config.guided != "none" else 1.0
        networks = [network for network in (self.generator, self.discriminator) if network is not None]
        with self.accelerator.accumulate(*networks):
            relit = self.generator(flash)
            if self.discriminator is None:
                losses = generator_losses(self.config, relit, ambient, attention, None, self.perceptual)
                self.descend(self.optimizer, weighted_sum(self.config, losses))
            else:
                judged = attention if self.config.judges_guided else 1.0
                discriminator_loss = discriminator_losses(self.discriminator, relit, ambient, judged).total
                self.descend(self.discriminator_optimizer, discriminator_loss)
                # the bare model: DistributedDataParallel would await gradients of the frozen weights
                with frozen(self.accelerator.unwrap_model(self.discriminator)) as discriminator:
                    losses = generator_losses(self.config, relit, ambient, attention, discriminator, self.perceptual)
                self.descend(self.optimizer, weighted_sum(self.config, losses))
                losses["discriminator"] = discriminator_loss
        return {name: loss.detach() for name, loss in losses.items()}

    def descend(self, optimizer: Any, loss: Tensor) -> None:
        self.accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()

    def validate(self) -> None:
        """Figures to the log, a picture to disk and tracker, the best weights so far to ``best``."""
        self.monitor.flush()
        device, pixels = self.accelerator.device, self.inputs.checkpoint.architecture.working_pixels
        mine = self.inputs.validation[self.part.process :: self.part.processes]
        rows = [validate(self.eval_model(), pair, pixels, self.config.normalize_exposure, device) for pair in mine]
        scores = mean_scores(gather_object([row.scores for row in rows]))
        self.scores = {"step": self.step, "minutes": round(self.minutes, 1)} | scores._asdict()
        better = scores.psnr > self.best.get("psnr", -math.inf)
        self.best = self.scores if better else self.best
        if self.accelerator.is_main_process:
            self.report(json.dumps(self.scores))
            with (self.output / VALIDATION_LOG).open("a") as log:
                log.write(json.dumps(self.scores) + "\n")
            picture = save_picture([row.views for row in rows[:PICTURED]], self.picture_file)
            self.accelerator.log({f"validation/{n}": value for n, value in scores._asdict().items()}, step=self.step)
            for tracker in self.accelerator.trackers:
                SHOW_PICTURE[tracker.name](tracker, picture, self.step)
            if better:
                self.save_model("best")

    def save_model(self, name: str) -> None:
        """Write the weights to use, as a folder that ``Relighter.from_pretrained`` reads."""
        kept = copy.copy(self.inputs.checkpoint)
        kept.generator = self.eval_model()  # type: ignore[assignment]
        kept.training = {
            "command": self.command,
            "seed": self.config.seed,
            "data": [*self.config.train_data_dir, *filter(None, [self.config.dataset_name])],
            "steps": self.step,
            "validation": self.scores,
        }
        with atomic_dir(self.output / name) as folder:
            kept.save(folder)
            if pictured := self.picture_file.exists():
                shutil.copy(self.picture_file, folder / PICTURE)
            card = model_card(self.config, kept.architecture, kept.training, repo_id(self.config), pictured=pictured)
            (folder / "README.md").write_text(card, "utf-8")

    def save_checkpoint(self) -> None:
        """Write a checkpoint from which the run goes on exactly; between steps, so no gradient is on its way."""
        self.monitor.flush()
        if not all(all_finite(module) for module in self.modules.values()):
            raise DivergenceError(f"step {self.step}: a weight is not finite; lower --learning_rate")
        random = self.accelerator.gather(torch.get_rng_state()[None].to(self.accelerator.device))
        if self.accelerator.is_main_process:
            parts = {name: module.state_dict() for name, module in self.modules.items()}
            parts |= {name: pack_optimizer(optimizer) for name, optimizer in self.optimizers.items()}
            scaler = self.accelerator.scaler
            facts = {
                "step": self.step,
                "drawn": self.samples_seen,
                "best": self.best,
                "scores": self.scores,
                "losses": self.monitor.means,
                "processes": self.part.processes,
                "config": public_values(self.config),
                "pairs": self.inputs.crops.draws.fingerprint(),
                "scaler": scaler.state_dict() if scaler else None,
            }
            write_state(checkpoint_folder(self.output, self.step), parts | {"random": {"cpu": random}}, facts)
            prune_checkpoints(self.output, self.config.checkpoints_total_limit)

    def load_checkpoint(self, state: TrainState) -> None:
        """Be where the run was when ``state`` was saved."""
        parts, facts = state
        try:
            for name, module in self.modules.items():
                module.load_state_dict(parts[name])
            for name, optimizer in self.optimizers.items():
                unpack_optimizer(optimizer, parts[name])
            self.step, self.samples_seen = facts["step"], facts["drawn"]
            self.best, self.scores = facts["best"], facts["scores"]
            if self.accelerator.scaler and facts["scaler"]:
                self.accelerator.scaler.load_state_dict(facts["scaler"])
        except (KeyError, RuntimeError, ValueError, IndexError) as error:
            raise CheckpointError(
                f"the checkpoint does not fit this run ({first_line(error)}): give the flags it was made with"
            ) from None
        random = parts["random"]["cpu"]
        if len(random) == self.part.processes:
            torch.set_rng_state(random[self.part.process])
        for name, value in public_values(self.config).items():
            if name != "resume_from_checkpoint" and (before := facts["config"].get(name)) != value:
                self.report(f"changed since the checkpoint: {name} was {before!r}, is {value!r}")
        if facts.get("pairs") not in (None, self.inputs.crops.draws.fingerprint()):
            what = "the pairs to learn from; the run goes on with those that are there now"
            self.report(f"changed since the checkpoint: {what}")
        self.report(f"going on at step {self.step}")
        log = self.output / VALIDATION_LOG
        if self.accelerator.is_main_process and log.exists():
            lines = log.read_text("utf-8", "replace").splitlines(keepends=True)
            with atomic_write(log) as beside:
                beside.write_text("".join(line for line in lines if step_of(line) <= self.step), "utf-8")

    def finish(self, reason: StopReason) -> None:
        """Save what was learnt; say how to resume after a stop; push when the run was not asked to stop."""
        if not reason.asked:
            if self.inputs.validation and self.scores.get("step") != self.step:
                self.validate()
            self.monitor.flush()
            if self.accelerator.is_main_process:
                self.save_model("last")
        self.save_checkpoint()
        if self.step < self.steps:
            resume = f"--config {shlex.quote(str(self.output / RUN_FILE))} --resume_from_checkpoint latest"
            command = f"accelerate launch {SCRIPT} {resume}"
            self.report(f"stopped at step {self.step} of {self.steps}; go on with: {command}")
        if self.pusher and not reason.asked:
            weights = "best" if self.inputs.validation else "last"
            self.report(f"pushed to {self.pusher.push(self.output / weights)}")

    def should_stop(self, shutdown: GracefulShutdown) -> StopReason:
        """Whether to stop now; several processes agree on it every few steps, for they must do it at the same one."""
        time_up = self.minutes >= (self.config.max_train_minutes or math.inf)
        if self.accelerator.num_processes == 1:
            return StopReason(shutdown.asked, time_up)
        if self.step % LOG_EVERY:
            return StopReason()
        votes = torch.tensor([shutdown.asked, time_up], dtype=torch.float32, device=self.accelerator.device)
        return StopReason(*(vote > 0 for vote in self.accelerator.reduce(votes, "sum").tolist()))

    def log_progress(self, bar: "tqdm[Any]") -> None:
        """Losses and images/s on the bar, which knows the remaining time, and every few steps in the tracker."""
        bar.update()
        if bar.disable:
            return
        meter = bar.format_dict
        rate = meter["rate"] or (meter["n"] - meter["initial"]) / max(meter["elapsed"], 1e-9)
        losses, speed = self.monitor.means, self.global_batch_size * rate
        shown = {name: f"{loss:.4f}" for name, loss in losses.items()} | {"images/s": f"{speed:.1f}"}
        bar.set_postfix(shown, refresh=False)
        if self.step % LOG_EVERY == 0:
            rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in self.optimizers.items()}
            values = {f"loss/{name}": loss for name, loss in losses.items()} | {"images_per_second": speed}
            self.accelerator.log(values | {f"learning_rate/{n}": lr for n, lr in rates.items()}, step=self.step)

    def schedulers(self) -> list[LambdaLR]:
        """One for each optimiser, at the run's step: a function of the step alone, so that a resume needs no state."""
        factor = partial(lr_factor, self.config, steps=self.steps)
        return [LambdaLR(optimizer, factor, last_epoch=self.step - 1) for optimizer in self.optimizers.values()]

    @property
    def modules(self) -> dict[str, nn.Module]:
        """Everything with weights, by its name in a checkpoint."""
        modules = {"generator": self.accelerator.unwrap_model(self.generator), "average": self.average}
        modules["discriminator"] = self.discriminator and self.accelerator.unwrap_model(self.discriminator)
        return {name: module for name, module in modules.items() if module is not None}

    @property
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        optimizers = {"generator": self.optimizer, "discriminator": self.discriminator_optimizer}
        return {f"{name}_optimizer": wrapper.optimizer for name, wrapper in optimizers.items() if wrapper}

    @property
    def minutes(self) -> float:
        return (time.monotonic() - self.started) / 60

    @property
    def picture_file(self) -> Path:
        return self.output / "pictures" / f"{self.step:06d}.png"

    def eval_model(self) -> nn.Module:
        """The weights that are validated and saved."""
        model: nn.Module = self.average.module if self.average else self.accelerator.unwrap_model(self.generator)
        return model

    def report(self, sentence: str) -> None:
        if self.accelerator.is_main_process:
            tqdm.write(sentence)


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


def main_process_first(accelerator: Accelerator, work: Callable[[], T]) -> T:
    """``work`` on each machine's first process, then on the others, who find its files; a mistake of one ends all."""
    result, mistake = None, None
    with accelerator.local_main_process_first():
        try:
            result = work()
        except MISTAKES as error:
            mistake = str(error)
    for sentence in gather_object([mistake]):
        if sentence:
            raise ConfigError(sentence)
    return result  # type: ignore[return-value]


def repo_id(config: TrainConfig) -> str:
    return config.hub_model_id or Path(config.output_dir).resolve().name


def step_of(line: str) -> float:
    """The step of a line of the validation log; of one that a kill or a full disk cut off, one that never comes."""
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


def train(config: TrainConfig, command: str) -> None:
    """Train as ``config`` says; ``command`` is written into the weights."""
    with GracefulShutdown() as shutdown:
        accelerator, output = make_accelerator(config), Path(config.output_dir)
        trainer = Trainer(config, command, accelerator)
        set_seed(config.seed)
        lock = main_process_first(accelerator, lambda: lock_output(output) if accelerator.is_main_process else None)
        try:
            resume = config.resume_from_checkpoint
            state = main_process_first(accelerator, lambda: saved_state(output, resume, trainer.report))
            inputs = main_process_first(accelerator, lambda: load_inputs(config, trainer.report))
            trainer.setup(inputs, len(inputs.crops.draws))
            if state:
                main_process_first(accelerator, lambda: trainer.load_checkpoint(state))
            if accelerator.is_main_process:
                save_run(config, output / RUN_FILE)
            values = public_values(config).items()
            accelerator.init_trackers("f2a", {n: v if isinstance(v, (int, float)) else str(v) for n, v in values})
            with translate_worker_errors():
                reason = trainer.train_loop(shutdown)
            trainer.finish(reason)
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
    except (*MISTAKES, DivergenceError, DataLoaderWorkerError, HubError, OSError) as error:
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
