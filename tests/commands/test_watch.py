"""``f2a watch`` in a separate process, watching a folder as for a camera."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image

from f2a.relight.watch import SETTLE_S
from tests.support.commands import run, sentence
from tests.support.corpus import saved


@contextmanager
def watching(folder, out, weights, *flags):
    """The process, once it is watching; Ctrl-C ends it."""
    command = [sys.executable, "-m", "f2a", "watch", folder, "-o", out, "--weights", weights, "--device", "cpu", *flags]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(list(map(str, command)), **pipes) as process:
        assert process.stderr.readline() == f"f2a: watching {folder}; Ctrl-C ends it\n"
        yield process
        if process.poll() is None:
            process.send_signal(signal.SIGINT)


def next_result(process):
    """Return the name and size of the photo printed next."""
    path = Path(process.stdout.readline().strip())
    return path.name, Image.open(path).size


@pytest.mark.slow
def test_photos_are_relit_as_they_appear_half_written_ones_when_they_are_whole(tmp_path, photo, weights):
    folder, out = tmp_path / "camera", tmp_path / "relit"
    folder.mkdir()
    photo.save(folder / "before.jpg")
    noise = Image.effect_noise((300, 200), 90).convert("RGB")
    content = saved(noise, "JPEG", quality=95)
    with watching(folder, out, weights) as process:
        (folder / "bad.jpg").write_text("Dear diary")
        with open(folder / "slow.jpg", "wb") as file:
            file.write(content[:999])
            file.flush()
            time.sleep(SETTLE_S / 2)
            assert not (out / "slow_ambient.jpg").exists()
            file.write(content[999:])
        noise.save(folder / "moved.tmp", "PNG")
        os.replace(folder / "moved.tmp", folder / "moved.png")
        names = ("moved_ambient.png", "slow_ambient.jpg")
        assert sorted(next_result(process) for _ in names) == [(name, (300, 200)) for name in names]
        noise.resize((30, 20)).save(folder / "slow.jpg")  # the same photo again: its result follows
        assert next_result(process) == ("slow_ambient.jpg", (30, 20))
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate()
    assert process.returncode == 1
    *complaints, last = errors.splitlines()
    assert last == "f2a: 3 relit, 1 failed"
    assert len(complaints) == 1
    assert "bad.jpg: is not a photo" in complaints[0]
    assert printed == ""
    assert sorted(path.name for path in out.iterdir()) == ["moved_ambient.png", "slow_ambient.jpg"]


@pytest.mark.slow
def test_what_others_wrote_is_left_and_sigterm_ends_it_as_ctrl_c_does(tmp_path, photo, weights):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a_ambient.jpg").write_text("mine")
    with watching(tmp_path, tmp_path / "out", weights) as process:
        photo.save(tmp_path / "a.jpg")
        assert "a_ambient.jpg: exists already; pass --overwrite" in process.stderr.readline()
        process.terminate()
        assert process.communicate()[1] == "f2a: 0 relit, 1 failed\n"
    assert (tmp_path / "out/a_ambient.jpg").read_text() == "mine"


def test_an_output_that_ends_in_a_slash_is_a_folder_whatever_its_suffix(tmp_path, weights, monkeypatch):
    monkeypatch.setattr("f2a.relight.watch.watch_folder", lambda folder: iter(()))
    monkeypatch.setattr(signal, "signal", lambda number, handler: None)
    assert run("f2a", "watch", tmp_path, "-o", f"{tmp_path}/x.jpg/", "--weights", weights).status == 0
    assert (tmp_path / "x.jpg").is_dir()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["{tmp}/none", "-o", "{tmp}/out"], "none: not a folder"), (["{tmp}", "-o", "{tmp}/x.jpg"], "looks like a file"),
     (["{tmp}", "-o", "{tmp}/out", "--quality", "0"], "--quality is 0")],
)  # fmt: skip
def test_wrong_usage_is_one_sentence(tmp_path, weights, arguments, message):
    assert message in sentence("watch", *(text.format(tmp=tmp_path) for text in arguments), "--weights", weights)
    assert not list(tmp_path.iterdir())
