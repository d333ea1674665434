"""Files and folders that appear complete or not at all."""

import os

import pytest

from f2a.files import OutputError, atomic_dir, atomic_write, write_output


def test_a_file_takes_its_place_only_when_all_went_well(tmp_path):
    path = tmp_path / ("x" * 255)  # the longest possible name
    with atomic_write(path) as beside:
        beside.write_text("old")
        assert not path.exists()
    with pytest.raises(ZeroDivisionError), atomic_write(path) as beside:
        beside.write_text("ne" * (1 // 0))
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == [path.name]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "file"
    with atomic_write(path) as one, atomic_write(path) as other:
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"  # the last to end
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_that_leads_to_itself_becomes_the_file(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "link")
    write_output(tmp_path / "link", b"new")
    assert (tmp_path / "link").read_bytes() == b"new"


def test_an_output_goes_where_a_link_leads_and_never_in_place_of_a_device(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_output(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputError, match=r"pipe: cannot be written \(not a file\)"):
        write_output(tmp_path / "pipe", b"new")
    assert (tmp_path / "pipe").is_fifo()


def test_a_folder_takes_its_place_with_all_that_lies_in_it_once_that_is_synced(tmp_path, monkeypatch):
    synced, unfinished = [], tmp_path / "out.part" / "inner" / "file"
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.path.samestat(os.fstat(file), unfinished.stat())))
    for text in ("old", "new"):
        with atomic_dir(tmp_path / "out") as beside:
            (beside / "inner").mkdir()
            (beside / "inner" / "file").write_text(text)
    assert (tmp_path / "out" / "inner" / "file").read_text() == "new"
    assert os.listdir(tmp_path) == ["out"]
    assert synced == [True, True]
