"""The bench compares like with like."""

import re

import pytest
import torch

from f2a.bench.train import PlainLoop, ProductLoop, Timing, _make_pairs, bench_config, bench_train, format_timings
from tests.support.commands import sentence

CPU = torch.device("cpu")


@pytest.mark.slow
def test_both_loops_learn_the_same(tmp_path):
    """Two steps on one batch: the second losses agree only if the first step moved both networks alike."""
    config = bench_config(_make_pairs(tmp_path, 2), batch_size=2, resolution=64)
    plain, product = PlainLoop(config, CPU), ProductLoop(config, CPU, bf16=False)
    batch = plain.read()
    for _ in range(2):
        expected = {name: float(loss) for name, loss in plain.training_step(batch).items()}
        losses = {name: float(loss) for name, loss in product.training_step(batch).items()}
        assert losses == pytest.approx(expected, rel=1e-3)
    assert product.read().flash.shape == batch.flash.shape


def test_an_installed_f2a_which_lacks_the_training_program_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("f2a.training.arguments.SCRIPT", tmp_path / "train_accelerate.py")
    ablate = ("--train_data_dir", "a", "--validation_dir", "b", "--budget_minutes", "1", "--out", tmp_path / "out")
    for command in (("bench", "train"), ("ablate", *ablate)):
        assert "train_accelerate.py: is missing; run this in a clone of the repository" in sentence(*command)


@pytest.mark.slow
def test_each_step_is_told_and_timed():
    lines = []
    timings = bench_train(1, 64, 2, CPU, lines.append)
    loops = [timing.loop for timing in timings]
    expected = [f"warming up: {loop}" for loop in loops]
    expected += [f"step {step} of 2: {loop}" for step in (1, 2) for loop in loops]
    assert [re.sub(r" [\d.]+ images/s$", "", line) for line in lines] == expected
    assert [timing.steps for timing in timings] == [2] * len(timings)
    assert all(timing.data > 0 and timing.step > 0 for timing in timings)


def test_the_table_names_ratios_over_the_plain_loop():
    timings = [Timing("plain", 2, 1, 0.5, 0.5), Timing("product", 3, 2, 0.5, 1.5)]
    assert format_timings(timings).splitlines()[2].split() == ["product", "3.00", "1.50", "0.250", "0.750"]
