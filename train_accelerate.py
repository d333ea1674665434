"""Train a generator on flash/ambient pairs, on one device with python or on several with accelerate launch."""

import copy
import math
import os
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from f2a.cli import wait_briefly

wait_briefly()
# So that the same run gives the same bits: with several threads, MKL otherwise sums small matrices in varying order.
os.environ.setdefault("MKL_CBWR", "AUTO")

from f2a.errors import missing_library

try:
    import torch
    from accelerate import Accelerator
    from accelerate.utils import gather_object, set_seed
except ModuleNotFoundError as error:
    sys.exit(f"train_accelerate.py: {missing_library(error)}")
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from f2a.config import TrainConfig
from f2a.data.augment import PairCrops, ShardedBatchSampler, batches, translate_worker_errors
from f2a.model.discriminator import Discriminator
from f2a.publish.model import Pusher, write_model
from f2a.training import checkpoint, processes, validation
from f2a.training.arguments import RUN_FILE, SCRIPT, parse_run, public_values, save_run, without_secrets
from f2a.training.losses import attention_map, discriminator_loss, generator_losses, weighted_sum
from f2a.training.messages import error_sentence, result_lines, scores_sentence, stop_sentence
from f2a.training.monitor import LossMonitor, check_weights
from f2a.training.optim import adam, frozen, generator_groups, lr_schedulers, make_ema, planned_steps
from f2a.training.processes import any_process, main_process_first, make_accelerator, precision_notes
from f2a.training.progress import LOG_EVERY, Progress, log_validation
from f2a.training.setup import TrainingInputs, load_inputs
from f2a.training.signals import GracefulShutdown, StopReason, lock_output


