"""Faults during a training run: a full disk, data that vanishes, processes that die, clocks that go backwards."""

import errno
import itertools
import multiprocessing
import os
import shutil
import signal
import subprocess
import time

import pytest
from PIL import Image, ImageOps
from safetensors import SafetensorError

from f2a.data.augment import Crops, ShardedBatchSampler, batches, translate_worker_errors
from f2a.data.cache import DataError
from f2a.files import atomic_dir
from f2a.model.checkpoint import Checkpoint
from f2a.training.checkpoint import checkpoints, newest_state, prune_checkpoints, read_state
from f2a.training.validation import step_of
from tests.support.pairs import plain_crops
from tests.training.conftest import assert_same_end, steps_in

GO_ON = ("--resume_from_checkpoint", "latest")


FLAGS = ("--train_batch_size", "1", "--lr_scheduler", "constant", "--no-use_ema", "--checkpointing_steps", "1",
         "--checkpoints_total_limit", "0")  # fmt: skip


@pytest.fixture
def train(train):
    """``train("run", ...)`` trains into ``tmp_path / "run"``, with a checkpoint at each step; returns the status."""
    return lambda name, *flags: train(name, *FLAGS, *flags)


@pytest.fixture(scope="module")
def undisturbed(through):
    """The output folder of an undisturbed run."""
    return through(*FLAGS)


@pytest.fixture
def disk(tmp_path):
    """``disk(name, size)`` mounts a separate file system at ``tmp_path / name``; another call changes its size."""
    mounted = []

    def mount(name, options):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        again = "remount," if folder in mounted else ""
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", again + options, "tmpfs", folder], capture_output=True)
        if done.returncode:
            pytest.skip("needs the right to mount a tmpfs")
        mounted.append(folder)
        return folder

    if not shutil.which("mount"):
        pytest.skip("needs mount")
    yield mount
    for folder in dict.fromkeys(mounted):
        subprocess.run(["umount", "-l", folder], check=True)


