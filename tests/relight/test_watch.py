"""A photo in a watched folder is yielded once, and only when it is complete."""

import os
from itertools import count
from types import SimpleNamespace

import pytest

from f2a.errors import F2aError
from f2a.relight import watch
from f2a.relight.watch import stable_photos, watch_folder


@pytest.fixture
def looks(monkeypatch, tmp_path):
    """What :func:`stable_photos` yields if it looks once a second. One of ``acts`` is done before each look and returns
    the names that changed, or None."""

    def run(*acts, settle_s=2):
        monkeypatch.setattr(watch, "time", SimpleNamespace(monotonic=count().__next__))
        changes = ({tmp_path / name for name in act() or ()} for act in acts)
        return [path and path.name for path in stable_photos(changes, settle_s)]

    return run


def nothing():
    return None


def added(path, tell=True):
    """An act that appends a byte to a file, with or without an event."""

    def act():
        with open(path, "ab") as file:
            file.write(b"1")
        return [path.name] if tell else None

    return act


TAKEN = {
    "once it has not changed for the time": ("add - - -", [None, None, "a.jpg", None, None]),
    "when it grows no more, also if no event says so": ("add add grow - - -", [None] * 4 + ["a.jpg", None, None]),
    "again when it changes again": ("add - - add - -", [None, None, "a.jpg", None, None, None, "a.jpg", None]),
}


@pytest.mark.parametrize("when", TAKEN)
def test_a_photo_is_taken(looks, tmp_path, when):
    acts, names = TAKEN[when]
    path = tmp_path / "a.jpg"
    kinds = {"add": added(path), "grow": added(path, tell=False), "-": nothing}
    assert looks(*(kinds[act] for act in acts.split())) == names


def test_a_name_that_is_moved_away_or_is_a_folder_is_forgotten(looks, tmp_path):
    def write():
        (tmp_path / "a.jpg").write_bytes(b"1")
        (tmp_path / "folder.jpg").mkdir()
        return ["a.jpg", "folder.jpg"]

    def move():
        os.replace(tmp_path / "a.jpg", tmp_path / "b.jpg")
        return ["a.jpg", "b.jpg"]

    assert looks(write, move, nothing, nothing) == [None, None, None, "b.jpg", None]


@pytest.mark.parametrize("name", ["a_ambient.jpg", "notes.txt", "._a.jpg", ".a.jpg", "a.jpg.part", "a.tmp"])
def test_results_and_what_is_no_photo_are_left_alone(looks, tmp_path, name):
    assert looks(added(tmp_path / name), nothing, nothing, nothing) == [None] * 4


def test_real_files_arrive_and_a_folder_that_goes_is_one_sentence(tmp_path):
    folder = tmp_path / "camera"
    folder.mkdir()
    (folder / "before.jpg").write_bytes(b"1")
    photos = watch_folder(folder, settle_s=0.2)
    (folder / "a.jpg").write_bytes(b"1")
    assert next(photos) == folder / "a.jpg"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    with pytest.raises(F2aError, match="no longer exists"):
        next(photos)