class Trainer:
    """One training run: networks, optimisers, data and progress."""

    inputs: TrainingInputs
    generator: nn.Module
    eval_model: nn.Module  # the network that is validated and saved
    optimizer: Any
    discriminator: nn.Module | None = None
    discriminator_optimizer: Any = None
    average: AveragedModel | None = None
    pusher: Pusher | None = None
    modules: dict[str, nn.Module]  # by name in a checkpoint, without accelerate's wrappers
    optimizers: dict[str, torch.optim.Optimizer]

    def __init__(self, config: TrainConfig, command: str, accelerator: Accelerator) -> None:
        self.config, self.command, self.accelerator = config, command, accelerator
        self.output = Path(config.output_dir)
        self.monitor = LossMonitor(config.divergence_factor)
        self.shard = ShardedBatchSampler(config.train_batch_size, accelerator.process_index, accelerator.num_processes)
        micro_batches = config.gradient_accumulation_steps * accelerator.num_processes
        self.global_batch_size = config.train_batch_size * micro_batches
        self.step = self.steps = self.samples_seen = 0
        self.best, self.scores = dict[str, float](), dict[str, float]()
        self.started = time.monotonic()

    def setup(self, inputs: TrainingInputs, pairs: int) -> "Trainer":
        """Create networks and optimisers for the start of a run; an epoch has ``pairs`` pairs."""
        config, device, layout = self.config, self.accelerator.device, torch.channels_last
        self.inputs, self.steps = inputs, planned_steps(config, pairs, self.global_batch_size)
        generator = inputs.checkpoint.generator.train().to(device, memory_format=layout)
        self.modules, self.eval_model = {"generator": generator}, generator
        if config.use_ema:  # copied before accelerate replaces the generator's forward
            self.modules["average"] = self.average = make_ema(generator, config.ema_decay)
            self.eval_model = self.average.module
        self.optimizers = {"generator_optimizer": adam(config, *generator_groups(generator, config))}
        self.generator, self.optimizer = self.accelerator.prepare(generator, *self.optimizers.values())
        if config.adversarial_weight:
            discriminator = Discriminator().train().to(device, memory_format=layout)
            optimizer = adam(config, (config.discriminator_learning_rate, discriminator.parameters()))
            self.modules["discriminator"], self.optimizers["discriminator_optimizer"] = discriminator, optimizer
            self.discriminator, self.discriminator_optimizer = self.accelerator.prepare(discriminator, optimizer)
        self.perceptual = inputs.perceptual and inputs.perceptual.to(device)
        return self

    @translate_worker_errors()
    def train_loop(self, shutdown: GracefulShutdown) -> StopReason:
        """Train to the end of the run, or until it should stop earlier."""
        config, accelerator = self.config, self.accelerator
        crops = batches(self.inputs.crops, self.shard, self.samples_seen, config.dataloader_num_workers)
        schedulers = lr_schedulers(config, self.optimizers.values(), self.step, self.steps)
        progress = Progress(accelerator, self.step, self.steps, config.max_train_minutes, self.global_batch_size)
        with progress.bar:
            while self.step < self.steps:
                if any(reason := self.should_stop(shutdown)):
                    return reason
                self.optimizer_step(crops)
                progress.update(self.step, self.minutes, self.monitor.means, self.optimizers)
                for scheduler in schedulers:
                    scheduler.step()
                if self.inputs.validation and self.step % config.validation_steps == 0:
                    self.validate()
                if config.checkpointing_steps and self.step % config.checkpointing_steps == 0:
                    self.save_checkpoint()
                    if self.pusher and config.hub_interim_pushes:
                        self.pusher.push_in_background(self.output / "best", self.report)
        return StopReason()

    def optimizer_step(self, crops: Iterator[PairCrops]) -> None:
        """Update the weights from one or several batches, then their average, and check the losses."""
        config, device = self.config, self.accelerator.device
        micro_batches = [next(crops).to(device) for _ in range(config.gradient_accumulation_steps)]
        losses = [self.training_step(batch) for batch in micro_batches]
        if self.average:
            self.average.update_parameters(self.modules["generator"])
        self.step, self.samples_seen = self.step + 1, self.samples_seen + self.global_batch_size
        means = torch.stack([torch.stack([*terms.values()]) for terms in losses]).mean(0)
        files = [file for batch in micro_batches for file in batch.files]
        self.monitor.update(self.step, tuple(losses[0]), self.accelerator.reduce(means, "mean"), files)

    def training_step(self, batch: PairCrops) -> dict[str, Tensor]:
        """Train on one batch by the paper's algorithm (arXiv 1912.08813, section 3); return the losses by name.

        Both networks learn from one pass of the generator, the discriminator first. With gradient accumulation, weights
        change at the last batch only, so the generator learns from the discriminator of the step before.
        """
        config, (flash, ambient, _) = self.config, batch
        attention = attention_map(flash, ambient)
        with self.accelerator.accumulate(*filter(None, (self.generator, self.discriminator))):
            relit = self.generator(flash)
            losses = {}
            if self.discriminator is not None:
                losses["discriminator"] = discriminator_loss(config, relit, ambient, attention, self.discriminator)
                self.descend(self.discriminator_optimizer, losses["discriminator"])
            # the bare model, since DistributedDataParallel would wait for gradients of the frozen weights
            with frozen(self.modules.get("discriminator")) as discriminator:
                terms = generator_losses(config, relit, ambient, attention, discriminator, self.perceptual)
            self.descend(self.optimizer, weighted_sum(config, terms))
        return {name: loss.detach() for name, loss in (terms | losses).items()}

    def descend(self, optimizer: Any, loss: Tensor) -> None:
        """Let an optimiser take a step down ``loss``; with gradient accumulation, at the last batch only."""
        self.accelerator.backward(loss)
        optimizer.step()
        optimizer.zero_grad()

    def validate(self) -> None:
        """Log scores, save a picture to disk and tracker, and save the best weights so far to ``best``."""
        self.monitor.flush()
        device, pixels = self.accelerator.device, self.inputs.checkpoint.architecture.working_pixels
        pairs, model = self.inputs.validation[self.shard.process :: self.shard.processes], self.eval_model.eval()
        rows = [validation.validate(model, pair, pixels, self.config.normalize_exposure, device) for pair in pairs]
        model.train()
        means = validation.mean_scores(gather_object([scores for scores, _ in rows]))
        self.scores = {"step": self.step, "minutes": round(self.minutes, 1)} | means
        better = means["psnr"] > self.best.get("psnr", -math.inf)
        self.best = self.scores if better else self.best
        self.report(scores_sentence(self.scores, better))
        if self.accelerator.is_main_process:
            validation.log_scores(self.output, self.scores)
            picture = validation.save_picture([views for _, views in rows], self.picture_file)
            log_validation(self.accelerator, means, picture, self.step)
            if better:
                self.save_model("best")

    def save_model(self, name: str) -> None:
        """Write the weights of ``eval_model`` into the folder ``name`` of the output."""
        weights = copy.copy(self.inputs.checkpoint)
        weights.generator = self.eval_model
        weights.training = {
            "command": self.command,
            "seed": self.config.seed,
            "data": [*self.config.train_data_dir, *filter(None, [self.config.dataset_name])],
            "steps": self.step,
            "validation": self.scores,
        }
        write_model(self.output / name, weights, self.config, self.picture_file)

    def save_checkpoint(self) -> None:
        """Write a checkpoint from which the run continues exactly; call it between steps, with no gradient pending."""
        self.monitor.flush()
        check_weights(self.step, self.modules.values())
        random = self.accelerator.gather(torch.get_rng_state()[None].to(self.accelerator.device))
        if self.accelerator.is_main_process:
            metadata = {
                "step": self.step,
                "drawn": self.samples_seen,
                "best": self.best,
                "scores": self.scores,
                "losses": self.monitor.means,
                "processes": self.shard.processes,
                "config": public_values(self.config),
                "pairs": self.inputs.crops.mixture.fingerprint(),
                "scaler": self.accelerator.scaler and self.accelerator.scaler.state_dict(),
            }
            tensors = checkpoint.pack_state(self.modules, self.optimizers) | {"random": {"cpu": random}}
            checkpoint.write_state(checkpoint.checkpoint_folder(self.output, self.step), tensors, metadata)
            checkpoint.prune_checkpoints(self.output, self.config.checkpoints_total_limit)

    def load_checkpoint(self, state: checkpoint.TrainState) -> None:
        """Continue from where the run was when ``state`` was saved."""
        tensors, metadata = state
        with checkpoint.misfit_errors():
            checkpoint.unpack_state(tensors, self.modules, self.optimizers)
            self.step, self.samples_seen = metadata["step"], metadata["drawn"]
            self.best, self.scores = metadata["best"], metadata["scores"]
            if self.accelerator.scaler and metadata["scaler"]:
                self.accelerator.scaler.load_state_dict(metadata["scaler"])
        random = tensors["random"]["cpu"]
        if len(random) == self.shard.processes:
            torch.set_rng_state(random[self.shard.process].clone())  # PyTorch 2.13 crashes on a view that has an offset
        pairs = self.inputs.crops.mixture.fingerprint()
        changes = checkpoint.changes(metadata, public_values(self.config), pairs)
        self.report(*changes, f"continuing at step {self.step}")
        if self.accelerator.is_main_process:
            validation.truncate_log(self.output, self.step)

    def finish(self, reason: StopReason) -> None:
        """Save the results and say what to do next; push unless the run was asked to stop."""
        if not reason.requested:
            if self.inputs.validation and self.scores.get("step") != self.step:
                self.validate()
            self.monitor.flush()
            if self.accelerator.is_main_process:
                self.save_model("last")
        self.save_checkpoint()
        if self.step < self.steps:
            self.report(stop_sentence(self.config, reason, self.step, self.steps, self.shard.processes))
        if not reason.requested:
            self.report(*result_lines(self.output, self.best))
            self.accelerator.wait_for_everyone()  # only the main process pushes, and fails if the Hub refuses
            if self.pusher:
                self.report(f"pushed to {self.pusher.push(self.output / ('best' if self.best else 'last'))}")

    def should_stop(self, shutdown: GracefulShutdown) -> StopReason:
        """Whether to stop now; several processes agree on it, since they must stop at the same step.

        GPUs must wait for each other to agree, so they do it only every few steps, which on CPUs would take minutes.
        """
        if self.accelerator.num_processes > 1 and self.accelerator.device.type != "cpu" and self.step % LOG_EVERY:
            return StopReason()
        limit = self.config.max_train_minutes
        time_up = limit is not None and self.minutes >= limit
        return StopReason(*any_process(shutdown.requested, time_up))

    @property
    def minutes(self) -> float:
        """Minutes since this process started; those before a resumption do not count."""
        return (time.monotonic() - self.started) / 60

    @property
    def picture_file(self) -> Path:
        """Path of the validation's picture at the current step."""
        return self.output / "pictures" / f"{self.step:06d}.png"

    def report(self, *sentences: str) -> None:
        """Print sentences above the bar, in the main process only."""
        for sentence in sentences if self.accelerator.is_main_process else ():
            tqdm.write(sentence)


