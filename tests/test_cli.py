"""``python -m f2a`` as a person would use it, mistakes included."""

import os
import re

import pytest
from PIL import Image

import f2a
from f2a.cli import COMMANDS, main
from f2a.commands.relight import FORMATS
from f2a.photo import SUFFIXES
from tests.support.commands import run, sentence


@pytest.fixture
def folder(tmp_path, photo):
    """A folder with two photos, a text file called .jpg, a result of an earlier run, and something else."""
    inside = tmp_path / "photos"
    inside.mkdir()
    photo.save(inside / "a.jpg")
    photo.save(inside / "b.png")
    photo.save(inside / "a_ambient.jpg")
    (inside / "c.jpg").write_text("a letter")
    (inside / "notes.txt").write_text("not a photo")
    return inside


@pytest.fixture
def relight(weights):
    return lambda *words: run("f2a", "relight", *words, "--weights", weights, "--device", "cpu")


def test_every_format_that_is_written_can_be_asked_for():
    assert sorted(FORMATS.values()) == sorted(SUFFIXES)
    assert all(f".{name}" in SUFFIXES[format] for name, format in FORMATS.items())


def test_the_version_is_the_packages_and_the_help_says_what_each_command_does(capsys):
    for flag in ("--version", "--help"):
        with pytest.raises(SystemExit, match=r"^0$"):
            main([flag])
    version, _, shown = capsys.readouterr().out.partition("\n")
    assert version == f"f2a {f2a.__version__}"
    assert all(re.search(rf"^ +{name} +[a-z]\w+ [^.]+$", shown, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize("out", ["new/out", "out.jpg/", "out.xyz/"])
def test_one_photo_into_a_new_folder(tmp_path, folder, relight, out):
    assert relight(folder / "a.jpg", "-o", f"{tmp_path}/{out}").status == 0
    assert os.listdir(tmp_path / out) == ["a_ambient.jpg"]
    assert Image.open(tmp_path / out / "a_ambient.jpg").size == (7, 5)


def test_one_photo_into_a_file(tmp_path, folder, relight):
    assert relight(folder / "a.jpg", "-o", tmp_path / "result.png").status == 0
    assert Image.open(tmp_path / "result.png").format == "PNG"


def test_a_bad_or_missing_file_is_named_in_one_line_and_the_rest_go_on(tmp_path, folder, relight):
    ended = relight(folder, folder / "none.jpg", "-o", tmp_path / "out")
    assert ended.status == 1
    assert sorted(os.listdir(tmp_path / "out")) == ["a_ambient.jpg", "b_ambient.png"]
    bad, missing = [line for line in ended.err.splitlines() if line.startswith("f2a:")]
    assert "c.jpg" in bad
    assert "none.jpg" in missing


def test_a_name_with_a_line_break_stays_on_its_line(tmp_path, folder, relight):
    (folder / "d\nf2a.psd").write_bytes(b"8BPS")
    [line] = [line for line in relight(folder, "-o", tmp_path / "out").err.splitlines() if ".psd" in line]
    assert line.startswith("f2a: skipped 1 picture in formats that f2a cannot read: d\\nf2a.psd")


@pytest.mark.parametrize("words", [("", "-o", "out"), ("a.jpg", "-o", ""), ("a.jpg", "-o", "out", "--report=")])
def test_an_empty_argument_is_never_the_current_folder(folder, monkeypatch, words):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    refused = run("f2a", "relight", *words)
    assert (refused.status, sorted(folder.iterdir())) == (2, before)
    assert "an argument is empty" in refused.err


def test_an_output_is_never_silently_overwritten(tmp_path, folder, relight):
    weak, result = (folder / "a.jpg", "-o", tmp_path / "out", "--strength", "0.2"), tmp_path / "out" / "a_ambient.jpg"
    assert relight(*weak[:3]).status == 0
    before = result.read_bytes()
    refused = relight(*weak)
    assert refused.status == 1
    assert "--overwrite" in refused.err
    assert result.read_bytes() == before
    assert relight(*weak, "--overwrite").status == 0
    assert result.read_bytes() != before


def test_the_photo_itself_is_never_the_output(folder, relight):
    before = (folder / "b.png").read_bytes()
    assert relight(folder / "b.png", "-o", folder / "b.png", "--overwrite").status == 1
    assert (folder / "b.png").read_bytes() == before


NOT_WRITTEN = ("jxl", "psd", "jpgg", "CR2", "txt", "gif", "pdf")
ONE_OF = "cannot be written; give it one of the suffixes .jpg"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}/a.jpg"], "with -o"),
        (["{folder}", "-o", "{tmp}/one.jpg"], "one.jpg"),
        (["{tmp}/empty", "-o", "{tmp}/out"], "empty"),
        *((["{folder}/a.jpg", "-o", f"{{tmp}}/out/a.{suffix}"], f"a.{suffix}: {ONE_OF}") for suffix in NOT_WRITTEN),
        *((["{folder}/a.jpg", "-o", f"{{tmp}}/out.{suffix}"], f"out.{suffix}: {ONE_OF}") for suffix in NOT_WRITTEN),
        (["{folder}/a.jpg", "-o", "{folder}/notes.txt/x"], "notes.txt"),
        (["{folder}/a.jpg", "-o", "{tmp}/out", "--strength", "2.5"], "2.5"),
        (["{folder}/a.jpg", "-o", "{tmp}/out", "--device", "gpu7"], "gpu7"),
        (["{folder}/a.jpg", "-o", "{tmp}/out", "--device", "meta"], "device 'meta' cannot be used here"),
        (["{folder}", "-o", "{tmp}/out", "--jobs", "0"], "--jobs is 0"),
        (["{folder}", "-o", "{tmp}/out", "--report", "{tmp}/none/report.json"], "none/report.json"),
        (["{folder}", "-o", "{tmp}/out", "--report", "{folder}/a.jpg"], "a.jpg: a folder, a device or a photo's"),
        (["{folder}", "-o", "{tmp}/out", "--report", "{tmp}"], "a folder, a device or a photo's"),
        (["{folder}", "-o", "{tmp}/out", "--report", "{tmp}/pipe"], "pipe: a folder, a device or a photo's"),
        (["{folder}/a.jpg", "-o", "{tmp}/out", "--weights", "{tmp}/empty"], "config.json"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(tmp_path, folder, weights, arguments, message):
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    filled = [text.format(folder=folder, tmp=tmp_path) for text in arguments]
    assert message in sentence("relight", "--weights", weights, *filled)
    assert not [path for path in tmp_path.glob("out*") if path.is_file() or list(path.iterdir()) or path.suffix]


@pytest.mark.parametrize(
    "words",
    [("relight", "{}", "-o", "out"), ("relight", "a.jpg", "-o", "{}"), ("watch", "{}", "-o", "out"),
     ("relight", "a.jpg", "-o", "out", "--report", "{}"), ("evaluate", "--data", "{}"),
     ("evaluate", "--data", ".", "--weights", "{}"), ("dataset", "push", "{}", "user/data"),
     ("download", "model", "-o", "{}")],
)  # fmt: skip
def test_what_the_system_refuses_is_one_sentence_and_status_2(tmp_path, monkeypatch, words):
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    path = tmp_path / ("x" * 256)  # longer than a name may be
    assert sentence(*(word.format(path) for word in words)).startswith(f"f2a: {path}")


def test_the_package_exports_what_a_program_needs():
    for name in f2a.__all__:
        assert getattr(f2a, name) is not None
    assert f2a.Controls(strength=0.5) != f2a.Controls()
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        f2a.Nothing  # noqa: B018
