"""``f2a evaluate``: scores that can be worked out by hand, which pictures count, and what is left out."""

import csv
import io
import json
import math
import sys
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from f2a.data.cache import DataError
from f2a.data.folder import find_pairs
from f2a.evaluation.methods import find_pictures_beside_pairs, find_predictions
from f2a.evaluation.scores import METRICS, lpips_metric, score_scenes
from f2a.evaluation.tables import format_table, means, to_csv, to_json, worse_sentences, worse_than_flash
from f2a.images import to_image
from tests.support.commands import run
from tests.support.pairs import write_pairs

TEN_OFF = 20 * math.log10(255 / 10)
ONE_OFF = 20 * math.log10(255)


def plain(value, size=(12, 9)):
    return Image.new("RGB", size, (value, value, value))


def save(folder, **values):
    """``save(folder, a_flash=100)`` writes a plain grey ``a_flash.png``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        plain(value).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def scores(tmp_path):
    """Two scenes whose truth is 110: the flash is off by 10, the system by 1 in scene a and by 50 in scene b."""
    save(tmp_path, a_flash=100, a_ambient=110, b_flash=100, b_ambient=110)
    systems = {
        "flash": lambda scene: scene.flash,
        "ours": lambda scene: plain({"a": 111, "b": 160}[scene.name]),
        "theirs": lambda scene: plain(110) if scene.name == "a" else None,
    }
    return score_scenes(find_pairs(tmp_path).files, systems, METRICS[:5], print)


def test_every_picture_is_scored_against_its_truth(scores):
    psnr = {(score.scene, score.system): score.values["psnr"] for score in scores}
    assert psnr["a", "flash"] == pytest.approx(TEN_OFF, abs=1e-4)
    assert psnr["a", "ours"] == pytest.approx(ONE_OFF, abs=1e-4)
    assert psnr["a", "theirs"] == math.inf
    assert ("b", "theirs") not in psnr
    aligned = {(score.scene, score.system): score.values["aligned_psnr"] for score in scores}
    assert aligned["b", "ours"] > 45  # only the exposure was wrong


def test_blacks_are_compared_with_the_truth_burnt_area_and_tint_with_the_flash_photo(tmp_path):
    red = Image.new("RGB", (12, 9), "red")
    red.save(save(tmp_path, a_flash=100) / "a_ambient.png")
    systems = {"flash": lambda scene: scene.flash, "ours": lambda scene: red}
    _, ours = score_scenes(find_pairs(tmp_path).files, systems, METRICS, print)
    assert (ours.values["black"], ours.values["clip"]) == (0, 1)
    assert ours.values["tint"] > 100


def test_means_are_over_the_scenes_that_a_system_has(scores):
    rows = {row.system: row for row in means(scores)}
    assert list(rows) == ["flash", "ours", "theirs"]
    assert rows["ours"].scene == "mean of 2"
    assert rows["theirs"].scene == "mean of 1"
    assert rows["ours"].values["psnr"] == pytest.approx((ONE_OFF + 20 * math.log10(255 / 50)) / 2, abs=1e-4)


def test_the_scenes_that_got_worse_are_named(scores):
    assert worse_than_flash(scores)["psnr"] == {"ours": ["b"], "theirs": []}
    ours, theirs = worse_sentences(scores)
    assert "in PSNR on 1 of 2 (b)" in ours
    assert theirs == "theirs: worse than the flash photo on no scene"
    assert ours in format_table(scores, METRICS[:5])


def test_csv_and_json_hold_every_picture(scores):
    rows = list(csv.DictReader(io.StringIO(to_csv(scores))))
    assert [(row["scene"], row["system"]) for row in rows] == [(score.scene, score.system) for score in scores]
    assert float(rows[1]["psnr"]) == pytest.approx(ONE_OFF, abs=1e-3)
    content = json.loads(to_json(scores, {"data": "here"}))
    assert content["data"] == "here"
    assert content["means"]["theirs"]["psnr"] is None  # that of an equal picture is infinite, which JSON cannot express
    assert content["worse_than_flash"]["psnr"] == {"ours": ["b"], "theirs": []}


def test_the_truth_can_be_brought_to_the_standard_exposure(tmp_path):
    save(tmp_path, a_flash=100, a_ambient=60)
    scenes = []
    systems, look = {"flash": lambda scene: scene.flash}, lambda scene, _: scenes.append(scene)
    score_scenes(find_pairs(tmp_path).files, systems, METRICS, print, look, normalize_exposure=True)
    assert to_image(scenes[0].truth).mean() == pytest.approx(0.56, abs=2 / 255)


def test_a_picture_beside_a_pair_belongs_to_the_longest_name(tmp_path):
    names = [f"{pair}_{half}" for pair in ("cup", "cup_2", "a[1]") for half in ("flash", "ambient")]
    save(tmp_path, **dict.fromkeys([*names, "cup_paper1", "cup_2_paper1", "a[1]_paper2"], 9))
    extra = find_pictures_beside_pairs(find_pairs(tmp_path).files)
    assert {label: sorted(files) for label, files in extra.items()} == {"paper1": ["cup", "cup_2"], "paper2": ["a[1]"]}
    assert extra["paper1"]["cup_2"].name == "cup_2_paper1.png"


@pytest.mark.parametrize("name", ["cup", "cup_ambient", "cup_flash_ambient"])
def test_predictions_are_found_by_their_scene(tmp_path, name):
    pairs = find_pairs(save(tmp_path / "pairs", cup_flash=9, cup_ambient=9)).files
    save(tmp_path / "theirs", **{name: 9, "plate": 9})
    assert {scene: path.stem for scene, path in find_predictions(tmp_path / "theirs", pairs).items()} == {"cup": name}


def test_the_truth_is_nobodys_prediction(tmp_path):
    pairs = find_pairs(save(tmp_path, cup_flash=9, cup_ambient=9)).files
    with pytest.raises(DataError, match=r"has no picture of these scenes; name them like cup\.png"):
        find_predictions(tmp_path, pairs)


@pytest.fixture
def evaluate(weights):
    return lambda *words: run("f2a", "evaluate", *words, "--weights", weights, "--device", "cpu")


def test_everything_at_once(tmp_path, evaluate):
    pairs = write_pairs(tmp_path / "pairs", 2)
    theirs = write_pairs(tmp_path / "theirs", 1, (48, 40)) / "p0_flash.png"
    theirs.rename(theirs.with_name("p0.png"))
    plain(9, (96, 80)).save(pairs / "p0_paper1.png")
    out, figures = tmp_path / "new" / "out", tmp_path / "figures" / "f.json"
    flags = ("--baselines", "--predictions", tmp_path / "theirs", "--out", out, "--json", figures)
    printed = evaluate("--data", pairs, *flags)
    assert printed.status == 1  # because one prediction had to be resized
    assert "p0: the picture of another system is 48x40 and not 96x80; it was resized" in printed.err
    systems = [line.split()[3] for line in printed.out.splitlines() if line.startswith("mean of")]
    assert " ".join(systems) == "flash ours grey_world retinex multiscale_retinex clahe lime paper1 theirs"
    assert sorted(path.name for path in out.iterdir()) == ["grid.png", "report.html", "scores.csv"]
    assert Image.open(out / "grid.png").size == (10 * 240, 16 + 2 * 180)
    assert json.loads(figures.read_text())["means"].keys() == set(systems)


def test_several_weights_get_a_row_each(tmp_path, weights):
    both = [str(weights), f"{weights}/."]
    done = run("f2a", "evaluate", "--data", write_pairs(tmp_path, 1), "--weights", *both)
    assert done.status == 0
    assert [line.split()[1] for line in done.out.splitlines()[1:4]] == ["flash", *both]


def test_weights_named_like_another_row_get_a_row_of_their_own(tmp_path, weights, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("flash", "lime"):
        (tmp_path / name).symlink_to(weights)
    done = run("f2a", "evaluate", "--data", write_pairs(tmp_path / "pairs", 1), "--weights", "flash", "lime")
    assert done.status == 0
    rows = [" ".join(line.split()[1:3]) for line in done.out.splitlines()[2:4]]
    assert rows == ["flash (weights)", "lime (weights)"]


def test_what_cannot_be_used_is_named_and_the_rest_is_scored(tmp_path, evaluate):
    write_pairs(tmp_path, 2)
    (tmp_path / "p1_flash.png").write_text("a letter")
    sizes = {"q_flash": (12, 9), "q_ambient": (9, 12), "r_flash": (20, 6), "r_ambient": (20, 6)}
    for name, size in sizes.items():
        plain(9, size).save(tmp_path / f"{name}.png")
    (tmp_path / "p0_paper.png").write_text("a letter")
    done = evaluate("--data", tmp_path)
    assert done.status == 1
    complaints = done.err.splitlines()
    assert len(complaints) == 4
    for message in ("p1_flash.png", "differ in size (12x9 and 9x12)", "sides of at least 7", "p0_paper.png"):
        assert any(message in line for line in complaints)
    assert done.out.splitlines()[-3].startswith("mean of 1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "{tmp}/none"], "none"),
        (["--data", "{tmp}/broken"], "none of 1 pair can be used"),
        (["--data", "{tmp}/pairs", "--predictions", "{tmp}/none"], "no such folder of predictions"),
        (["--data", "{tmp}/pairs", "--out", "{tmp}/pairs/p0_flash.png/x"], "cannot be created"),
        (["--data", "{tmp}/pairs", "--json", "{tmp}/pairs"], "cannot be written"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(tmp_path, evaluate, arguments, message):
    write_pairs(tmp_path / "pairs", 1)
    write_pairs(tmp_path / "broken", 1)
    (tmp_path / "broken" / "p0_flash.png").write_text("a letter")
    done = evaluate(*(text.format(tmp=tmp_path) for text in arguments))
    assert done.status == 2
    assert message in done.sentence


@pytest.mark.parametrize(
    ("package", "flags", "message"),
    [("matplotlib.figure", ["--out", "{tmp}/out"], "pip install matplotlib"),
     ("skimage.exposure", ["--baselines"], "pip install scikit-image")],
)  # fmt: skip
def test_a_package_that_is_missing_is_named_first(tmp_path, evaluate, monkeypatch, package, flags, message):
    monkeypatch.setitem(sys.modules, package, None)
    done = evaluate("--data", write_pairs(tmp_path / "pairs", 1), *(flag.format(tmp=tmp_path) for flag in flags))
    assert done.status == 2
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_lpips_is_a_column_where_its_package_imports(monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", SimpleNamespace(LPIPS=lambda **options: torch.nn.L1Loss()))
    white, black = (to_image(plain(value)) for value in (255, 0))
    assert lpips_metric(print).measure(white, black) == 2  # it expects images in [-1, 1]


def test_lpips_without_its_weights_or_its_package_is_left_out(monkeypatch):
    def offline(**options):
        raise OSError("no network")

    messages = []
    monkeypatch.setitem(sys.modules, "lpips", SimpleNamespace(LPIPS=offline))
    assert lpips_metric(messages.append) is None
    assert messages == ["LPIPS is left out: its weights could not be downloaded (no network)"]
    monkeypatch.setitem(sys.modules, "lpips", None)
    assert lpips_metric(messages.append) is None
    assert len(messages) == 1
