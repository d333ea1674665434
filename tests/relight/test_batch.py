"""Many photos: each is relit once, whatever exists already, however many processes share the list."""

import json
import mimetypes
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from f2a.errors import F2aError
from f2a.photo import PhotoError, check_target, is_hidden
from f2a.relight import relighter as relighter_module
from f2a.relight.batch import Batch, Result, Shard, Task, plan, summary, unreadable_note
from tests.support import ROOT
from tests.support.commands import run
from tests.support.waiting import PATIENCE_S


@pytest.fixture
def photos(tmp_path, photo):
    """Seven photos, 7 wide and 5 high: p0.png ... p6.png."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(7):
        photo.save(folder / f"p{number}.png")
    return folder


def tasks_in(folder, output):
    output.mkdir(exist_ok=True)
    return [Task(photo, output) for photo in sorted(folder.iterdir())]


def copy(source, target, *, on_target, report):
    """Copy a photo instead of relighting it; the result is named after the photo."""
    result = target / f"{source.stem}_ambient{source.suffix}"
    on_target(result)
    result.write_bytes(source.read_bytes())
    return result


def statuses(results):
    return [result.status for result in results]


def test_outcomes_come_in_order_and_only_so_many_photos_are_in_work(photos, tmp_path):
    """The first three photos wait for one another, and the first for the last."""
    three, last, in_work, most = threading.Barrier(3), threading.Event(), threading.Semaphore(0), []

    def slow(source, target, *, on_target, report):
        in_work.release()
        most.append(in_work._value)
        if source.stem in ("p0", "p1", "p2"):
            three.wait(PATIENCE_S)
        if source.stem == "p6":
            last.set()
        if source.stem == "p0":
            last.wait(PATIENCE_S)
        in_work.acquire()
        return copy(source, target, on_target=on_target, report=report)

    results = list(Batch(tasks_in(photos, tmp_path / "out")).run(slow, 3))
    assert [Path(result.photo).name for result in results] == [f"p{number}.png" for number in range(7)]
    assert max(most) == 3


@pytest.fixture
def given_up(monkeypatch):
    """An event that is set when a run gives up the photos that it has not begun."""
    event = threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            event.set()
            super().shutdown(wait)

    monkeypatch.setattr("f2a.relight.batch.ThreadPoolExecutor", Pool)
    return event


def test_a_run_that_was_stopped_goes_on_where_it_was(photos, tmp_path, given_up):
    """The second photo is being relit when the run is closed, and finishes only after the others are given up."""
    begun = threading.Event()

    def held(source, target, *, on_target, report):
        if source.stem == "p1":
            begun.set()
            given_up.wait(PATIENCE_S)
        return copy(source, target, on_target=on_target, report=report)

    tasks = tasks_in(photos, tmp_path / "out")
    first = Batch(tasks).run(held, 1)
    next(first)
    assert begun.wait(PATIENCE_S)
    first.close()
    done = len(list((tmp_path / "out").iterdir()))
    assert done == 2
    again = Batch(tasks)
    results = [*again.done, *again.run(copy, 2)]
    assert statuses(results) == ["skipped"] * done + ["relit"] * (7 - done)
    assert statuses(Batch(tasks).done) == ["skipped"] * 7
    assert statuses(Batch(tasks, overwrite=True).run(copy, 2)) == ["relit"] * 7


def test_a_bad_photo_fails_alone(photos, tmp_path):
    def relight(source, target, *, on_target, report):
        report("a note")
        if source.stem == "p2":
            raise PhotoError(source, "is damaged")
        return copy(source, target, on_target=on_target, report=report)

    results = list(Batch(tasks_in(photos, tmp_path / "out")).run(relight, 2))
    assert statuses(results) == ["relit"] * 2 + ["failed"] + ["relit"] * 4
    assert "p2.png: is damaged" in results[2].error
    assert results[2].notes == (f"{photos / 'p2.png'}: a note",)


@pytest.mark.parametrize("of", [1, 2, 3, 10])
def test_processes_share_the_list_without_overlap(photos, tmp_path, of):
    """Even if the second process lists the folder after the first has written its results."""
    tasks, relit = tasks_in(photos, tmp_path / "out"), []
    for number in range(of):
        batch = Batch(tasks, Shard(number, of))
        assert batch.done == []
        relit += [result.photo for result in batch.run(copy, 1)]
    assert sorted(relit) == sorted(str(task.photo) for task in tasks)


def test_of_two_photos_for_one_name_the_second_fails_in_whichever_process_has_it(photo, tmp_path):
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
        photo.save(tmp_path / place / "a.png")
    tasks = [Task(tmp_path / place / "a.png", tmp_path) for place in ("x", "y")]
    for overwrite in (False, True):
        assert statuses(Batch(tasks, Shard(0, 2), overwrite).done) == []
        assert statuses(Batch(tasks, Shard(1, 2), overwrite).done) == ["failed"]
    (second,) = Batch(tasks).done
    assert second.error.startswith(f"{tasks[1].photo}: its result would replace {tmp_path}/a_ambient.png")


def test_a_link_that_leads_to_itself_does_not_end_the_batch(photo, tmp_path, relight):
    photo.save(tmp_path / "a.png")
    (tmp_path / "out").mkdir()
    for name in ("a_ambient.png", "report.json"):
        (tmp_path / "out" / name).symlink_to(name)
    done = relight(tmp_path / "a.png", "--report", tmp_path / "out" / "report.json")
    assert (done.status, done.err) == (0, "")
    assert json.loads((tmp_path / "out" / "report.json").read_text())["photos"][0]["status"] == "relit"
    assert Image.open(tmp_path / "out" / "a_ambient.png").size == photo.size


def test_a_name_that_only_the_content_tells_is_reserved_too(photos, tmp_path):
    def all_to_one(source, target, *, on_target, report):
        on_target(target / "same.png")
        (target / "same.png").write_bytes(b"")
        return target / "same.png"

    tasks = tasks_in(photos, tmp_path / "out")
    assert sorted(statuses(Batch(tasks).run(all_to_one, 3))) == ["failed"] * 6 + ["relit"]
    assert statuses(Batch(tasks[:1]).run(all_to_one, 1)) == ["skipped"]


@pytest.mark.parametrize(("rank", "size"), [("2", "2"), ("-1", "2"), ("x", "2"), ("0", "")])
def test_a_wrong_rank_is_named(monkeypatch, rank, size):
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", size)
    with pytest.raises(F2aError, match=f"RANK is '{rank}'"):
        Shard.from_environment()


def test_the_summary_counts():
    results = [Result("a", "relit"), Result("b", "relit"), Result("c", "skipped"), Result("d", "failed")]
    line = summary(results, 4.0, Shard(1, 3))
    assert line.startswith("process 2 of 3: 2 of 4 photos relit in 4.0 s (0.50 a second), 1 skipped")
    assert line.endswith("1 failed")


def test_results_and_what_programs_keep_for_themselves_are_left_alone(photos):
    hidden = ("._p0.png", ".trashed-1790000000-p1.JPG", ".pending-1790000000-p1.JPG")
    for name in ("p0_ambient.png", "notes.txt", *hidden):
        (photos / name).write_bytes(b"")
    for name in ("@eaDir", ".thumbnails", "__MACOSX", "#recycle", "$RECYCLE.BIN", ".@__thumb"):
        (photos / name).mkdir()
        assert is_hidden(Path(name, "p0.png"))
    assert [task.photo.name for task in plan([photos], photos / "out.2024")] == [f"p{n}.png" for n in range(7)]
    assert (photos / "out.2024").is_dir()


def test_every_suffix_of_a_format_that_is_read_is_known(photos):
    Image.init()
    read = ("JPEG", "MPO", "PNG", "WEBP", "TIFF", "BMP", "DIB", "AVIF", "GIF", "JPEG2000", "TGA", "PPM")
    known = [f"g{suffix}" for suffix, format in Image.registered_extensions().items() if format in read]
    assert len(known) >= 30
    names = ["a.HIF", "b.jp2", "c.3FR", "d.pbm", "e.JIF", "f.dib", *known]
    for name in names:
        (photos / name).write_bytes(b"")
    assert {task.photo.name for task in plan([photos], photos)} >= set(names)


@pytest.fixture
def relight(tmp_path, weights):
    """``relight(photo, ...)`` runs the command, writing into ``tmp_path / "out"``; returns its status and output."""
    return lambda *words: run("f2a", "relight", *words, "-o", tmp_path / "out", "--weights", weights)


def test_pictures_that_are_passed_over_are_named_in_one_line(photos, relight):
    assert unreadable_note([photos]) == ""
    for name in ("a.jxl", "b.PSD", "c.exr", "._d.jxl", "notes.txt", *(f"e{n}.exr" for n in range(4))):
        (photos / name).write_bytes(b"")
    for name in ("album.jpg", "layers.psd"):  # a folder is skipped whatever its name
        (photos / name).mkdir()
    line = "skipped 7 pictures in formats that f2a cannot read: a.jxl, b.PSD, c.exr, e0.exr, e1.exr, ..."
    assert unreadable_note([photos, photos / "p0.png"]) == line
    done = relight(photos)
    assert done.status == 0
    assert f"f2a: {line}\n" in done.err
    assert "7 of 7 photos relit" in done.err
    for photo in photos.glob("p*.png"):
        photo.unlink()
    done = relight(photos)
    assert done.status == 2
    assert line in done.err
    assert "no photo in this folder" in done.err


@pytest.mark.parametrize("name", ["a.bpg", "a.flif", "a.PCD", "a.dds", "a.pict", "a.xcf", "a.svgz", "a.psd", "a.sgi"])
def test_a_picture_is_known_by_its_suffix_on_any_system(tmp_path, monkeypatch, name):
    monkeypatch.setattr(mimetypes, "_db", mimetypes.MimeTypes())  # without those that the system lists
    for other in (name, "film.mpg", "letter.pdf", "IMG_1.xmp", "notes.txt"):
        (tmp_path / other).write_bytes(b"")
    assert unreadable_note([tmp_path]) == f"skipped 1 picture in formats that f2a cannot read: {name}"


def test_raw_files_without_rawpy_are_passed_over_with_the_remedy(photos, monkeypatch):
    for name in ("a.CR3", "b.RAW"):
        (photos / name).write_bytes(b"")
    assert len(plan([photos], photos)) == 7 + 2 * (find_spec("rawpy") is not None)
    monkeypatch.setitem(sys.modules, "rawpy", None)
    assert len(plan([photos], photos)) == 7
    line = "skipped 2 pictures in formats that f2a cannot read: a.CR3, b.RAW; for raw files run: pip install rawpy"
    assert unreadable_note([photos]) == line


def reported(path):
    """The status of each photo in a report."""
    return [entry["status"] for entry in json.loads(path.read_text())["photos"]]


def test_the_report_says_what_became_of_every_photo(photos, tmp_path, relight):
    (photos / "p3.png").write_text("a letter")
    report = tmp_path / "report.json"
    assert relight(photos, "--jobs", "2", "--report", report).status == 1
    content = json.loads(report.read_text())
    assert reported(report) == ["relit"] * 3 + ["failed"] + ["relit"] * 3
    assert "p3.png" in content["photos"][3]["error"]
    assert content["options"]["jobs"] == 2
    assert content["options"]["photos"] == [str(photos)]
    again = relight(photos, "--jobs", "2", "--report", report)
    assert again.status == 1
    assert reported(report).count("skipped") == 6
    assert "6 skipped" in again.err


@pytest.mark.usefixtures("interruptible")
def test_after_ctrl_c_there_are_a_closing_line_and_a_complete_report(photos, tmp_path, relight, monkeypatch, given_up):
    def interrupted(relighter, source, target, *, on_target, report, **options):
        if source.name == "p2.png":
            os.kill(os.getpid(), signal.SIGINT)
            given_up.wait(PATIENCE_S)
        return copy(source, target, on_target=on_target, report=report)

    monkeypatch.setattr(relighter_module, "relight_file", interrupted)
    report = tmp_path / "report.json"
    ended = relight(photos, "--jobs", "1", "--report", report)
    assert ended.status == 130
    assert ended.out.split() == [str(tmp_path / "out" / f"p{n}_ambient.png") for n in range(3)]
    assert "3 of 7 photos relit" in ended.err
    assert ended.err.endswith("4 not begun (run the same command to continue with them)\n")
    assert reported(report) == ["relit"] * 3 + ["not begun"] * 4
    monkeypatch.setattr(os, "kill", lambda process, number: None)
    again = relight(photos, "--jobs", "1")
    assert again.status == 0
    assert "4 of 7 photos relit" in again.err


def test_a_result_that_another_run_made_meanwhile_is_skipped(photos, tmp_path):
    def late(source, target, *, on_target, report):
        result = copy(source, target, on_target=on_target, report=report)  # as the other run does
        check_target(result, overwrite=False)

    [result] = Batch(tasks_in(photos, tmp_path / "out")[:1]).run(late, 1)
    assert (result.status, result.target) == ("skipped", str(tmp_path / "out" / "p0_ambient.png"))


def test_nothing_to_do_needs_no_weights(photos, tmp_path, relight):
    assert relight(photos).status == 0
    assert run("f2a", "relight", photos, "-o", tmp_path / "out", "--weights", tmp_path / "none").status == 0


@pytest.mark.slow
def test_accelerate_launch_shares_the_list(photos, tmp_path, weights):
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
                "--main_process_port", "0"]  # fmt: skip
    words = ["relight", photos, "-o", tmp_path / "out", "--weights", weights, "--report", tmp_path / "report.json"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    ended = subprocess.run([*launcher, "-m", "f2a", *words], env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "process 1 of 2: 4 of 4 photos relit" in ended.stderr
    assert len(list((tmp_path / "out").glob("p?_ambient.png"))) == 7
    assert [reported(tmp_path / f"report-{n}-of-2.json") for n in (1, 2)] == [["relit"] * 4, ["relit"] * 3]