def sentence(capsys):
    """Return what was written to standard error: one line from the script, and no traceback."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("train_accelerate.py: ")]
    (line,) = lines
    return line.removeprefix("train_accelerate.py: ")


def assert_whole(output, *steps):
    """Assert that exactly these checkpoints exist and load, and that nothing unfinished is left."""
    assert steps_in(output) == list(steps)
    for folder in checkpoints(output):
        read_state(folder)
    assert not list(output.rglob("*.part"))


# The disk


def test_a_disk_that_fills_up_costs_the_step_and_no_checkpoint(train, undisturbed, tmp_path, disk, capsys):
    """A checkpoint takes 46 MiB: two fit, the third does not."""
    output = disk("run", "size=130m")
    assert train("run") in (1, 2)
    message = sentence(capsys)
    assert "No space left on device" in message
    assert message.endswith("continue with --resume_from_checkpoint latest")
    assert_whole(output, 1, 2)
    disk("run", "size=600m")
    assert train("run", *GO_ON) == 0
    assert_whole(output, 1, 2, 3, 4)
    assert_same_end(undisturbed, output)


def test_a_disk_too_small_for_the_decoded_pairs_leaves_nothing_on_it(train, disk, capsys):
    """The five pairs take 230 kB."""
    output = disk("run", "size=100k")
    assert train("run") == 1
    assert "No space left on device" in sentence(capsys)
    assert not list((output / "cache").iterdir())
    disk("run", "size=200m")
    assert train("run", "--max_train_steps", "1") == 0


def full(*arguments, **keywords):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "disk")


def full_in_rust(*arguments, **keywords):
    raise SafetensorError("I/O error: No space left on device (os error 28)")


FULL_DISKS = {
    "the library": ("f2a.training.checkpoint.save_file", full_in_rust),
    "the system": ("f2a.training.checkpoint.save_file", full),
    "syncing": ("f2a.files.os.fsync", full),
    "the weights": ("f2a.model.checkpoint.save_file", full_in_rust),  # after all steps
}


@pytest.mark.slow
def test_whatever_cannot_be_written_is_a_sentence(train, tmp_path, monkeypatch, capsys):
    assert train("run", "--max_train_steps", "1") == 0
    for writer, (function, fails) in FULL_DISKS.items():
        with monkeypatch.context() as patch:
            patch.setattr(function, fails)
            assert train("run", "--max_train_steps", "2", *GO_ON) in (1, 2), writer
        assert "No space left on device" in sentence(capsys), writer
        assert newest_state(tmp_path / "run", pytest.fail)
        assert Checkpoint.load(tmp_path / "run" / "last")
        assert not list((tmp_path / "run").glob("*.part"))


def test_an_output_folder_that_cannot_be_written_is_named(train, tmp_path, disk, capsys):
    (tmp_path / "file").write_text("not a folder")
    disk("locked", "ro")
    for name, reason in (("file", "File exists"), ("locked", "Read-only file system"), ("locked/run", "Read-only")):
        assert train(name) == 2
        message = sentence(capsys)
        assert message.startswith(f"output_dir is {str(tmp_path / name)!r}: cannot be written ({reason}")


def test_a_folder_that_is_replaced_comes_back_after_a_kill_between_the_two_renames(tmp_path):
    (tmp_path / "best.old.part").mkdir()
    (tmp_path / "best.old.part" / "weights").write_text("old")
    (tmp_path / "best.part").mkdir()
    prune_checkpoints(tmp_path, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["best"]
    with pytest.raises(OSError, match="disk"), atomic_dir(tmp_path / "best") as beside:
        full((beside / "weights").write_text("new"))
    assert (tmp_path / "best" / "weights").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["best"]


# The data


@pytest.mark.parametrize("change", ["vanishes", "is another"])
def test_a_photo_that_changes_before_the_run_goes_on_is_said(train, pairs, tmp_path, capsys, change):
    assert train("run", "--max_train_steps", "1") == 0
    if change == "vanishes":
        (pairs / "p3_ambient.png").unlink()
    else:
        ImageOps.mirror(Image.open(pairs / "p1_flash.png")).save(pairs / "p1_flash.png")
    assert train("run", "--max_train_steps", "2", *GO_ON) == 0
    message = capsys.readouterr().out
    assert "changed since the checkpoint: the training pairs" in message
    if change == "vanishes":
        assert "p3_flash.png: its partner p3_ambient.* is missing" in message
        assert "4 pairs, 1 left out" in message
    assert_whole(tmp_path / "run", 1, 2)


def test_photos_that_all_vanish_end_the_run_and_leave_it_whole(train, pairs, tmp_path, capsys):
    assert train("run", "--max_train_steps", "2") == 0
    pairs.rename(tmp_path / "elsewhere")
    assert train("run", *GO_ON) == 2
    assert sentence(capsys) == f"{pairs}: no such folder of pairs"
    assert_whole(tmp_path / "run", 1, 2)
    (tmp_path / "elsewhere").rename(pairs)
    assert train("run", *GO_ON) == 0
    assert "changed since" not in capsys.readouterr().out.replace("changed since the checkpoint: max_train_steps", "")


def forget(path):
    path.unlink()


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_damaged_cache_is_decoded_again(train, undisturbed, tmp_path):
    """Four times, between the steps of one run."""
    assert train("run", "--max_train_minutes", "0") == 0
    for step, (suffix, damage) in enumerate(itertools.product((".u8", ".json"), (forget, halve)), 1):
        (file,) = (tmp_path / "run" / "cache").glob(f"*{suffix}")
        damage(file)
        assert train("run", "--max_train_steps", str(step), *GO_ON) == 0, (suffix, damage)
    assert_same_end(undisturbed, tmp_path / "run")


def test_photos_that_vanish_while_it_trains_are_not_missed(train, undisturbed, pairs, tmp_path, at_step):
    at_step(2, lambda: shutil.rmtree(pairs))
    assert train("run") == 0
    assert_same_end(undisturbed, tmp_path / "run")


def test_lines_of_the_log_that_were_cut_off_are_left_out(train, pairs, tmp_path):
    measured = ("--validation_dir", str(pairs), "--validation_steps", "1")
    assert train("run", "--max_train_steps", "1", *measured) == 0
    log = tmp_path / "run" / "validation.jsonl"
    log.write_text(log.read_text() + '\x00\x00\n{"step": 2, "ps')
    assert train("run", "--max_train_steps", "2", *measured, *GO_ON) == 0
    assert [step_of(line) for line in log.read_text().splitlines()] == [1, 2]


# Processes and clocks


def test_a_worker_that_is_killed_ends_the_run_in_one_sentence_and_it_goes_on(
    train, tmp_path, at_step, monkeypatch, capsys
):
    def kill_the_worker():
        (worker,) = multiprocessing.active_children()
        os.kill(worker.pid, signal.SIGKILL)
        worker.join()

    at_step(2, kill_the_worker)
    capsys.readouterr()
    assert train("run", "--dataloader_num_workers", "1", "--max_train_steps", "50") == 1
    message = sentence(capsys)
    assert message.startswith("DataLoader worker (pid")
    assert "use fewer --dataloader_num_workers, and continue with --resume_from_checkpoint latest" in message
    monkeypatch.undo()
    reached = len(steps_in(tmp_path / "run"))
    assert reached >= 2
    assert_whole(tmp_path / "run", *range(1, reached + 1))
    assert train("run", *GO_ON, "--max_train_steps", str(reached + 1)) == 0


def test_an_error_that_is_no_workers_passes_unchanged():
    with pytest.raises(RuntimeError, match="shapes"), translate_worker_errors():
        raise RuntimeError("shapes do not match")


class Torn:
    """A mixture that raises, as a stream does when the connection is lost."""

    seed = 0

    def __getitem__(self, draw):
        raise DataError(f"user/data train: rows from {draw} on could not be read (gone); continue later")


@pytest.mark.parametrize("workers", [0, 1])
def test_data_that_break_in_a_worker_are_the_same_sentence_as_without_one(workers):
    with pytest.raises(DataError) as caught, translate_worker_errors():
        next(batches(Crops(Torn(), plain_crops(6)), ShardedBatchSampler(1), first=5, workers=workers))
    assert str(caught.value) == "user/data train: rows from 5 on could not be read (gone); continue later"


@pytest.mark.slow
def test_a_clock_that_goes_backwards_changes_nothing(train, undisturbed, tmp_path, monkeypatch):
    noon = time.time()
    ticks = iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: noon - 3600 * next(ticks))
    assert train("run", "--max_train_minutes", "5") == 0
    assert_same_end(undisturbed, tmp_path / "run")
