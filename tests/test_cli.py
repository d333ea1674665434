"""``python -m f2a`` as a person would use it, mistakes included."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import f2a
from f2a.cli import main
from f2a.commands.relight import FORMATS
from f2a.photo import SUFFIXES

ROOT = Path(__file__).resolve().parents[1]


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


def run(*arguments, weights):
    return main(["relight", *map(str, arguments), "--weights", str(weights), "--device", "cpu"])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_every_format_that_is_written_can_be_asked_for():
    assert sorted(FORMATS.values()) == sorted(SUFFIXES)
    assert all(f".{name}" in SUFFIXES[format] for name, format in FORMATS.items())


def test_one_photo_into_a_new_folder(tmp_path, folder, weights):
    assert run(folder / "a.jpg", "-o", tmp_path / "new" / "out", weights=weights) == 0
    assert names(tmp_path / "new" / "out") == ["a_ambient.jpg"]
    assert Image.open(tmp_path / "new" / "out" / "a_ambient.jpg").size == (7, 5)


def test_one_photo_into_a_file(tmp_path, folder, weights):
    assert run(folder / "a.jpg", "-o", tmp_path / "result.png", weights=weights) == 0
    assert Image.open(tmp_path / "result.png").format == "PNG"


def test_a_bad_file_is_named_in_one_line_and_the_rest_go_on(tmp_path, folder, weights, capsys):
    assert run(folder, "-o", tmp_path / "out", weights=weights) == 1
    assert names(tmp_path / "out") == ["a_ambient.jpg", "b_ambient.png"]
    complaints = [line for line in capsys.readouterr().err.splitlines() if line.startswith("f2a:")]
    assert len(complaints) == 1
    assert "c.jpg" in complaints[0]


def test_an_output_is_never_silently_overwritten(tmp_path, folder, weights, capsys):
    out = tmp_path / "out"
    assert run(folder / "a.jpg", "-o", out, weights=weights) == 0
    before = (out / "a_ambient.jpg").read_bytes()
    assert run(folder / "a.jpg", "-o", out, "--strength", "0.2", weights=weights) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert (out / "a_ambient.jpg").read_bytes() == before
    assert run(folder / "a.jpg", "-o", out, "--strength", "0.2", "--overwrite", weights=weights) == 0
    assert (out / "a_ambient.jpg").read_bytes() != before


def test_two_photos_of_one_name_do_not_replace_each_other(tmp_path, photo, weights, capsys):
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
        photo.save(tmp_path / place / "a.png")
    inputs = (tmp_path / "x" / "a.png", tmp_path / "y" / "a.png")
    assert run(*inputs, "-o", tmp_path / "out", "--overwrite", weights=weights) == 1
    assert str(tmp_path / "y" / "a.png") in capsys.readouterr().err


def test_the_photo_itself_is_never_the_output(folder, weights, capsys):
    before = (folder / "b.png").read_bytes()
    assert run(folder / "b.png", "-o", folder / "b.png", "--overwrite", weights=weights) == 1
    assert (folder / "b.png").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{folder}", "-o", "{tmp}/one.jpg"], "one.jpg"),
        (["{tmp}/empty", "-o", "{tmp}/out"], "empty"),
        (["{folder}/a.jpg", "-o", "{tmp}/out/a.jxl"], "a.jxl: cannot be written; give it one of the suffixes .jpg"),
        (["{folder}/a.jpg", "-o", "{tmp}/out/a.gif"], "a.gif: cannot be written"),
        (["{folder}/a.jpg", "-o", "{tmp}/out/a.pdf"], "a.pdf: cannot be written"),
        (["{folder}/a.jpg", "-o", "{folder}/notes.txt/x"], "notes.txt"),
        (["{folder}/a.jpg", "-o", "{tmp}/out", "--strength", "2.5"], "2.5"),
        (["{folder}/a.jpg", "-o", "{tmp}/out", "--device", "gpu7"], "gpu7"),
        (["{folder}/a.jpg", "-o", "{tmp}/out", "--weights", "{tmp}/empty"], "config.json"),
    ],
)
def test_wrong_usage_is_one_sentence_and_status_2(tmp_path, folder, weights, capsys, arguments, said):
    (tmp_path / "empty").mkdir()
    filled = [text.format(folder=folder, tmp=tmp_path) for text in arguments]
    if "--weights" not in filled:
        filled += ["--weights", str(weights)]
    assert main(["relight", *filled]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.glob("out/*"))


def test_a_missing_photo_is_a_bad_file_not_a_crash(tmp_path, weights, capsys):
    assert run(tmp_path / "none.jpg", "-o", tmp_path / "out", weights=weights) == 1
    assert "none.jpg" in capsys.readouterr().err


def test_an_odd_name_is_spelled_out_on_one_line(tmp_path, weights, capsys):
    path = tmp_path / "two\nlines.jpg"
    path.write_text("text")
    assert run(path, "-o", tmp_path / "out", weights=weights) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_real_command(tmp_path, folder, weights):
    command = [sys.executable, "-m", "f2a", "relight", str(folder / "a.jpg"), "-o", str(tmp_path / "out")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([*command, "--weights", str(weights)], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(tmp_path / "out" / "a_ambient.jpg")


def test_the_version_of_the_command_is_the_packages(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out.strip() == f"f2a {f2a.__version__}"


def test_the_package_exports_what_a_program_needs():
    for name in f2a.__all__:
        assert getattr(f2a, name) is not None
    assert f2a.Controls(strength=0.5) != f2a.Controls()
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        f2a.Nothing  # noqa: B018
