"""The training script itself, in this process, on pairs of a few pixels."""

import importlib.util
import json
import math
import re
import runpy
import shlex
import signal
import sys
from functools import partial
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
import torch
from accelerate import Accelerator
from PIL import Image
from safetensors.torch import load_file

import f2a.cli
import train_accelerate
from f2a.config import RECIPES, ConfigError, TrainConfig
from f2a.images import EXAMPLE
from f2a.model.checkpoint import BUNDLED, Checkpoint
from f2a.training.arguments import parse_run
from f2a.training.checkpoint import TrainState, pack_state
from f2a.training.monitor import DivergenceError, LossMonitor
from f2a.training.optim import lr_factor, planned_steps
from f2a.training.processes import precision_notes
from f2a.training.progress import Progress
from f2a.training.setup import TrainingInputs, build_checkpoint, load_inputs
from f2a.training.signals import GracefulShutdown, lock_output
from tests.support.pairs import write_pairs
from tests.training.conftest import ADVERSARIAL, assert_same_end, set_up

NAMES = ("reconstruction",)


def test_a_run_leaves_weights_figures_a_picture_its_flags_and_a_command_that_works(train, pairs, tmp_path, capsys):
    assert train("run", "--validation_dir", str(pairs), "--validation_steps", "2") == 0
    output = tmp_path / "run"
    rows = [json.loads(line) for line in (output / "validation.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4]
    best = Checkpoint.load(output / "best").training
    assert best["validation"] == max(rows, key=lambda row: row["psnr"])
    assert Checkpoint.load(output / "last").training["command"].startswith("train_accelerate.py --train_data_dir")
    assert Image.open(output / "pictures" / "000004.png").size == (4 * 240, 16 + 4 * 180)
    assert parse_run(["--config", str(output / "run.yaml")], "").max_train_steps == 4
    *printed, weights, pictures, command = capsys.readouterr().out.splitlines()
    (line,) = [line for line in printed if line.startswith("step 2, ")]
    assert f"PSNR {rows[0]['psnr']:.2f} dB, SSIM {rows[0]['ssim']:.3f} (the flash photos " in line
    assert line.endswith("; the best so far")
    assert not [line for line in printed if "{" in line]
    assert weights.startswith(f"weights: {output}/best (step {best['validation']['step']}, PSNR ")
    assert pictures == f"pictures: {output}/pictures"
    program = shlex.split(command.removeprefix("try them: "))
    assert program[:3] == ["python", "-m", "f2a"]
    assert f2a.cli.main(program[3:]) == 0
    assert Image.open(output / "relit.jpg").size == Image.open(EXAMPLE).size


def test_what_is_validated_is_the_network_as_it_is_used(train, pairs, tmp_path):
    still = ["--head", "sigmoid", "--exposure", "none", "--learning_rate", "0", "--encoder_learning_rate", "0"]
    for dropout in ("0", "0.9"):
        flags = [*still, "--encoder_dropout", dropout, "--validation_dir", str(pairs), "--max_train_steps", "1"]
        assert train(dropout, *flags) == 0
    one, other = (json.loads((tmp_path / name / "validation.jsonl").read_text()) for name in ("0", "0.9"))
    assert one["psnr"] == other["psnr"]


@pytest.mark.parametrize(
    "flags",
    [pytest.param([], id="reconstruction"), pytest.param(ADVERSARIAL, id="adversarial", marks=pytest.mark.slow)],
)
def test_a_run_that_was_cut_off_ends_as_one_that_was_not(train, through, tmp_path, at_step, monkeypatch, flags):
    undisturbed = through(*flags)

    def die():
        torch.rand(5)
        raise SystemExit(9)

    at_step(3, die)
    with pytest.raises(SystemExit):
        train("cut", "--checkpointing_steps", "2", *flags)
    monkeypatch.undo()
    assert train("cut", "--resume_from_checkpoint", "latest", *flags) == 0
    assert_same_end(undisturbed, tmp_path / "cut")


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken(train, tmp_path, capsys):
    train("through", "--checkpointing_steps", "1", "--checkpoints_total_limit", "2")
    output = tmp_path / "through"
    assert sorted(path.name for path in output.glob("checkpoint-*")) == ["checkpoint-000003", "checkpoint-000004"]
    whole = {p.name: p.read_bytes() for p in (output / "checkpoint-000004").iterdir()}
    damaged = bytearray(whole["generator.safetensors"])
    damaged[-1] ^= 1
    (output / "checkpoint-000004" / "generator.safetensors").write_bytes(damaged)
    assert train("through", "--resume_from_checkpoint", "latest") == 0
    message = capsys.readouterr().out
    assert "checkpoint-000004: generator.safetensors is damaged; using the checkpoint before it" in message
    assert "continuing at step 3" in message
    assert (output / "checkpoint-000004" / "generator.safetensors").read_bytes() == whole["generator.safetensors"]


def test_asked_to_stop_it_saves_and_says_how_to_go_on(train, through, tmp_path, at_step, capsys):
    """Stop by SIGTERM in step 2, and by Ctrl-C in step 3."""
    undisturbed, signals = through(), {2: signal.SIGTERM, 3: signal.SIGINT}
    before = [signal.getsignal(number) for number in signals.values()]
    for step, number in signals.items():
        at_step(step - 1, partial(signal.raise_signal, number))
    assert train("run") == 0
    for step in signals:
        assert [signal.getsignal(number) for number in signals.values()] == before
        messages = capsys.readouterr().out.splitlines()
        (line,) = [line for line in messages if line.startswith(f"stopped at step {step} of 4")]
        assert not (tmp_path / "run" / "last").exists()
        assert train_accelerate.main(line.partition("train_accelerate.py ")[2].split()) == 0
    assert_same_end(undisturbed, tmp_path / "run")


def test_a_frozen_encoder_stays_and_the_rest_moves(train, tmp_path):
    assert train("run", "--freeze_encoder", "--no-use_ema", "--max_train_steps", "2") == 0
    architecture = Checkpoint.load(tmp_path / "run" / "last").architecture
    train_accelerate.set_seed(0)
    start = Checkpoint(architecture).generator.state_dict()
    end = load_file(tmp_path / "run" / "checkpoint-000002" / "generator.safetensors")
    moved = {name.partition(".")[0] for name, tensor in start.items() if not tensor.equal(end[name])}
    assert moved == {"decoder", "head"}


def test_without_an_adversarial_term_no_discriminator_is_built(train, monkeypatch):
    monkeypatch.setattr(train_accelerate, "Discriminator", None)
    assert train("run", "--max_train_steps", "1") == 0


def test_accumulated_batches_make_one_step_like_a_large_batch(train, tmp_path):
    assert train("large", "--train_batch_size", "4", "--max_train_steps", "1") == 0
    assert train("small", "--gradient_accumulation_steps", "2", "--max_train_steps", "1") == 0
    large, small = (load_file(tmp_path / n / "checkpoint-000001" / "average.safetensors") for n in ("large", "small"))
    for name, tensor in large.items():
        torch.testing.assert_close(small[name], tensor, rtol=1e-4, atol=1e-5)


def test_the_splits_of_a_data_set_are_used(tmp_path, capsys):
    for split, count in (("train", 3), ("test", 2)):
        write_pairs(tmp_path / "faid" / split, count)
    flags = ["--resolution", "32", "--train_batch_size", "1", "--max_train_steps", "1", "--encoder_weights", "none"]
    assert train_accelerate.main(["--train_data_dir", f"{tmp_path}/faid", "--output_dir", f"{tmp_path}/o", *flags]) == 0
    message = capsys.readouterr().out
    assert f"{tmp_path}/faid/train: 3 pairs" in message
    assert f"{tmp_path}/faid/test: 2 pairs" in message
    assert "training on 3 pairs, validating on 2 pairs" in message
    assert (tmp_path / "o" / "validation.jsonl").exists()


def test_a_lost_run_names_step_and_files_and_keeps_no_weights(train, tmp_path, capsys):
    assert train("run", "--learning_rate", "1e38", "--checkpointing_steps", "1", "--no-use_ema") == 1
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert message.startswith("train_accelerate.py: step ")
    assert "lower --learning_rate" in message
    assert not (tmp_path / "run" / "last").exists()


def test_fp16_on_a_cpu_is_said_to_be_ignored():
    asked = SimpleNamespace(mixed_precision="fp16", device=torch.device("cpu"))
    assert "fp16 is ignored on a CPU" in precision_notes(asked)[0]
    assert not precision_notes(SimpleNamespace(mixed_precision="bf16", device=torch.device("cpu")))
    assert not precision_notes(SimpleNamespace(mixed_precision="fp16", device=torch.device("cuda")))


@pytest.mark.parametrize("minutes", ["0", "1e-9"])
def test_minutes_end_a_run_early_with_weights(train, tmp_path, capsys, minutes):
    assert train("run", "--max_train_minutes", minutes) == 0
    printed = capsys.readouterr().out
    asked = f"stopped at step 0, after {float(minutes):g} minutes as asked; to go on for as long again: python "
    assert f"{asked}train_accelerate.py --config" in printed
    assert (tmp_path / "run" / "last" / "model.safetensors").exists()


def progress_shown(capsys, minutes):
    progress = Progress(Accelerator(cpu=True), 0, 3000, minutes, 8)
    progress.bar.mininterval = 0
    with progress.bar:
        progress.update(120, 1.0, {"reconstruction": 0.25}, {})
    return capsys.readouterr().err.splitlines()[-1]


def test_the_bar_counts_steps_or_under_a_time_limit_minutes(capsys):
    assert re.search(r"  4%.* 120/3000 .*reconstruction=0\.2500", progress_shown(capsys, None))
    assert re.search(r" 50%.* 1\.0/2 min, step=120, reconstruction=0\.2500, images/s=", progress_shown(capsys, 2.0))
    assert re.search(r"100%.* 0\.5/0\.5 min, step=120", progress_shown(capsys, 0.5))


def test_a_loss_that_is_not_a_number_is_seen_one_step_late_with_its_files():
    monitor = LossMonitor(0)
    monitor.update(1, NAMES, torch.tensor([math.nan]), ["a_flash.png"])
    with pytest.raises(DivergenceError, match=r"step 1: the reconstruction loss is nan at the pairs a_flash\.png;"):
        monitor.update(2, NAMES, torch.tensor([1.0]), ["b_flash.png"])


def test_a_loss_that_rises_far_above_its_lowest_mean_stops_the_run():
    monitor = LossMonitor(3)
    for step in range(LossMonitor.warmup_steps + 1):
        monitor.update(step, NAMES, torch.tensor([0.1]), [])
    with pytest.raises(DivergenceError, match=r"the mean reconstruction loss rose from 0\.1 to"):
        [monitor.update(step, NAMES, torch.tensor([0.5]), []) for step in range(100)]


MISTAKES = [
    (["--train_data_dir", "/no/such"], "no such folder of pairs"),
    (["--encoder_weights", "/no/such"], "encoder_weights is '/no/such': not weights of efficientnet_lite0"),
    (["--resume_from_checkpoint", "/no/such"], "/no/such: not a complete checkpoint"),
    (["--train_batch_size", "0"], "train_batch_size is 0: give at least 1"),
    (["--learning_rate", "nan"], "learning_rate is nan: give at least 0"),
    (["--crop", "0.9", "0.5"], "the smaller first"),
    (["--adversarial_weight", "1"], "resolution is 32: the adversarial loss needs at least 64 pixels"),
    (["--structural_weight", "1", "--resolution", "6"], "the structural loss needs at least 7 pixels"),
    (["--perceptual_weight", "1", "--resolution", "15"], "the perceptual loss needs at least 16 pixels"),
    (
        ["--perceptual_weight", "1", "--perceptual_network", "efficientnet_lite0", "--resolution", "31"],
        "least 32 pixels",
    ),
    (["--adam_beta1", "2"], "adam_beta1 is 2.0: give at most 0.99999"),
    (["--crop_aspect", "1", "inf"], "crop_aspect is [1.0, inf]: give a finite number"),
    (["--train_data_dir", ""], "train_data_dir is empty: give a value"),
    (["--pair_key", "room"], "pair_key is 'room': it needs a Hub dataset"),
    (["--head", "sigmoid"], "exposure is 'keep' with head 'sigmoid': it needs head 'gain'; give that, or exposure"),
    (["--init_weights", str(BUNDLED), "--head", "tanh", "--exposure", "none"], "was trained with 'gain'"),
    (["--init_weights", str(BUNDLED), "--preset", "vgg16"], "has the encoder 'efficientnet_lite0'"),
    (["--perceptual_weight", "1", "--perceptual_encoder", "/no/such"], "perceptual_encoder is '/no/such': not weights"),
    (["--perceptual_weight", "1", "--perceptual_encoder", "none"], "the perceptual loss needs ImageNet weights"),
    (["--report_to", "trackio"], "report_to is 'trackio': install it"),
    (["--config", "/no/such.yaml"], "/no/such.yaml: cannot be read"),
]


@pytest.mark.parametrize(("flags", "sentence"), MISTAKES, ids=lambda value: value[0] if isinstance(value, list) else "")
def test_a_mistake_gets_one_sentence_and_status_2(train, capsys, monkeypatch, flags, sentence):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert train("run", *flags) == 2
    message = capsys.readouterr().err.strip()
    assert sentence in message
    assert len(message.splitlines()) == 1


def test_weights_to_start_from_take_another_size_and_exposure():
    checkpoint = build_checkpoint(TrainConfig(init_weights=str(BUNDLED), working_pixels=4096, exposure=0.4))
    assert checkpoint.architecture == checkpoint.generator.config
    assert (checkpoint.architecture.working_pixels, checkpoint.architecture.exposure) == (4096, 0.4)


@pytest.mark.parametrize(("error", "lines"), [(ConfigError("a flag"), 0), (OSError("a disk"), 1)])
def test_of_several_processes_one_reports_what_all_meet(monkeypatch, capsys, error, lines):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(train_accelerate, "train", Mock(side_effect=error))
    assert train_accelerate.main([]) == 2 - lines
    assert len(capsys.readouterr().err.splitlines()) == lines


@pytest.mark.usefixtures("interruptible")
def test_a_second_ctrl_c_interrupts_unless_a_launcher_only_passed_on_the_first(monkeypatch):
    with GracefulShutdown() as shutdown:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert shutdown.requested
        shutdown.repeat_s = 0
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    monkeypatch.setattr(train_accelerate, "train", Mock(side_effect=KeyboardInterrupt))
    assert train_accelerate.main([]) == 130


def test_without_accelerate_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(SystemExit, match=r"^train_accelerate.py: accelerate is missing; run: pip install "):
        runpy.run_path(train_accelerate.__file__)


@pytest.mark.parametrize(
    ("output", "flags", "sentence"),
    [
        ("run", ["--push_to_hub"], "run hf auth login, or give --hub_token"),
        ("{run}", [], "continue with --resume_from_checkpoint latest, or choose another --output_dir"),
        ("run", [*ADVERSARIAL, "--resume_from_checkpoint", "{run}/checkpoint-000004"], "does not fit this run"),
    ],
    ids=["a push without a token", "a folder with a run in it", "a checkpoint of another run"],
)
def test_what_cannot_go_on_is_refused_before_it_trains(train, through, capsys, monkeypatch, output, flags, sentence):
    monkeypatch.setattr("f2a.publish.model.get_token", lambda: None)
    assert train(output.format(run=through()), *(flag.format(run=through()) for flag in flags)) == 2
    assert sentence in capsys.readouterr().err


def test_a_second_run_in_one_folder_is_refused_until_the_first_has_ended(train, tmp_path, capsys, monkeypatch):
    with lock_output(tmp_path / "run"):
        assert train("run") == 2
    assert "another run is training there" in capsys.readouterr().err
    locks = []  # kept, since a collected lock is released, too
    monkeypatch.setattr(train_accelerate, "lock_output", lambda output: locks.append(lock_output(output)) or locks[0])
    assert train("run", "--max_train_steps", "1") == 0
    with lock_output(tmp_path / "run"):
        assert len(locks) == 1


def test_flags_win_over_the_file_and_the_file_over_the_recipe(tmp_path):
    (tmp_path / "run.yaml").write_text("recipe: paper\nlearning_rate: 1e-3\ntrain_batch_size: 4\n")
    config = parse_run(["--config", str(tmp_path / "run.yaml"), "--train_batch_size", "2"], "")
    assert (config.preset, config.learning_rate, config.train_batch_size) == ("vgg16", 1e-3, 2)
    (tmp_path / "run.json").write_text('{\n\t"train_batch_size": 3\n}\n')  # not YAML
    assert parse_run(["--config", str(tmp_path / "run.json")], "") == TrainConfig(train_batch_size=3)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("lerning_rate: 1", "unknown field 'lerning_rate'"),
        ("seed: much", "seed is 'much'"),
        ("[1, 2]", "has no table of flags"),
        ("a: [", "not valid yaml"),
        ("guided: true", "guided is True: expected str"),
        ("recipe: soup", "recipe is 'soup'"),
    ],
)
def test_a_file_of_flags_with_a_mistake_is_named(tmp_path, text, sentence):
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(ConfigError) as error:
        parse_run(["--config", str(tmp_path / "run.yaml")], "")
    assert "run.yaml: " in str(error.value)
    assert sentence in str(error.value)


