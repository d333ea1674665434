"""``f2a ablate``: its configs can be trained, finished runs are kept, unfinished ones resume."""

import errno
import json
import os
import signal
import threading
from pathlib import Path

import pytest

from f2a.ablation import runs
from f2a.ablation.ablate import Ablation, ablate, ablation_table, parse_weights
from f2a.ablation.runs import AblationRun, RunResult
from f2a.ablation.systems import CONFIGS, to_arguments
from f2a.cli import main
from f2a.config import ConfigError
from f2a.errors import F2aError
from f2a.training.arguments import parse_run
from tests.support.commands import sentence
from tests.support.pairs import write_pairs

TRAINER = """
import json, pathlib, signal, sys, time
value = lambda flag: sys.argv[sys.argv.index(flag) + 1]
folder, here = pathlib.Path(value("--output_dir")), pathlib.Path(__file__).parent
with (here / "calls.jsonl").open("a") as file:
    file.write(json.dumps(sys.argv[1:]) + chr(10))
order = (here / "order.txt").read_text()
if order == "wait":
    signal.signal(signal.SIGTERM, lambda *seen: (folder / "checkpoint-000003").mkdir() or sys.exit(0))
    (folder / "waiting").touch()
    time.sleep(60)
if order in ("1", "2"):
    print("step 1  5 %", end=chr(13))
    sys.exit(f"train_accelerate.py: trouble {order}") if order == "1" else (print("a mistake"), sys.exit(2))
(folder / "last").mkdir()
scores = {"step": 7, "minutes": 0.1, "psnr": 15 + 2 * float(value("--seed")), "ssim": 0.5}
scores |= {"flash_psnr": 14.0, "flash_ssim": 0.4}
(folder / "last" / "config.json").write_text(json.dumps({"training": {"steps": 7, "validation": scores}}))
"""
"""A stand-in for train_accelerate.py where only processes and files matter; ``order.txt`` says how it ends."""


@pytest.fixture
def trainer(tmp_path, monkeypatch):
    """``trainer("wait")`` sets how later training runs end; ``trainer.calls()`` returns their command lines."""
    script = tmp_path / "trainer" / "train.py"
    script.parent.mkdir()
    script.write_text(TRAINER)
    monkeypatch.setattr(runs, "SCRIPT", script)

    def order(text):
        (script.parent / "order.txt").write_text(text)

    def calls():
        return [json.loads(line) for line in (script.parent / "calls.jsonl").read_text().splitlines()]

    order.calls = calls
    order("end")
    return order


def request(tmp_path, **values):
    defaults = {"train_data_dir": ("pairs",), "validation_dir": "held", "out": tmp_path / "out", "budget_minutes": 5.0}
    return Ablation(**defaults | {"only": ("unet",)} | values)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_is_a_training(name):
    config = parse_run(to_arguments(CONFIGS[name].flags), "")
    assert all(getattr(config, flag) == value for flag, value in CONFIGS[name].flags.items())


def test_a_mistake_in_one_config_is_found_before_the_first_trains(tmp_path, trainer):
    with pytest.raises(ConfigError, match="the adversarial loss needs at least 64 pixels"):
        ablate(request(tmp_path, only=("unet", "paper"), training_flags=["--resolution", "32"]), print)
    assert not (tmp_path / "trainer" / "calls.jsonl").exists()


def test_a_quote_that_is_not_closed_is_named(capsys):
    with pytest.raises(SystemExit):
        main(["ablate", "--training_flags", "--noise '1"])
    assert '"--noise \'1": No closing quotation; close the quote, or write \\ before it' in capsys.readouterr().err


def test_each_variant_of_the_paper_differs_from_it_in_one_flag():
    paper = CONFIGS["paper"].flags
    for config in CONFIGS.values():
        if config.description.startswith("paper"):
            assert len(set(config.flags.items()) - set(paper.items())) == 1


def test_the_table_has_the_flash_photo_first_and_says_what_was_lost():
    scored = [RunResult("unet", seed, 10, 15.0 + seed, 0.5, 14.0, 0.4) for seed in (0, 2)]
    table = ablation_table([*scored, RunResult("unet", 1, error="ran away"), RunResult("compact", 0, error="ran away")])
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()]
    assert cells[2][:5] == ["flash", "-", "-", "14.00", "0.400"]
    assert cells[3][:5] == ["unet", "2, 1 diverged", "10", "16.00 ± 1.41", "0.500 ± 0.000"]
    assert cells[4][:5] == ["compact", "0, 1 diverged", "-", "-", "-"]


def test_a_finished_run_is_not_repeated(tmp_path, trainer):
    messages = []
    table = ablate(request(tmp_path), messages.append)
    assert "16.00 ± 1.41" in table
    assert messages[0] == "2 of 2 runs to do, with 5 minutes of training each"
    assert ablate(request(tmp_path), messages.append) == table
    assert messages[-1] == "0 of 2 runs to do, with 5 minutes of training each"
    assert "17.00 ± 2.00" in ablate(request(tmp_path, seeds=(0, 1, 2)), messages.append)
    assert len(trainer.calls()) == 3


