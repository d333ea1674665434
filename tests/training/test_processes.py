"""The training script in separate processes: two at a time, and killed."""

import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout

import pytest
import torch
from safetensors.torch import load_file

import train_accelerate
from f2a.training.checkpoint import checkpoints, read_state
from tests import FSYNC
from tests.support import ROOT
from tests.support.commands import small_run
from tests.support.page_server import free_port
from tests.support.pairs import write_pairs
from tests.support.waiting import until
from tests.training.conftest import ADVERSARIAL, steps_in

FORKS = multiprocessing.get_context("forkserver")
"""Starts a process in milliseconds, since it has imported PyTorch once for all of them."""


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    for name, value in (("OMP_NUM_THREADS", "1"), ("ACCELERATE_USE_CPU", "true"), ("PYTHONPATH", str(ROOT))):
        monkeypatch.setenv(name, value)
    FORKS.set_forkserver_preload([__name__])


def launch(launcher, *words):
    """Run the script in a new Python process."""
    command = [sys.executable, *launcher, "train_accelerate.py", *small_run(*words)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            start_new_session=True)  # fmt: skip


def fork(*words, environment=None):
    process = FORKS.Process(target=run, args=(small_run(*words), environment or {}))
    process.start()
    return process


def run(words, environment):
    os.environ.update(environment)
    os.fsync = FSYNC  # so that writing a checkpoint takes long enough to be killed
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        sys.exit(train_accelerate.main(words))


def train(*words, processes=1):
    """Train to the end, in as many processes as a launcher would start."""
    shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    shared |= dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), str(processes))
    ranks = [{"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(processes)]
    running = [fork(*words, environment=shared | rank if processes > 1 else {}) for rank in ranks]
    for process in running:
        process.join()
    assert [process.exitcode for process in running] == [0] * processes


def last_state(output):
    folder = checkpoints(output)[-1]
    return read_state(folder).metadata, folder


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], [*ADVERSARIAL, "--copy_paste", "0"]], ids=["reconstruction", "adversarial"])
def test_two_processes_with_batch_4_train_as_one_with_batch_8(tmp_path, flags):
    """Losses and weights to 1e-4, with an epsilon above the rounding of gradients, which Adam would otherwise enlarge
    to whole steps. Gradients to 2 %: rounding takes a unit or two over the kink of LeakyReLU, which within one process
    (channels_last or not, float32 or float64) moves the discriminator's gradients by 1 %. With
    objects pasted into these pairs two processes differ by 4 % there, so the discriminator does without."""
    flags = [*flags, "--adam_epsilon", "1e-3", "--max_train_steps", "3"]
    pairs = write_pairs(tmp_path / "pairs")
    train(pairs, tmp_path / "two", *flags, "--train_batch_size", "4", processes=2)
    train(pairs, tmp_path / "one", *flags, "--train_batch_size", "8")
    (two, folder_of_two), (one, folder_of_one) = last_state(tmp_path / "two"), last_state(tmp_path / "one")
    assert (two["processes"], one["processes"]) == (2, 1)
    assert two["losses"] == pytest.approx(one["losses"], rel=1e-4)
    for file in folder_of_one.glob("*r.safetensors"):
        weights, others = whole(file), whole(folder_of_two / file.name)
        assert (others - weights).norm() <= (2e-2 if "optimizer" in file.name else 1e-4) * weights.norm(), file.name


def whole(file):
    """Return all weights, or all mean gradients, in a file as one vector."""
    tensors = load_file(file)
    return torch.cat([t.flatten() for name, t in sorted(tensors.items()) if not name.endswith(("step", "avg_sq"))])


@pytest.mark.slow
@pytest.mark.parametrize(("kills", "flags"), [(10, []), (3, ADVERSARIAL)], ids=["reconstruction", "adversarial"])
def test_killed_again_and_again_it_ends_as_if_it_had_not_been(tmp_path, kills, flags):
    pairs = write_pairs(tmp_path / "pairs")
    flags = [*flags, "--train_batch_size", "2", "--max_train_steps", "30", "--checkpointing_steps", "2"]
    flags += ["--validation_dir", str(pairs), "--validation_steps", "7"]
    train(pairs, tmp_path / "through", *flags)
    (_, through), output, moments = last_state(tmp_path / "through"), tmp_path / "killed", random.Random(7)
    for kill in range(kills):
        if steps_kept(output) > 24:
            break
        process = fork(pairs, output, *flags, "--resume_from_checkpoint", "latest")
        if kill % 2:
            wait_for(process, lambda: list(output.glob("checkpoint-*.part")))  # in the middle of a checkpoint
        else:
            before = steps_kept(output)
            wait_for(process, lambda before=before: steps_kept(output) > before)
            time.sleep(moments.uniform(0, pace(tmp_path / "through")))
        assert process.is_alive(), "it ended before it could be killed"
        process.kill()
        process.join()
        for folder in checkpoints(output):
            read_state(folder)  # raises unless it is complete
    train(pairs, output, *flags, "--resume_from_checkpoint", "latest")
    _, killed = last_state(output)
    assert through.name == killed.name == "checkpoint-000030"
    for path in through.glob("*.safetensors"):
        assert path.read_bytes() == (killed / path.name).read_bytes(), path.name
    for name in ("best", "last"):
        weights = [tmp_path / run / name / "model.safetensors" for run in ("through", "killed")]
        assert weights[0].read_bytes() == weights[1].read_bytes(), name
    steps = [json.loads(line)["step"] for line in (output / "validation.jsonl").read_text().splitlines()]
    assert steps == [7, 14, 21, 28, 30]


def wait_for(process, condition):
    """Kill a run by its progress and not by time, so that it does not finish first on a fast machine."""
    while process.is_alive() and not condition():
        time.sleep(0.002)


def steps_kept(output):
    return max(steps_in(output), default=0)


def pace(output):
    """Return the seconds between a run's checkpoints."""
    times = sorted(path.stat().st_mtime for path in output.glob("checkpoint-*/state.json"))
    return (times[-1] - times[0]) / (len(times) - 1)


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
def test_ctrl_c_on_a_terminal_ends_a_run_with_a_checkpoint_and_it_goes_on(tmp_path, monkeypatch, processes):
    """The terminal sends it to all of them, and the launcher to both once more. Of the CPU they know by themselves."""
    monkeypatch.delenv("ACCELERATE_USE_CPU")
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"] if processes == 2 else []
    run_of = write_pairs(tmp_path / "pairs"), tmp_path / "run", "--train_batch_size", "1"
    process = launch(launcher, *run_of, "--max_train_steps", "100000")
    until(lambda: process.poll() is not None or (tmp_path / "run" / "run.yaml").exists())
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=200)
    assert processes == 2 or process.returncode == 0, err[-2000:]
    assert "stopped at step" in out
    assert "--resume_from_checkpoint latest" in out
    state, _ = last_state(tmp_path / "run")
    assert state["processes"] == processes
    step = state["step"] + 1
    train(*run_of, "--max_train_steps", str(step), "--resume_from_checkpoint", "latest", processes=processes)
    assert last_state(tmp_path / "run")[0]["step"] == step
