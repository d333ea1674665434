"""What the page does without Gradio: the service, the examples and their texts."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from f2a.data.cache import DataError
from f2a.page import service, text
from f2a.page.clipping import BLACK_COLOR, BURNT_COLOR, Clipping
from f2a.page.examples import BUNDLED, FolderPairs, by_category, open_examples
from f2a.page.gallery import Gallery
from f2a.page.service import PhotoCountError, RelightService, Viewport, free_name, sweep_folder
from f2a.photo import PhotoError, read_photo
from f2a.relight.controls import NEUTRAL, Controls
from f2a.relight.relighter import relight_file
from tests.support import ROOT
from tests.support.hostile_metadata import png_of
from tests.support.hub_stub import HubStub
from tests.support.pairs import write_pairs

WARM = Controls(warmth=50)


@pytest.fixture
def relight_service(relighter, tmp_path):
    return RelightService(relighter, tmp_path / "requests")


@pytest.fixture
def party(tmp_path):
    """A photo 40 pixels wide and 30 high."""
    Image.linear_gradient("L").resize((40, 30)).convert("RGB").save(tmp_path / "party.jpg")
    return tmp_path / "party.jpg"


def test_the_network_runs_once_however_often_a_slider_moves(relight_service, party, monkeypatch):
    runs = runs_of_the_network(relight_service.relighter, monkeypatch)
    previews = [
        relight_service.preview(relight_service.open(party), Controls(exposure=exposure)) for exposure in (-1, 0, 1)
    ]
    brightness = [np.asarray(Image.open(preview.relit)).mean() for preview in previews]
    assert brightness == sorted(brightness)
    assert brightness[0] < brightness[2] - 20
    assert len(runs) == 1
    assert len({preview.relit.parent for preview in previews}) == 3  # a folder for each request


def test_the_visitors_folder_is_there_before_the_first_photo(relighter, tmp_path):
    """Gradio writes into it as soon as a slider moves, but creates it only when a photo is uploaded."""
    assert RelightService(relighter, tmp_path / "new" / "visitors").folder.is_dir()


@pytest.mark.parametrize(
    ("photo", "screen", "size"),
    [((3200, 40), (), (1280, 16)), ((40, 3200), (), (16, 1280)), ((300, 200), (), (300, 200)),  # not enlarged
     ((2000, 1500), (360, 600), (400, 300)), ((2000, 1500), (3000, 290), (400, 300)),
     ((2000, 1500), (0, -5), (100, 75)), ((2000, 1500), (9000, 9000), (1280, 960))],
)  # fmt: skip
def test_a_preview_is_no_larger_than_1280_pixels_and_its_place(relight_service, tmp_path, photo, screen, size):
    """Sizes have steps of 100 pixels, and the flash photo's preview is always the same file, which a browser caches."""
    Image.new("RGB", photo, (90, 80, 70)).save(tmp_path / "large.png")
    held = relight_service.open(tmp_path / "large.png")
    assert held.size == photo
    first, second = (relight_service.preview(held, controls, Viewport(*screen)) for controls in (NEUTRAL, WARM))
    assert Image.open(first.relit).size == Image.open(first.flash).size == size
    assert (Image.open(first.relit).format, first.flash) == ("WEBP", second.flash)


def test_a_browser_that_says_absurd_things_is_sent_no_more_than_a_screenful():
    """The browser asks for every pixel of a 64-megapixel photo."""
    giant = (8000, 8000)
    assert Viewport(10**9, 10**9, (0.5, 0.5)).box(giant) == (1952, 1952, 6048, 6048)
    assert Viewport(-5, 0, (0.5, 0.5)).box(giant) == (4000, 4000, 4001, 4001)
    assert Viewport(10**9, 10**9, (1e300, -1e300)).box(giant) == (3904, 0, 8000, 4096)
    assert Viewport(10**9, 1).side(giant) == 100


