"""Over 500 hostile and damaged files: each gives a photo or one sentence, soon, in little memory, nothing partial."""

import json
import os
import re
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from f2a.cli import main
from f2a.photo import PhotoError, output_name, read_photo, write_photo
from f2a.relight.relighter import relight_file
from tests.support import corpus
from tests.support.hostile_metadata import absurd_exif, absurd_profiles, absurd_xmp

LONGEST = 5
"""Most seconds of processor time that one file may take; wall-clock time depends on what else the machine does."""

MOST_MEMORY = 1.5e9


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return corpus.make(tmp_path_factory.mktemp("corpus"))


def through_the_door(path: Path, target: Path) -> tuple[int, int]:
    file = read_photo(path)
    write_photo(file.photo, target / output_name(file.path, file.format), file)
    return file.photo.size


def faults_of(path, expected, work, output) -> list[str]:
    """What is wrong with how ``work`` handled one file, one line each."""
    start, size = time.process_time(), None
    try:
        size = work(path, output)
    except PhotoError as error:
        faults = faults_of_sentence(str(error), path)
        if isinstance(expected, tuple):
            faults.append(f"refused: {error}")
    except Exception as error:
        faults = [f"{type(error).__module__}.{type(error).__name__}: {error}"]
    else:
        faults = [f"came out as {size}, not {expected}"] if expected is not None and size != expected else []
    if (seconds := time.process_time() - start) > LONGEST:
        faults.append(f"took {seconds:.1f} s")
    left = list(output.iterdir())
    if len(left) != (size is not None):
        faults.append(f"{len(left)} files in the output")
    for path_left in left:
        if size is not None:
            try:
                if read_photo(path_left).photo.size != size:
                    faults.append("the output has another size")
            except PhotoError as error:
                faults.append(f"the output cannot be read: {error}")
        path_left.unlink()
    return [f"{path.name!r}: {fault}" for fault in faults]


def faults_of_sentence(said: str, path: Path) -> list[str]:
    faults = [] if said.isprintable() else ["the sentence is not printable"]
    if printable(path.name) not in said and printable(path.stem) not in said:
        faults.append(f"the sentence does not name the file: {said}")
    if not 10 < len(said.rpartition(path.suffix + ": ")[2]) < 400:
        faults.append(f"no sentence: {said}")
    return faults


