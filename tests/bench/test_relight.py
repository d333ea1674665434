"""The bench on small photos prints every line, and each line is correct."""

import pytest
from PIL import Image

from f2a.bench import relight as bench
from f2a.bench.relight import Measurement


@pytest.mark.parametrize("megapixels", [0.05, 0.48])
def test_the_photo_has_the_size_that_it_is_called_by(tmp_path, megapixels):
    width, height = Image.open(bench.make_photo(tmp_path / "a.jpg", megapixels)).size
    assert width * height == pytest.approx(megapixels * 1e6, rel=0.01)
    assert width / height == pytest.approx(4 / 3, rel=0.01)


@pytest.mark.parametrize("child", ["stand-in", pytest.param("real", marks=pytest.mark.slow)])
def test_a_file_is_measured_beside_pillow(relighter, tmp_path, monkeypatch, child):
    if child == "stand-in":
        monkeypatch.setattr(bench, "_run", lambda command: "100.0 150.0\n")
    photo = bench.make_photo(tmp_path / "a.jpg", 0.05)
    pillow, ours, memory = bench.bench_file(relighter, photo, rounds=1)
    assert pillow.unit == ours.unit == "s"
    assert ours.ratio == pytest.approx(ours.value / pillow.value)
    assert (tmp_path / "a.relit.jpg").exists()
    assert memory.unit == "MB"
    assert 50 < memory.value < 5000


def test_best_takes_turns_and_the_quickest_round():
    calls = []
    seconds = bench.best({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, rounds=2)
    assert calls == ["a", "b"] * 3  # one to warm up
    assert seconds["a"] < 0.1


def test_a_line_says_ratio_and_target():
    measured = Measurement("12 MP file, whole", 0.4, "s", "Pillow", 2.5, "at most 3 x")
    line = " ".join(bench.as_line(measured).split())
    assert line == "12 MP file, whole 0.40 s 2.50 x Pillow (target at most 3 x)"


@pytest.mark.slow
def test_networks_and_start_are_measured(tmp_path):
    plain, *networks = bench.bench_networks(rounds=1)
    assert [one.name for one in networks] == ["vgg16 at 320x240", "compact at 320x240"]
    assert [one.baseline for one in networks] == [plain.name] * 2
    for one in networks:  # how many times faster: 12 for compact on an idle machine, 1.5 with three busy processes
        assert one.ratio == pytest.approx(plain.value / one.value)
    assert [one.unit for one in bench.bench_start(tmp_path, rounds=1)] == ["s", "s"]