@pytest.mark.parametrize(
    ("screen", "center", "box"),
    [
        ((60, 40), (0.5, 0.5), (70, 60, 130, 100)),
        ((60, 40), (0.05, 1), (0, 120, 60, 160)),  # as close to the centre as the edges allow
        ((60, 900), (0.5, 0.5), (70, 0, 130, 160)),
        ((900, 900), (1, 0), (100, 0, 200, 80)),  # all of it would fit, so half of it is enlarged
        ((0, -3), (9, -9), (199, 0, 200, 1)),
    ],
)
def test_a_close_look_shows_the_pixels_of_the_full_size_file(relight_service, relighter, tmp_path, screen, center, box):
    Image.linear_gradient("L").resize((200, 160)).convert("RGB").rotate(30).save(tmp_path / "photo.png")
    held = relight_service.open(tmp_path / "photo.png")
    preview = relight_service.preview(held, WARM, Viewport(*screen, center))
    relit = relight_file(relighter, tmp_path / "photo.png", tmp_path, WARM)
    for shown, whole in ((preview.flash, tmp_path / "photo.png"), (preview.relit, relit)):
        wanted = np.asarray(Image.open(whole).crop(box), int)
        assert Image.open(shown).size == wanted.shape[1::-1]
        assert np.abs(np.asarray(Image.open(shown), int) - wanted).mean() < 4  # what WebP costs