def test_a_run_that_was_stopped_goes_on_with_the_minutes_it_has_left(tmp_path, trainer):
    trainer("wait")
    begun = tmp_path / "out" / "unet-seed0" / "waiting"

    def stop():
        while not begun.exists():
            threading.Event().wait(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=stop).start()
    messages = []
    with pytest.raises(KeyboardInterrupt):
        ablate(request(tmp_path), messages.append)
    assert messages[-1] == "stopped; the same command continues from here"
    assert (begun.parent / "checkpoint-000003").is_dir()  # it was asked to stop, not killed
    (begun.parent / runs.MINUTES).write_text("2.0")
    trainer("end")
    ablate(request(tmp_path, seeds=(0,)), print)
    assert float((begun.parent / runs.MINUTES).read_text()) >= 2
    first, second = trainer.calls()
    assert first[first.index("--max_train_minutes") + 1] == "5.0"
    assert second[second.index("--max_train_minutes") + 1] == "3.0"
    assert second[second.index("--resume_from_checkpoint") + 1] == "latest"
    assert not (begun.parent / "checkpoint-000003").exists()


def test_on_a_full_disk_the_minutes_used_so_far_stay_known(tmp_path, trainer, monkeypatch):
    def full(path, content):
        path.open("w").close()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    run = AblationRun("unet", 0, ["--seed", "0"], tmp_path)
    (tmp_path / runs.MINUTES).write_text("2.0")
    with monkeypatch.context() as patch:
        for write in ("write_text", "write_bytes"):
            patch.setattr(Path, write, full)
        with pytest.raises(F2aError, match="No space left on device"):
            runs.train(run, 5.0)
    assert (tmp_path / runs.MINUTES).read_text() == "2.0"


def test_a_lost_training_is_a_result_and_a_mistake_ends_all(tmp_path, trainer):
    trainer("1")
    messages = []
    for _ in range(2):  # the second time without training
        assert "0, 1 diverged" in ablate(request(tmp_path, seeds=(0,)), messages.append)
    assert messages[1] == "unet, seed 0: diverged: train_accelerate.py: trouble 1"
    assert len(trainer.calls()) == 1
    trainer("2")
    with pytest.raises(F2aError, match="unet, seed 1 ended with status 2: a mistake"):
        ablate(request(tmp_path, seeds=(1,)), print)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"budget_minutes": 6.0}, r"have budget_minutes 5\.0, not 6\.0"),
        ({"training_flags": ("--resolution", "32")}, "have training_flags"),
        ({"only": ("vgg",)}, "no config is called 'vgg': choose from paper"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path, trainer, values, message):
    ablate(request(tmp_path, seeds=(0,)), print)
    with pytest.raises(F2aError, match=message):
        ablate(request(tmp_path, **values), print)
    assert len(trainer.calls()) == 1


def test_encoder_weights_are_a_table():
    assert parse_weights(["vgg16=a=b.safetensors", "efficientnet_lite0=none"]) == {
        "vgg16": "a=b.safetensors",
        "efficientnet_lite0": "none",
    }
    for wrong in ("resnet=a.safetensors", "a.safetensors", "vgg16"):
        with pytest.raises(F2aError, match="write efficientnet_lite0=FILE, unet=FILE, vgg16=FILE"):
            parse_weights([wrong])


def test_each_training_gets_the_weights_of_its_encoder(tmp_path, trainer):
    table = {"vgg16": "v.safetensors"}
    ablate(request(tmp_path, only=("paper", "compact"), seeds=(0,), encoder_weights=table), print)
    paper, compact = trainer.calls()
    assert paper[paper.index("--encoder_weights") + 1] == "v.safetensors"
    assert "--encoder_weights" not in compact


@pytest.mark.parametrize(
    ("flags", "message"),
    [(["--budget_minutes", "-1"], "--budget_minutes is -1.0"),
     (["--budget-minutes", "1", "--steps", "0"], "--steps is 0"),
     (["--budget_minutes", "1", "--encoder_weights", "x"], "write efficientnet_lite0=FILE")],
)  # fmt: skip
def test_wrong_usage_is_one_sentence_and_status_2(tmp_path, flags, message):
    data = ("--train_data_dir", "a", "--validation_dir", "b", "--out", tmp_path / "out")
    assert message in sentence("ablate", *data, *flags)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_real_trainings_are_compared(tmp_path, capsys):
    pairs = str(write_pairs(tmp_path / "pairs", 2, (40, 32)))
    flags = ["--train_data_dir", pairs, "--validation_dir", pairs, "--budget_minutes", "5", "--steps", "1"]
    small = "--resolution 32 --train_batch_size 1"
    arguments = ["ablate", *flags, "--out", str(tmp_path / "out"), "--only", "unet", "--training_flags", small]
    assert main(arguments) == 0
    assert main(arguments) == 0
    printed = capsys.readouterr()
    row = printed.out.splitlines()[-1]
    assert row.startswith("| unet")
    assert "±" in row
    assert "0 of 2 runs to do" in printed.err
    assert len(list((tmp_path / "out" / "cache").glob("*.u8"))) == 1