def test_the_papers_recipe_and_the_default_are_what_they_were():
    paper = RECIPES["paper"]
    assert parse_run(["--recipe", "paper"], "") == paper
    assert parse_run([], "") == RECIPES["f2a"] == TrainConfig()
    assert (paper.adam_beta1, paper.learning_rate, paper.discriminator_learning_rate) == (0.5, 2e-5, 2e-6)
    assert (paper.train_batch_size, paper.crop, paper.resolution) == (8, [0.8, 1.0], 224)
    assert (paper.use_ema, paper.normalize_exposure, paper.guided) == (False, False, "both")


@pytest.mark.slow
def test_the_tracker_gets_losses_scores_and_the_picture(train, pairs, tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    flags = ("--max_train_steps", "10", "--validation_steps", "10", "--report_to", "tensorboard")
    assert train("run", "--validation_dir", str(pairs), *flags) == 0
    log = events.EventAccumulator(str(tmp_path / "run" / "f2a"))
    log.Reload()
    assert {"loss/reconstruction", "validation/psnr", "validation/flash_psnr"} <= set(log.Tags()["scalars"])
    (picture,) = log.Images("validation")
    assert (picture.step, picture.width) == (10, 960)


def test_learning_rates_rise_then_fall():
    config = TrainConfig(lr_warmup_steps=2)
    assert [lr_factor(config, step, 6) for step in (0, 1, 2, 4)] == pytest.approx([0.5, 1, 1, 0.5])
    assert lr_factor(TrainConfig(lr_warmup_steps=0, lr_scheduler="linear"), 3, 4) == pytest.approx(0.25)


def test_steps_win_over_epochs():
    assert planned_steps(TrainConfig(num_train_epochs=3), pairs=10, global_batch_size=4) == 8
    assert planned_steps(TrainConfig(num_train_epochs=3, max_train_steps=5), pairs=10, global_batch_size=4) == 5
    assert planned_steps(TrainConfig(), pairs=10, global_batch_size=4) == 3000


def test_each_process_takes_its_own_random_state_from_a_checkpoint(pairs, tmp_path):
    config = TrainConfig(encoder_weights="none", train_data_dir=[str(pairs)], output_dir=str(tmp_path))
    trainer = set_up(config, load_inputs(config, print))
    torch.manual_seed(1)
    states = torch.stack([torch.get_rng_state().roll(1), torch.get_rng_state()])
    tensors = pack_state(trainer.modules, trainer.optimizers) | {"random": {"cpu": states}}
    trainer.shard = trainer.shard._replace(process=1, processes=2)
    torch.manual_seed(2)
    trainer.load_checkpoint(
        TrainState(tensors, {"step": 3, "drawn": 6, "best": {}, "scores": {}, "config": {}, "pairs": ""})
    )
    assert torch.get_rng_state().equal(states[1])
    assert (trainer.step, trainer.samples_seen) == (3, 6)


def test_the_average_is_validated_by_its_own_forward(monkeypatch):
    """``accelerate`` puts another into the generator for mixed precision; a copy of that would run the generator."""

    def prepare(self, module, optimizer):
        module.forward = lambda image: pytest.fail("the generator itself was asked")
        return module, optimizer

    monkeypatch.setattr(Accelerator, "prepare", prepare)
    config = TrainConfig(encoder_weights="none")
    trainer = set_up(config, TrainingInputs(build_checkpoint(config), [], [], None))
    assert trainer.eval_model(torch.rand(1, 3, 32, 32)).shape == (1, 3, 32, 32)