def test_a_place_that_is_looked_at_is_read_once_however_often_a_slider_moves(relight_service, tmp_path, monkeypatch):
    save_noise(photo := tmp_path / "photo.png", (200, 160))
    held, reads = relight_service.open(photo), []
    monkeypatch.setattr(service, "read_photo", lambda file: reads.append(file) or read_photo(file))
    here, there = Viewport(60, 40, (0.5, 0.5)), Viewport(60, 40, (0, 0))
    for view, times in ((here, 1), (here, 1), (there, 2), (here, 2)):
        for controls in (NEUTRAL, WARM):
            relight_service.preview(held, controls, view)
        assert len(reads) == times
    relight_service.preview(held, Controls(red_eyes=1), here)  # eyes are found in the whole photo only
    assert len(reads) == 3


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_preview_is_as_transparent_as_the_photo(relight_service, tmp_path, mode):
    """Fully transparent on the left, over a hidden white, half transparent in the middle, opaque on the right."""
    image, alpha = Image.new("RGB", (240, 80), (120, 20, 60)), Image.new("L", (240, 80), 255)
    image.paste((255, 255, 255), (0, 0, 80, 80))
    for left, value in ((0, 0), (80, 128)):
        alpha.paste(value, (left, 0, left + 80, 80))
    image.putalpha(alpha)
    image.convert(mode).save(photo := tmp_path / "photo.png")
    held = relight_service.open(photo)
    for viewport in (Viewport(240, 80), Viewport(100, 80), Viewport(240, 40, (0.5, 0.5))):
        for clipping in (False, True):
            preview = relight_service.preview(held, WARM, viewport, clipping)
            for shown in map(Image.open, (preview.flash, preview.relit)):
                colors = [shown.getpixel((shown.width * sixth // 6, 20)) for sixth in (1, 3, 5)]
                assert [alpha for *_, alpha in colors] == [0, 128, 255]
                assert colors[1][:3] == pytest.approx(colors[2][:3], abs=6)
    edge, opaque = held.prepared.preview(100).photo.rows()[16, [33, 99]].astype(int)
    assert edge == pytest.approx(opaque, abs=4)  # the hidden white is not mixed in


def test_a_preview_of_noise_in_alpha_stays_within_the_bytes_of_a_slow_line(relight_service, tmp_path):
    image = Image.new("RGB", (1000, 700), (180, 30, 90))
    image.putalpha(Image.effect_noise((1000, 700), 4))
    image.save(photo := tmp_path / "hair.png")
    preview = relight_service.preview(relight_service.open(photo), NEUTRAL)
    assert preview.relit.stat().st_size <= 45_000


@pytest.mark.parametrize("deviation", [8, 15, 30])
def test_a_preview_of_noise_stays_within_the_bytes_of_a_slow_line(relight_service, tmp_path, deviation):
    save_noise(photo := tmp_path / "noise.png", (1400, 1000), deviation)
    held = relight_service.open(photo)
    preview = relight_service.preview(held, NEUTRAL, Viewport(1300, 900, (0.5, 0.5)), show_clipping=True)
    assert Image.open(preview.relit).size == (1300, 900)
    assert 20_000 < preview.relit.stat().st_size <= 45_000


def test_clipping_is_marked_in_both_pictures_and_never_in_the_file(relight_service, relighter, tmp_path):
    """A fifth of the photo is black, two fifths are grey and two fifths white, at screen size and at full size."""
    stripes = np.repeat(np.array([0, 90, 90, 255, 255], np.uint8), 40)
    Image.fromarray(np.tile(stripes, (160, 1))).convert("RGB").save(photo := tmp_path / "photo.png")
    held = relight_service.open(photo)
    for viewport in (Viewport(200, 160), Viewport(200, 100, (0, 0))):
        plain, marked = (relight_service.preview(held, NEUTRAL, viewport, clipping) for clipping in (False, True))
        assert plain.clipping is None
        assert marked.clipping == (Clipping(burnt=0.4, black=0.2),) * 2
        for before, after in ((plain.flash, marked.flash), (plain.relit, marked.relit)):
            old, new = (np.asarray(Image.open(path))[40, [20, 80, 160]].astype(int) for path in (before, after))
            assert np.abs(new - [BLACK_COLOR, old[1], BURNT_COLOR]).max() < 12  # what WebP costs
    file = relight_service.relight(photo, NEUTRAL, False).file
    assert file.read_bytes() == relight_file(relighter, photo, tmp_path).read_bytes()


def test_parts_beyond_the_bound_are_shown_and_not_kept(relighter, tmp_path, monkeypatch):
    monkeypatch.setattr(service, "MAX_PART_BYTES", 60 * 40 * 3)
    relight_service = RelightService(relighter, tmp_path / "requests")
    save_noise(photo := tmp_path / "photo.png", (200, 160))
    held, reads = relight_service.open(photo), []
    monkeypatch.setattr(service, "read_photo", lambda file: reads.append(file) or read_photo(file))
    small, large = Viewport(60, 40, (0, 0)), Viewport(61, 40, (0, 0))
    for view, times in ((small, 1), (small, 1), (large, 2), (large, 3), (small, 3)):
        assert Image.open(relight_service.preview(held, NEUTRAL, view).relit).size == view[:2]
        assert len(reads) == times


def save_noise(path, size, deviation=60):
    Image.effect_noise(size, deviation).convert("RGB").save(path)


@pytest.mark.parametrize("name", ["I;16.png", "CMYK.tif", "RGBA.png", "P.png", "L.jpg"])
def test_photos_of_any_mode_are_shown_and_written_as_the_library_does(relight_service, relighter, tmp_path, name):
    photo = tmp_path / f"photo{Path(name).suffix}"
    Image.new(Path(name).stem, (30, 20), 90).save(photo)
    shown = Image.open(relight_service.preview(relight_service.open(photo), NEUTRAL).relit)
    assert shown.mode == ("RGBA" if name == "RGBA.png" else "RGB")
    file = relight_service.relight(photo, NEUTRAL, False).file
    assert file.read_bytes() == relight_file(relighter, photo, tmp_path).read_bytes()


def test_what_changed_follows_the_sliders(relight_service, party):
    """The tests' weights brighten everything by 0.72 stops; in the picture, red means brighter and blue darker."""
    held = relight_service.open(party)
    brighter, darker = (
        np.asarray(Image.open(relight_service.preview(held, Controls(exposure=exposure)).changes))[100, 100].astype(int)
        for exposure in (0, -2)
    )
    assert brighter[0] > brighter[2] + 20
    assert darker[2] > darker[0] + 20


@pytest.mark.parametrize(("fired", "noted"), [(0x00, True), (0x10, True), (0x01, False), (0x19, False)])
def test_a_photo_without_flash_gets_a_friendly_note(relight_service, tmp_path, fired, noted):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9209] = fired
    Image.new("RGB", (20, 10)).save(tmp_path / "photo.jpg", exif=exif)
    notes = relight_service.open(tmp_path / "photo.jpg").notes
    assert any("flash did not fire" in note for note in notes) is noted


def test_what_a_file_could_not_keep_is_said_in_a_sentence(relight_service, tmp_path):
    Image.new("CMYK", (20, 10)).save(tmp_path / "print.tif")
    note = "CMYK colours come back relit in RGB (sRGB)."
    assert note in relight_service.open(tmp_path / "print.tif").notes
    sentence = relight_service.relight(tmp_path / "print.tif", NEUTRAL, keep_location=False).sentence
    assert re.fullmatch(rf"print_ambient\.tif: made in [\d.]+ s\. {re.escape(note)}", sentence)


def test_a_batch_goes_on_after_a_photo_that_fails(relight_service, party, tmp_path):
    (tmp_path / "other").mkdir()
    namesake, bad = shutil.copy(party, tmp_path / "other"), tmp_path / "bad.jpg"
    bad.write_text("Dear diary")
    seen = []
    done = relight_service.relight_all(
        [str(party), str(bad), str(namesake)], NEUTRAL, False, lambda photos: (seen.append(p) or p for p in photos)
    )
    assert zipfile.ZipFile(done.archive).namelist() == ["party_ambient.jpg", "party_ambient (2).jpg"]
    assert done.summary == "2 of 3 photos relit."
    assert [error.path for error in done.failed] == [bad]
    assert len(seen) == 3
    assert list(done.archive.parent.iterdir()) == [done.archive]


@pytest.mark.parametrize(
    ("good", "bad", "summary"),
    [(1, 0, "1 photo"), (2, 0, "2 photos"), (0, 1, "0 of 1 photos"), (1, 1, "1 of 2 photos")],
)
def test_a_batch_says_how_many_are_relit_and_has_no_zip_of_none(relight_service, party, tmp_path, good, bad, summary):
    (tmp_path / "bad.jpg").write_text("Dear diary")
    done = relight_service.relight_all([str(party)] * good + [str(tmp_path / "bad.jpg")] * bad, NEUTRAL, False)
    assert done.summary == f"{summary} relit."
    assert (done.archive is None) is (good == 0)


@pytest.mark.parametrize(("count", "sentence"), [(0, "Choose photos first"), (21, "at most 20 photos at a time")])
def test_a_batch_has_between_1_and_20_photos(relight_service, party, count, sentence):
    with pytest.raises(PhotoCountError, match=sentence):
        relight_service.relight_all([str(party)] * count, NEUTRAL, False)


@pytest.mark.parametrize("suffix", [".jpg", ".heic"])
def test_a_photo_over_the_limit_is_refused_before_it_is_decoded(relight_service, tmp_path, monkeypatch, suffix):
    photo = tmp_path / f"large{suffix}"
    image = Image.new("RGB", (80, 64))
    pillow_heif.from_pillow(image).save(photo) if suffix == ".heic" else image.save(photo)
    monkeypatch.setattr(service, "MAX_MEGAPIXELS", 0.005)
    monkeypatch.setattr(service, "read_photo", None)
    for refused in (lambda: relight_service.open(photo), lambda: relight_service.relight(photo, NEUTRAL, False)):
        with pytest.raises(PhotoError, match=r"has more than the 0\.005 megapixels that this page accepts"):
            refused()


def test_a_photo_over_pillows_own_limit_is_refused_too(relight_service, tmp_path):
    photo = tmp_path / "giant.png"
    photo.write_bytes(png_of(20_000, 20_000, []))
    with pytest.raises(Image.DecompressionBombError):
        Image.open(photo)
    with pytest.raises(PhotoError, match="has more than the 64 megapixels"):
        relight_service.open(photo)


def test_names_in_a_zip_are_told_apart():
    assert free_name("a.jpg", {"b.jpg"}) == "a.jpg"
    assert free_name("a.jpg", {"a.jpg", "a (2).jpg"}) == "a (3).jpg"


def test_files_go_after_their_time_and_folders_with_them(tmp_path, monkeypatch):
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "photo.jpg").write_text(name)
    sweep_folder(tmp_path)
    assert len(list(tmp_path.rglob("*.jpg"))) == 2
    now = time.time()
    monkeypatch.setattr(service.time, "time", lambda: now + 3001)
    sweep_folder(tmp_path)
    sweep_folder(tmp_path)  # deleting its files changed the folder's time
    assert list(tmp_path.rglob("*.jpg")) == []
    assert service.KEEP_S + 2 * service.SWEEP_S <= 3600


def test_a_folder_that_goes_during_the_sweep_does_not_end_it(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    (tmp_path / "stays").mkdir()
    (tmp_path / "stays" / "photo.jpg").write_text("old")
    look = os.scandir

    def look_too_late(folder):
        if Path(folder).name == "gone":
            Path(folder).rmdir()
        return look(folder)

    monkeypatch.setattr(os, "scandir", look_too_late)
    sweep_folder(tmp_path, keep_s=-60)
    assert list(tmp_path.rglob("*.jpg")) == []


def runs_of_the_network(relighter, monkeypatch):
    """List of the photos that the network has been run on."""
    runs, prepare = [], relighter.prepare
    monkeypatch.setattr(relighter, "prepare", lambda photo: runs.append(photo) or prepare(photo))
    return runs


def test_the_photos_used_last_stay_open(relighter, tmp_path, monkeypatch):
    monkeypatch.setattr(service, "MAX_OPEN", 2)
    runs = runs_of_the_network(relighter, monkeypatch)
    relight_service = RelightService(relighter, tmp_path / "requests")
    for name in ("a", "b", "c"):
        Image.new("RGB", (20, 10), (9, 9, 9)).save(tmp_path / f"{name}.png")
    counts = [relight_service.open(tmp_path / f"{name}.png") and len(runs) for name in ("a", "b", "a", "c", "a", "b")]
    assert counts == [1, 2, 2, 3, 3, 4]


def test_a_photo_is_not_kept_open_past_its_time_however_often_it_is_used(relighter, party, monkeypatch):
    runs = runs_of_the_network(relighter, monkeypatch)
    relight_service = RelightService(relighter, party.parent / "requests", keep_s=0.6)
    end = time.monotonic() + 10
    relight_service.open(party)
    while len(runs) == 1 and time.monotonic() < end:
        relight_service.open(party)
        time.sleep(0.05)
    assert len(runs) == 2


NAMES = ["People_014", "Rooms_1", "Rooms_2", "People_150"]


def test_pairs_are_filtered_by_the_first_word_of_their_names():
    categories = by_category(NAMES)
    assert list(categories.items()) == [("all", NAMES), ("People", NAMES[:1] + NAMES[3:]), ("Rooms", NAMES[1:3])]
    for names in (["living_room", "tyre"], ["faid_1", "faid_2"]):  # one category per example would not help
        assert by_category(names) == {"all": names}


def test_an_example_is_made_once_and_scored(relighter, tmp_path, monkeypatch):
    write_pairs(tmp_path / "pairs", 2)
    gallery = Gallery(FolderPairs(tmp_path / "pairs"), relighter)
    runs = runs_of_the_network(relighter, monkeypatch)
    name = gallery.pairs.names[0]
    example = gallery.show(name)
    assert gallery.show(name) is example
    assert len(runs) == 1
    sizes = {Image.open(path).size for path in (example.flash, example.ours, example.truth)}
    assert len(sizes) == 1
    assert not gallery.pairs.bundled
    assert text.describe(example).startswith(f"{name}. Compared with the truth: flash ".replace("_", " "))


def test_a_pair_of_different_sizes_is_named(relighter, tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "odd_flash.png")
    Image.new("RGB", (20, 10)).save(tmp_path / "odd_ambient.png")
    with pytest.raises(DataError, match="odd: its two photos differ in size"):
        Gallery(FolderPairs(tmp_path), relighter).show("odd")


@pytest.mark.parametrize("source", ["/no/such/folder", pytest.param("nobody/nothing", marks=pytest.mark.slow)])
def test_examples_that_cannot_be_had_leave_the_bundled_ones_and_a_sentence(source, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    told = []
    pairs = open_examples(source, told.append)
    assert (pairs.title, pairs.bundled) == (BUNDLED.name, True)
    assert len(told) == 1
    assert told[0].startswith(f"F2A_EXAMPLES: {source}")


SHOW = """
import json, sys
from f2a.page.examples import open_examples
from f2a.page.gallery import Gallery
from f2a.relight.relighter import Relighter
told = []
pairs = open_examples(sys.argv[1], told.append)
shown = Gallery(pairs, Relighter.from_pretrained(sys.argv[2], device="cpu")).show(list(pairs.names)[-1])
print(json.dumps([pairs.title, list(pairs.names), pairs.photos(pairs.names[-1]).flash.read_bytes().hex(), told]))
"""


@pytest.mark.slow
def test_pairs_of_a_hub_dataset_are_shown_byte_for_byte(weights, tmp_path):
    write_pairs(tmp_path / "data" / "train", 2)
    write_pairs(tmp_path / "data" / "test", 3)
    with HubStub() as hub:
        environment = hub.environment() | {"PYTHONPATH": str(ROOT), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}

        def run(*words):
            command = [sys.executable, *map(str, words)]
            return subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout

        run("-m", "f2a", "dataset", "push", tmp_path / "data", "user/faid")
        commit = hub.repo("user/faid", "dataset").at().sha
        title, names, flash, told = json.loads(run("-c", SHOW, f"user/faid@{commit}", weights).splitlines()[-1])
        with hub.unreachable():
            offline = json.loads(run("-c", SHOW, "user/other", weights).splitlines()[-1])
    assert (title, names, told) == ("user/faid", ["p0", "p1", "p2"], [])  # those of the test split
    assert bytes.fromhex(flash) == (tmp_path / "data" / "test" / "p2_flash.png").read_bytes()
    assert offline[0] == "examples"
    assert offline[3][0].startswith("F2A_EXAMPLES: user/other")


def test_what_is_said_is_text_and_never_markup():
    error = PhotoError(Path("/srv/secret/<b>bold.jpg"), "is not a photo")
    line = text.as_html(text.user_message(error), error=True)
    assert line == '<p class="note error" role="alert">&lt;b&gt;bold.jpg: is not a photo</p>'
    assert text.as_html() == ""


def test_warmth_is_told_as_the_light_that_daylight_becomes():
    """An 85 filter, 112 mireds, is made to turn daylight into the 3400 K of photographic lamps."""

    def name(mireds):
        return text.name_light(mireds).replace("\N{NO-BREAK SPACE}", " ")

    assert [name(0), name(112)] == ["5500 K, daylight", "3400 K, evening sun"]
    words = [name(mireds).split(", ")[1] for mireds in (-100, -50, -25, 15, 45, 100)]
    assert words == ["blue sky", "open shade", "cloudy sky", "daylight", "low sun", "evening sun"]
    kelvin = [int(name(mireds).split()[0]) for mireds in range(-100, 101, 5)]
    assert kelvin == sorted(set(kelvin), reverse=True)  # no two steps have the same name


def test_the_about_text_names_weights_and_licence():
    assert "those that ship with f2a. Their licence: research use." in text.about(None, {"licence": "research use"})
    hub = text.about("user/model@abc", {})
    assert '<a href="https://huggingface.co/user/model">user/model</a>. Their licence: not stated.' in hub
    assert "$" not in hub


def test_how_it_works_is_told_in_five_sentences():
    about = text.ABOUT.read_text().split("<p>")[1].split("</p>")[0]
    assert about.count(".") == 5
