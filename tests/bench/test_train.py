"""The bench compares like with like."""

import pytest
import torch

from f2a.bench.train import PARTS, OurLoop, PlainLoop, Row, Stopwatch, _make_pairs, format_rows
from f2a.data.augment import Augmentation

CPU = torch.device("cpu")


@pytest.mark.slow
def test_both_loops_learn_the_same(tmp_path):
    """Two steps on one batch: the second losses agree only if the first step moved both players alike."""
    how = Augmentation(64, (1.0, 1.0), (1.0, 1.0), 0.0, 0.0, normalize_exposure=False)
    folder = _make_pairs(tmp_path, 2)
    plain, ours = PlainLoop(folder, 2, how, CPU), OurLoop(folder, 2, how, CPU, bf16=False)
    flash, ambient = plain.read()
    for _ in range(2):
        expected = [float(loss) for loss in plain.learn(Stopwatch(CPU), flash, ambient)]
        watch = Stopwatch(CPU)
        assert [float(loss) for loss in ours.learn(watch, flash, ambient)] == pytest.approx(expected, rel=1e-3)
    assert watch.seconds["forward"] > 0
    assert watch.seconds["backward"] > 0
    assert ours.read()[0].shape == flash.shape


def test_the_table_names_ratios_over_the_plain_loop():
    rows = [Row("plain", 2.0, dict.fromkeys(PARTS, 0.25)), Row("ours", 3.0, dict.fromkeys(PARTS, 0.1))]
    assert format_rows(rows).splitlines()[2].split()[:3] == ["ours", "3.00", "1.50"]
