"""``f2a relight -`` between other programs."""

import io
import os
import sys
from types import SimpleNamespace

import pytest
from PIL import Image

from f2a.cli import main
from f2a.relight.relighter import relight_file
from tests.support.corpus import saved


@pytest.fixture
def piped(monkeypatch, weights, tmp_path):
    """``piped(content, ...)`` runs f2a with ``content`` as its input; returns status and output, and leaves no file."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()

    def run(content, *arguments):
        out = io.BytesIO()
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(content), isatty=lambda: False))
        monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out, isatty=lambda: False))
        status = main(["relight", *map(str, arguments), "--weights", str(weights), "--device", "cpu"])
        assert not list((tmp_path / "temporary").iterdir())
        return status, out.getvalue()

    return run


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_the_format_is_kept_and_the_bytes_are_the_librarys(piped, photo, format, relighter, tmp_path):
    content = saved(photo, format)
    (tmp_path / "photo").write_bytes(content)
    status, result = piped(content, "-")
    assert status == 0
    assert Image.open(io.BytesIO(result)).format == format
    (tmp_path / "out").mkdir()
    assert result == relight_file(relighter, tmp_path / "photo", tmp_path / "out").read_bytes()


def test_another_format_and_the_controls_are_asked_for_as_ever(piped, photo):
    status, result = piped(saved(photo, "PNG"), "-", "--format", "jpeg", "--strength", "0")
    assert status == 0
    assert Image.open(io.BytesIO(result)).format == "JPEG"


def test_a_file_goes_to_standard_output_and_standard_input_to_a_file(piped, photo, tmp_path):
    photo.save(tmp_path / "party.png")
    status, result = piped(b"", tmp_path / "party.png", "-o", "-")
    assert status == 0
    assert piped(saved(photo, "PNG"), "-", "-o", tmp_path / "relit.png") == (0, b"")
    assert (tmp_path / "relit.png").read_bytes() == result


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"Dear diary", "is not a photo"), (saved(Image.effect_noise((64, 64), 90), "PNG")[:900], "")],
)
def test_what_is_no_photo_writes_nothing_and_is_one_sentence(piped, content, message, capsys):
    assert piped(content, "-") == (1, b"")
    error = capsys.readouterr().err
    assert error.startswith(f"f2a: standard input: {message}")
    assert len(error.splitlines()) == 1


def test_notes_go_to_standard_error_and_name_no_temporary_file(piped, capsys):
    transparent = Image.new("RGBA", (6, 4), (90, 60, 30, 255))
    broken = saved(transparent, "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x63")
    status, result = piped(broken, "-")
    assert (status, Image.open(io.BytesIO(result)).mode) == (0, "RGBA")
    error = capsys.readouterr().err
    assert error.startswith("f2a: standard input: ")
    assert "temporary" not in error


@pytest.mark.parametrize("arguments", [["-", "a.jpg"], ["a.jpg", "b.jpg", "-o", "-"], ["-", "--report", "r.json"]])
def test_a_stream_holds_one_photo(piped, arguments, capsys):
    assert piped(b"", *arguments) == (2, b"")
    assert "- stands for one photo" in capsys.readouterr().err


def test_a_terminal_is_no_place_for_photos(monkeypatch, capsys):
    for stream in ("stdin", "stdout"):
        monkeypatch.setattr(sys, stream, SimpleNamespace(isatty=lambda: True))
    assert main(["relight", "-"]) == 2
    assert capsys.readouterr().err.endswith("f2a relight - < party.jpg > relit.jpg\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's /dev/full")
def test_a_full_disk_is_one_sentence(photo, weights, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(saved(photo, "PNG")), isatty=lambda: False))
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["relight", "-", "--weights", str(weights)]) == 1
    # closing has flushed what was left, as Python does at its end, and did not fail again
    assert capsys.readouterr().err == "f2a: standard output: cannot be written (No space left on device)\n"
