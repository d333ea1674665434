"""Every JPEG that can be read can be written; only the end marker may be missing."""

import io
import itertools
import shutil
import subprocess
import time

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from f2a.photo import PhotoError, read_photo, stated_size, write_photo
from f2a.photo.codecs import losses
from f2a.photo.codecs.jpeg_end import segments
from tests.support.corpus import saved
from tests.support.parts import segment

END = b"\xff\xd9"
FILM = b"\0\0\0\x18ftypmp42" + bytes(80)


@pytest.fixture
def picture():
    """A smooth picture with grain, 64 wide and 48 high."""
    rows, columns = np.mgrid[0:48, 0:64]
    grain = np.random.default_rng(0).integers(0, 20, (48, 64))
    return Image.fromarray(np.stack([columns * 3.5 + grain, rows * 4.5 + grain, 120 + grain], -1).astype(np.uint8))


def encoded(picture, **options):
    return saved(picture, "JPEG", **options)


def pixels(content):
    """The pixels as Pillow decodes them."""
    return np.asarray(Image.open(io.BytesIO(content)))


def written_again(path):
    file = read_photo(path)
    write_photo(file.photo, path.with_name("b.jpg"), file)
    return Image.open(path.with_name("b.jpg"))


def test_tables_in_any_slots_are_written_for_the_same_colours(tmp_path, picture):
    content = encoded(picture, quality=30)
    luma, chroma = content.index(b"\xff\xdb\0C\0"), content.index(b"\xff\xdb\0C\1")
    frame = content.index(b"\xff\xc0")
    moved = bytearray(content)
    moved[luma + 4], moved[chroma + 4] = 3, 1
    moved[frame + 12] = 3
    (tmp_path / "a.jpg").write_bytes(moved)
    before, after = Image.open(io.BytesIO(content)), written_again(tmp_path / "a.jpg")
    assert after.quantization == before.quantization
    assert [slot for *_, slot in after.layer] == [0, 1, 1]


NO_END = ("its end marker is missing",)
ENDS = {
    **{f"{n} bytes": (lambda jpeg, n=n: jpeg[:-n], NO_END) for n in (1, 2)},
    "an end in a comment alone": (lambda jpeg: jpeg[:2] + segment(0xFE, END) + jpeg[2:-2], NO_END),
    "zeros for the end": (lambda jpeg: jpeg[:-2] + bytes(5000), NO_END),
    "text for the end": (lambda jpeg: jpeg[:-2] + b"behind the end", NO_END),
    "fill bytes for the end": (lambda jpeg: jpeg[:-2] + b"\xff" * 40, NO_END),
    "zeros behind": (lambda jpeg: jpeg + bytes(4096), ()),
    "text behind": (lambda jpeg: jpeg + b"behind the end", (losses.FURTHER_DATA,)),
    "fill bytes before a marker": (lambda jpeg: jpeg.replace(b"\xff\xc0", b"\xff\xff\xff\xc0", 1), ()),
    **{f"{n} zeros before the end": (lambda jpeg, n=n: jpeg[:-2] + bytes(n) + END, ()) for n in (1, 16, 17, 4096)},
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}], ids=str)
def test_a_whole_picture_is_read_whatever_became_of_its_end(tmp_path, picture, options, name):
    change, notes = ENDS[name]
    white = [Image.new("RGB", picture.size, "white")] if name.endswith("zeros before the end") else []
    for image in (picture, *white):
        content = encoded(image, **options)
        (tmp_path / "a.jpg").write_bytes(change(content))
        file = read_photo(tmp_path / "a.jpg")
        assert file.notes == notes
        assert np.array_equal(file.photo.rows(), pixels(content))


CUT = [(missing, b"") for missing in (4, 40, 300)] + [(300, behind) for behind in (END, bytes(5000), END + FILM)]
ZEROS = [(missing + 2, bytes(zeros) + END) for missing, zeros in ((40, 40), (60, 900), (300, 300), (300, 4096))]