def printable(name: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def faults_in(files, work, output):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [fault for path, file in files.items() for fault in faults_of(path, file.outcome, work, output)]


def test_there_are_enough_of_every_kind(files):
    kinds = {kind.__name__: sum(1 for _ in kind()) for kind in corpus.KINDS}
    assert len(files) >= 500
    assert min(kinds.values()) >= 25
    assert len({path.stem for path in files}) == len(files)


def test_the_corpus_is_the_same_every_time():
    assert list(corpus.flipped(2)) == list(corpus.flipped(2))
    assert list(corpus.truncated()) == list(corpus.truncated())


def test_bombs_odd_names_and_strangers_give_a_photo_or_one_sentence(files, tmp_path):
    quick = {path: file for path, file in files.items() if not path.name.startswith(("truncated ", "flipped ", "meta"))}
    faults = faults_in(quick, through_the_door, tmp_path)
    assert not faults, "\n".join(faults)


def test_a_stranger_never_reaches_a_decoder_that_runs_programs(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(next(file.content for file in corpus.misnamed() if str(file.name).startswith("eps")))
    with pytest.raises(PhotoError, match="is not a photo that can be read"):
        read_photo(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_said(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(corpus.sound()["plain.jpg"])
    path.chmod(0)
    with pytest.raises(PhotoError, match="may not be read; check its permissions"):
        read_photo(path)


@pytest.mark.parametrize(
    "name", ["cannot be transformed", "curve falls", "tags beyond", "curve without values", "gamma of zero"]
)
def test_a_profile_that_littlecms_cannot_use_costs_the_profile_not_the_photo(tmp_path, relighter, name):
    icc_profile = {**absurd_profiles(), "cannot be transformed": absurd_profiles()["no primaries"]}[name]
    corpus.picture().save(tmp_path / "a.png", icc_profile=icc_profile)
    file = read_photo(tmp_path / "a.png")
    assert file.notes == ("its colour profile is damaged and was ignored",)
    assert relighter.prepare(file.photo).render().size == corpus.SIZE


def test_exif_that_unfolds_a_thousandfold_costs_the_exif_not_the_photo(tmp_path):
    for name in ("a crowd of descriptions", "a crowd of notes", "a crowd that is larger", "a larger crowd of exif"):
        corpus.picture().save(tmp_path / "a.png", exif=b"Exif\0\0" + absurd_exif()[name])
        start = time.process_time()
        file = read_photo(tmp_path / "a.png")
        assert time.process_time() - start < LONGEST
        assert file.notes == ("its EXIF is damaged and was left out",)


@pytest.mark.parametrize("name", ["laughs", "reads a file", "deep", "unknown encoding", "wider"])
def test_xmp_that_is_a_trap_costs_the_xmp_not_the_photo(tmp_path, name):
    corpus.picture().save(tmp_path / "a.webp", xmp=absurd_xmp()[name])
    assert read_photo(tmp_path / "a.webp").notes == ("its XMP is damaged and was left out",)


def test_a_name_in_another_encoding_is_told_and_reported(tmp_path, weights, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in (b"\xe9t\xe9.png", b"new\nline.png"):
        corpus.picture().save(os.fsdecode(os.path.join(os.fsencode(folder), name)))
    report = tmp_path / "report.json"
    flags = ["-o", str(tmp_path / "out"), "--weights", str(weights), "--device", "cpu", "--report", str(report)]
    assert main(["relight", str(folder), *flags]) == 0
    said = capsys.readouterr().out
    assert "\\udce9t\\udce9_ambient.png" in said
    assert len(said.splitlines()) == 2
    assert {Path(photo["photo"]).name for photo in json.loads(report.read_text())["photos"]} == set(os.listdir(folder))


@pytest.mark.slow
def test_relit_it_gives_a_photo_or_one_sentence(files, tmp_path, relighter):
    def relit(path, output):
        target = relight_file(relighter, path, output)
        return read_photo(target).photo.size

    faults = faults_in(files, relit, tmp_path)
    assert not faults, "\n".join(faults)


MEASURED = """
import json, re, sys
from f2a.cli import main
status = main(["relight", sys.argv[1], "-o", sys.argv[2], "--weights", sys.argv[3], "--device", "cpu", "--jobs", "2",
               "--report", sys.argv[4]])
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) * 1024
print(json.dumps({"status": status, "peak": peak}))
"""


@pytest.mark.slow  # memory as /proc tells it: getrusage would begin with that of the process that ran the tests
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory where Linux shows it")
def test_the_command_line_takes_the_whole_folder_in_little_memory(files, tmp_path, weights):
    folder = next(iter(files)).parent
    output, report = tmp_path / "out", tmp_path / "report.json"
    command = [sys.executable, "-c", MEASURED, folder, output, weights, report]
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run(command, capture_output=True, cwd=root)
    said, errors = run.stdout.decode(), run.stderr.decode()
    assert "Traceback" not in errors, errors[-3000:]
    measured = json.loads(said.splitlines()[-1])
    photos = json.loads(report.read_text(encoding="utf-8"))["photos"]
    failed = [photo for photo in photos if photo["status"] == "failed"]
    lines = re.findall("f2a: /", errors)  # a decoder of another photo may have begun the line
    notes = sum(len(photo["notes"]) for photo in photos)
    print(f"{len(photos)} files, {len(failed)} refused, peak {measured['peak'] / 1e6:.0f} MB")  # for the document
    assert measured["status"] == 1
    assert len(lines) == len(failed) + notes
    assert {photo["status"] for photo in photos} == {"relit", "failed"}
    assert len(list(output.iterdir())) == len(photos) - len(failed)
    assert measured["peak"] < MOST_MEMORY