def train(config: TrainConfig, command: str) -> None:
    """Train as ``config`` says; ``command`` is recorded with the weights."""
    with GracefulShutdown() as shutdown, ExitStack() as stack:
        accelerator, output, resume = make_accelerator(config), Path(config.output_dir), config.resume_from_checkpoint
        stack.callback(accelerator.end_training)  # also after an error: the process group must not outlive Python
        trainer = Trainer(config, command, accelerator)
        trainer.report(*precision_notes(accelerator))
        set_seed(config.seed)
        if lock := main_process_first(accelerator, lambda: accelerator.is_main_process and lock_output(output)):
            stack.enter_context(lock)
        if config.push_to_hub:  # so that a refusal by the Hub comes now and not after hours
            trainer.pusher = main_process_first(accelerator, lambda: accelerator.is_main_process and Pusher(config))
        state = main_process_first(accelerator, lambda: checkpoint.saved_state(output, resume, trainer.report))
        inputs = main_process_first(accelerator, lambda: load_inputs(config, trainer.report))
        trainer.setup(inputs, len(inputs.crops.mixture))
        if state:
            main_process_first(accelerator, lambda: trainer.load_checkpoint(state))
        if accelerator.is_main_process:
            save_run(config, output / RUN_FILE)
        values = public_values(config).items()
        accelerator.init_trackers("f2a", {n: v if isinstance(v, (int, float)) else str(v) for n, v in values})
        trainer.finish(trainer.train_loop(shutdown))


def main(arguments: list[str] | None = None) -> int:
    """Return the exit status: 0 done or stopped on request, 1 training or push failed, 2 a mistake in the command."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        train(parse_run(arguments, str(__doc__)), f"{SCRIPT.name} {shlex.join(without_secrets(arguments))}")
    except (*processes.MISTAKES, *processes.FAILURES) as error:
        if os.environ.get("RANK", "0") == "0" or not isinstance(error, processes.COMMON):
            print(f"{SCRIPT.name}: {error_sentence(error)}", file=sys.stderr)
        return 2 if isinstance(error, processes.MISTAKES) else 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