@pytest.mark.parametrize(
    ("missing", "behind", "progressive"),
    [*((*cut, progressive) for cut in CUT for progressive in (False, True)), *((*cut, False) for cut in ZEROS)],
)
def test_missing_lines_are_refused_whatever_stands_for_them(tmp_path, picture, missing, behind, progressive):
    (tmp_path / "a.jpg").write_bytes(encoded(picture, progressive=progressive)[:-missing] + behind)
    with pytest.raises(PhotoError, match="cut short"):
        read_photo(tmp_path / "a.jpg")


@pytest.mark.parametrize("script", ["", "0;1;2;"], ids=["progressive", "a scan for each colour"])
def test_a_picture_that_lacks_whole_scans_is_refused(tmp_path, picture, script):
    content = encoded(picture, progressive=True)
    if script:
        if not shutil.which("cjpeg"):
            pytest.skip("cjpeg is not installed")
        picture.save(tmp_path / "a.ppm")
        (tmp_path / "script").write_text(script)
        command = ["cjpeg", "-scans", tmp_path / "script", tmp_path / "a.ppm"]
        content = subprocess.run(command, check=True, capture_output=True).stdout
    scans = [at for at in range(len(content)) if content[at : at + 2] == b"\xff\xda"]
    assert len(scans) > 2
    for end, behind in itertools.product(scans[1:], [b"", END]):
        (tmp_path / "a.jpg").write_bytes(content[:end] + behind)
        with pytest.raises(PhotoError, match="cut short"):
            read_photo(tmp_path / "a.jpg")
    (tmp_path / "a.jpg").write_bytes(content[:-2])
    assert read_photo(tmp_path / "a.jpg").notes == NO_END


def test_missing_lines_of_any_size_of_picture_are_refused(tmp_path, picture):
    for width, height in itertools.product(range(57, 65), range(41, 49)):
        content = encoded(picture.crop((0, 0, width, height)), subsampling="4:4:4")
        (tmp_path / "a.jpg").write_bytes(content[:-30] + END)
        with pytest.raises(PhotoError, match="cut short"):
            read_photo(tmp_path / "a.jpg")


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_pages_lack_nothing_whatever_their_data_end_in(tmp_path, mode, progressive, level):
    for width in (*range(8, 97, 8), 600):
        image = Image.new(mode, (width, 344), level if mode == "L" else (level,) * 3)
        content = encoded(image, optimize=True, progressive=progressive)
        for end, notes in ((len(content), ()), (-2, NO_END)):
            (tmp_path / "a.jpg").write_bytes(content[:end])
            assert read_photo(tmp_path / "a.jpg").notes == notes


@pytest.mark.parametrize("zeros", [0, 40, 4096])
def test_blank_pages_that_lack_lines_are_refused(tmp_path, zeros):
    content = encoded(Image.new("RGB", (600, 344), "white"), optimize=True)
    (tmp_path / "a.jpg").write_bytes(content[:-600] + bytes(zeros))
    with pytest.raises(PhotoError, match="cut short"):
        read_photo(tmp_path / "a.jpg")


@pytest.mark.parametrize("junk", [b"\xff", b"\xff\0"])
def test_a_flood_of_what_is_no_marker_takes_no_time(junk):
    start = time.process_time()
    assert list(segments(b"\xff\xd8" + junk * 20_000_000 + b"\xff\xda\0\x02")) == [(0xDA, len(junk) * 20_000_000 + 4)]
    assert time.process_time() - start < 5


def test_arithmetic_coding_is_read_with_its_tables(tmp_path, picture):
    if not shutil.which("cjpeg"):
        pytest.skip("cjpeg is not installed")
    picture.save(tmp_path / "a.ppm")
    flags = ["-quality", "60", "-sample", "2x2"]
    for name, more in (("a.jpg", ["-arithmetic"]), ("usual.jpg", [])):
        subprocess.run(["cjpeg", *flags, *more, "-outfile", tmp_path / name, tmp_path / "a.ppm"], check=True)
    usual = Image.open(tmp_path / "usual.jpg")
    assert np.array_equal(read_photo(tmp_path / "a.jpg").photo.rows(), np.asarray(usual))
    assert written_again(tmp_path / "a.jpg").quantization == usual.quantization


