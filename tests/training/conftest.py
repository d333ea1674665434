"""Training runs of a few steps in this process, on pairs of a few pixels."""

from functools import cache
from pathlib import Path

import pytest
from accelerate import Accelerator
from safetensors.torch import load_file

import train_accelerate
from f2a.training.checkpoint import checkpoints
from tests.support.commands import small_run
from tests.support.pairs import write_pairs

ADVERSARIAL = ("--guided", "both", "--adversarial_weight", "1", "--resolution", "64",
               "--discriminator_learning_rate", "1e-4")  # fmt: skip


@pytest.fixture
def pairs(tmp_path):
    return write_pairs(tmp_path / "pairs")


@pytest.fixture
def train(pairs, tmp_path):
    """``train("run", ...)`` trains into ``tmp_path / "run"`` and returns the exit status."""
    return lambda name, *flags: train_accelerate.main(small_run(pairs, tmp_path / name, *flags))


@pytest.fixture(scope="module")
def through(tmp_path_factory):
    """``through(...)`` returns the output folder of an undisturbed run with these flags."""

    @cache
    def trained(*flags):
        folder = tmp_path_factory.mktemp("through")
        assert train_accelerate.main(small_run(write_pairs(folder / "pairs"), folder / "run", *flags)) == 0
        return folder / "run"

    return trained


@pytest.fixture
def at_step(monkeypatch):
    """``at_step(2, happens)`` calls ``happens`` in a run between its second and third steps."""

    def disturb(step, happens):
        optimizer_step = train_accelerate.Trainer.optimizer_step

        def disturbed(trainer, crops):
            if trainer.step == step:
                happens()
            optimizer_step(trainer, crops)

        monkeypatch.setattr(train_accelerate.Trainer, "optimizer_step", disturbed)

    return disturb


def set_up(config, inputs):
    """A trainer in one process on the CPU."""
    return train_accelerate.Trainer(config, "", Accelerator(cpu=True)).setup(inputs, pairs=5)


def steps_in(output: Path) -> list[int]:
    """Return the steps of a run's checkpoints."""
    return [int(folder.name.removeprefix("checkpoint-")) for folder in checkpoints(output)]


def assert_same_end(one: Path, other: Path) -> None:
    """Assert that the last checkpoints, and the weights for use, are equal bit for bit."""
    files = sorted(path.name for path in one.glob("checkpoint-000004/*.safetensors"))
    assert {"generator.safetensors", "generator_optimizer.safetensors"} <= set(files)
    for name in [f"checkpoint-000004/{name}" for name in files] + ["last/model.safetensors"]:
        tensors, others = load_file(one / name), load_file(other / name)
        assert tensors.keys() == others.keys()
        different = [key for key, tensor in tensors.items() if not tensor.equal(others[key])]
        assert not different, (name, different)
