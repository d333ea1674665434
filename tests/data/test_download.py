"""The published archives. Tests cannot reach Google Drive, so a stand-in for ``gdown`` copies from disk."""

import shutil
import stat
import sys
import zipfile
from types import ModuleType, SimpleNamespace

import pytest

from f2a.data import download
from f2a.data.download import ARCHIVES, fetch
from f2a.errors import F2aError
from tests.support.commands import run, sentence
from tests.support.pairs import write_pairs


@pytest.fixture
def published(tmp_path):
    """The zip on the server, with two pairs and the folder that macOS adds."""
    pairs = write_pairs(tmp_path / "theirs" / "DATASET_LR" / "train", 2)
    path = tmp_path / "published.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for photo in sorted(pairs.iterdir()):
            archive.write(photo, f"DATASET_LR/train/{photo.name}")
        archive.writestr("__MACOSX/DATASET_LR/train/._p0_flash.png", b"\0")
    return path


@pytest.fixture
def drive(monkeypatch, published):
    """The stand-in: like gdown 6, it writes a .part file next to the output, resumes it, and renames it at the end."""

    class Drive(ModuleType):
        calls: list[tuple[str, int]] = []  # noqa: RUF012
        cut: int | None = None
        refusal: Exception | None = None

        def download(self, *, id, output, resume):
            assert resume
            part = download.Path(f"{output}12345678.part")
            done = part.read_bytes() if part.exists() else b""
            self.calls.append((id, len(done)))
            if self.refusal:
                raise self.refusal
            part.write_bytes(done + published.read_bytes()[len(done) : self.cut])
            if self.cut:
                self.cut = None
                raise ConnectionError("Download is incomplete:\nthe line broke")
            part.rename(output)
            return output

    drive = Drive("gdown")
    drive.calls = []
    monkeypatch.setitem(sys.modules, "gdown", drive)
    return drive


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_pairs_are_fetched_checked_and_unpacked_once(drive, tmp_path):
    out = tmp_path / "out"
    done = run("f2a", "download", "dataset", "-o", out)
    assert (done.status, done.out) == (0, f"{out / 'dataset'}\n")
    assert f"train_accelerate.py --train_data_dir {out / 'dataset'}/DATASET_LR" in done.err
    photos = [f"dataset/DATASET_LR/train/p{n}_{half}.png" for n in range(2) for half in ("ambient", "flash")]
    assert names(out) == ["dataset.zip", *photos]
    assert drive.calls == [("1Z7Wy9Hj5HjVD8P-zVkw55_BISQ7jQSFg", 0)]
    assert run("f2a", "download", "dataset", "-o", out).status == 0
    shutil.rmtree(out / "dataset")  # the archive is kept
    assert fetch("dataset", out) == out / "dataset"
    assert names(out) == ["dataset.zip", *photos]
    assert len(drive.calls) == 1


def test_a_download_that_was_cut_goes_on(drive, tmp_path):
    drive.cut = 1000
    command = ("download", "model", "-o", tmp_path / "out")
    assert "(Download is incomplete: the line broke); run this again to resume" in sentence(*command)
    assert not (tmp_path / "out" / "model").exists()
    assert run("f2a", *command).status == 0
    assert drive.calls == [("15ycOOjjOJ4KkwubC7g8Ttc5OvzClzM1C", done) for done in (0, 1000)]


def test_when_drive_refuses_the_way_by_hand_is_told(drive, tmp_path):
    drive.refusal = RuntimeError("Cannot retrieve the public link of the file.")
    message = sentence("download", "model", "-o", tmp_path)
    assert f"open {ARCHIVES['model'].page} in a browser, save the file as {tmp_path / 'model.zip'}" in message
    assert "quota" in message


def test_without_gdown_one_sentence_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "gdown", None)
    assert "pip install gdown" in sentence("download", "dataset", "-o", tmp_path)


def link(name):
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


UNSAFE = [
    "../escaped.png",
    "DATASET_LR/../../escaped.png",
    "/tmp/f2a-escaped.png",
    "C:/escaped.png",
    "..\\escaped.png",
    "__MACOSX/../escaped.png",
]


@pytest.mark.parametrize("name", UNSAFE)
def test_nothing_lands_outside_the_target_whatever_its_name_says(drive, published, tmp_path, name):
    with zipfile.ZipFile(published, "a") as archive:
        archive.writestr(name, "escaped")
    before = names(tmp_path)
    fetch("dataset", tmp_path / "out")
    outside = [path for path in names(tmp_path) if not path.startswith("out/dataset/")]
    assert outside == sorted([*before, "out/dataset.zip"])
    assert not download.Path("/tmp/f2a-escaped.png").exists()


def test_a_link_is_refused_before_anything_is_unpacked(drive, published, tmp_path):
    with zipfile.ZipFile(published, "a") as archive:
        archive.writestr(link("link"), "../../escaped")
    before = names(tmp_path)
    with pytest.raises(F2aError, match="'link' in it is a link or device"):
        fetch("dataset", tmp_path / "out")
    assert names(tmp_path) == sorted([*before, "out/dataset.zip"])


@pytest.mark.parametrize(
    ("limits", "message"),
    [({"max_bytes": 1000}, "at most 0 GiB in 100000 files are expected"),
     ({"max_bytes": 1000, "max_files": 2}, "in 4 files; at most 0 GiB in 2 files"), ({}, r"0\.0 GiB are free there")],
)  # fmt: skip
def test_more_than_expected_or_than_the_disk_has_is_refused(drive, tmp_path, monkeypatch, limits, message):
    monkeypatch.setitem(ARCHIVES, "dataset", ARCHIVES["dataset"]._replace(**limits))
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(F2aError, match=message):
        fetch("dataset", tmp_path / "out")


def flip(content):
    at = content.index(b"IDAT") + 20
    return content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (flip, r"cannot be unpacked \(.*p0_ambient\.png"),
        (lambda content: content[: len(content) // 2], "cannot be unpacked"),
        (lambda content: b"<html>Quota exceeded</html>", "File is not a zip file"),
    ],
    ids=["one photo", "cut short", "a web page"],
)
def test_a_broken_archive_is_named_and_nothing_is_left(drive, published, tmp_path, damage, sentence):
    published.write_bytes(damage(published.read_bytes()))
    with pytest.raises(F2aError, match=sentence) as error:
        fetch("dataset", tmp_path / "out")
    assert "delete" in str(error.value)
    assert str(tmp_path / "out" / "dataset.zip") in str(error.value)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["dataset.zip"]