@pytest.mark.parametrize("more", [[], ["-progressive"], ["-restart", "2B"]], ids=str)
def test_zeros_that_arithmetic_coding_leaves_out_are_not_missing(tmp_path, picture, more):
    if not shutil.which("cjpeg"):
        pytest.skip("cjpeg is not installed")
    for width in range(24, 64):
        picture.crop((0, 0, width, 40)).save(tmp_path / "a.ppm")
        subprocess.run(["cjpeg", "-arithmetic", *more, "-outfile", tmp_path / "a.jpg", tmp_path / "a.ppm"], check=True)
        assert read_photo(tmp_path / "a.jpg").notes == ()


def test_twelve_bits_stay_twelve(tmp_path, picture):
    values = np.asarray(picture).astype(np.uint16) * 16
    (tmp_path / "a.jpg").write_bytes(imagecodecs.jpeg8_encode(values, level=100, bitspersample=12))
    file = read_photo(tmp_path / "a.jpg")
    assert file.photo.dtype == np.uint16
    assert np.abs(file.photo.rows() / 65535 - values / 4095).mean() < 0.01
    assert stated_size(tmp_path / "a.jpg") == (64, 48)
    assert write_photo(file.photo, tmp_path / "b.jpg", file) == [
        "JPEG is written with 8 bits a colour, so 12 were rounded"
    ]


def test_a_giant_of_a_coding_that_pillow_lacks_is_refused_before_it_is_decoded(tmp_path, picture, monkeypatch):
    values = np.asarray(picture).astype(np.uint16) * 16
    content = bytearray(imagecodecs.jpeg8_encode(values, level=100, bitspersample=12))
    frame = next(at for at in range(len(content)) if content[at] == 0xFF and 0xC0 <= content[at + 1] <= 0xC2)
    content[frame + 5 : frame + 9] = b"\xff\xdc\xff\xdc"
    (tmp_path / "a.jpg").write_bytes(content)
    monkeypatch.setattr(imagecodecs, "jpeg8_decode", None)
    with pytest.raises(PhotoError, match="has 65500 x 65500 pixels"):
        read_photo(tmp_path / "a.jpg")


def test_all_comments_are_kept_but_those_that_name_a_place(tmp_path, picture):
    content = encoded(picture)
    texts = [b"A party", b"GPS: 52.5163, 13.3777", "Fête".encode("latin-1"), b"x" * 65_533]
    (tmp_path / "a.jpg").write_bytes(content[:2] + b"".join(segment(0xFE, text) for text in texts) + content[2:])
    written = written_again(tmp_path / "a.jpg")
    assert [content for name, content in written.applist if name == "COM"] == [texts[0], *texts[2:]]


def test_the_size_is_told_without_reading_the_pixels(tmp_path, picture, monkeypatch):
    (tmp_path / "a.jpg").write_bytes(encoded(picture))
    monkeypatch.setattr("pathlib.Path.read_bytes", None)
    assert stated_size(tmp_path / "a.jpg") == (64, 48)


def test_three_tables_are_written_for_the_same_colours(tmp_path, picture):
    tables = [[start + n // 8 for n in range(64)] for start in (3, 7, 12)]
    picture.save(tmp_path / "a.jpg", qtables=tables, subsampling=0)
    after = written_again(tmp_path / "a.jpg")
    assert [list(after.quantization[slot]) for *_, slot in after.layer] == tables


def test_tables_of_values_above_255_and_restart_markers_are_read_and_written(tmp_path, picture):
    tables = [[300] * 64, [900] * 64]
    picture.save(tmp_path / "a.jpg", qtables=tables, restart_marker_blocks=2)
    assert b"\xff\xdd" in (tmp_path / "a.jpg").read_bytes()
    assert list(written_again(tmp_path / "a.jpg").quantization.values()) == tables
