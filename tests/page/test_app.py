"""The page, met as a visitor meets it: a real server, a real browser."""

import io
import re
import shutil
import subprocess
import tarfile
import threading
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image, ImageChops

from f2a.page.examples import BUNDLED, FolderPairs
from f2a.page.gallery import Gallery
from f2a.page.job_queue import JobQueue
from f2a.relight.controls import PRESETS, Controls
from f2a.relight.relighter import Relighter, relight_file
from tests.support.page_server import DESKTOP, PHONE, TABLET, browsing, save_gradient, serving, visiting
from tests.support.pairs import write_pairs

pytest.importorskip("gradio", reason="needs gradio (requirements.txt)")

from f2a.page.layout import build_demo
from f2a.page.server import PAGE, launch_options

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright (requirements-dev.txt)").expect

SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
"""Milliseconds for a request, and bytes per second: a slow 4G line as Lighthouse has it."""
ORIENTATION = 0x0112
TABS = ["Relight", "Examples", "Batch", "About"]
AXE = "axe-core@4.14.1"
"""Not in the repository: 0.6 MB under the Mozilla Public License."""
NOT_A_PHOTO = "not & a <b>photo.jpg"


@pytest.fixture(scope="module")
def jobs() -> JobQueue:
    return JobQueue(workers=2, max_waiting=40)


@pytest.fixture(scope="module")
def server(relighter: Relighter, jobs: JobQueue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(lambda: build_demo(relighter, jobs=jobs), tmp_path_factory.mktemp("gradio"), launch_options()) as url:
        yield url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The checks of axe-core, from npm: a script for a page."""
    npm = shutil.which("npm")
    if not npm:
        pytest.skip("needs npm, which fetches axe-core")
    folder = tmp_path_factory.mktemp("axe")
    packed = subprocess.run([npm, "pack", AXE], cwd=folder, capture_output=True, text=True)
    if packed.returncode:
        pytest.skip(f"needs npm's registry, which has {AXE}")
    with tarfile.open(folder / packed.stdout.split()[-1]) as package:
        script = package.extractfile("package/axe.min.js")
        assert script
        return script.read().decode()


@pytest.fixture
def page(chromium: Any, server: str) -> Iterator[Any]:
    with visiting(chromium, server) as page:
        yield page


def after(page: Any) -> Any:
    return page.locator("#view img").nth(1)


def give(page: Any, photo: Path) -> None:
    """Choose a photo and wait until it is relit."""
    page.locator("#photo input[type=file]").set_input_files(photo)
    page.locator("#note").get_by_text(f"{photo.name}: ").wait_for()


def download_from(page: Any, folder: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download at full size").click()
    target = folder / download.value.suggested_filename
    download.value.save_as(target)
    return target


def size_in_browser(image: Any) -> list[int]:
    return image.evaluate("async image => (await image.decode(), [image.naturalWidth, image.naturalHeight])")


def test_a_photo_is_relit_at_once_and_downloads_byte_for_byte(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    photo = save_gradient(tmp_path / "party.jpg", quality=90)
    give(page, photo)
    page.get_by_text("party.jpg: 48 x 30 pixels, relit in").wait_for()
    assert size_in_browser(after(page)) == [48, 30]
    downloaded = download_from(page, tmp_path / "downloads")
    assert downloaded.name == "party_ambient.jpg"
    assert downloaded.read_bytes() == relight_file(relighter, photo, tmp_path).read_bytes()
    page.locator("#done").get_by_text("made in").wait_for()
    assert page.locator("#file").get_by_text("party_").is_visible()  # the same file again, as a link


def test_a_shared_link_shows_the_page_and_not_gradio(page: Any, server: str) -> None:
    html = urllib.request.urlopen(urllib.request.Request(server, headers={"X-Forwarded-Host": "f2a.example"})).read()
    tags = re.findall(r'<meta (?:property|name)="((?:og|twitter):[^"]+)" content="([^"]*)"', html.decode())
    assert len(dict(tags)) == len(tags)
    assert dict(tags)["og:title"] == page.title() == "Flash to ambient"
    assert dict(tags)["og:description"].startswith("A photograph taken with flash")
    assert dict(tags)["og:image"] == "http://f2a.example/share.jpg"
    assert "gradio" not in str(tags).lower()
    picture = Image.open(io.BytesIO(urllib.request.urlopen(f"{server}/share.jpg").read()))
    assert picture.size == (1200, 630)
    icon = page.request.get(f"{server}/favicon.ico")
    assert icon.body() == (PAGE / "favicon.svg").read_bytes()
    assert icon.headers["content-type"] == "image/svg+xml"


def test_heic_comes_back_as_heic(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    photo = tmp_path / "IMG_0001.HEIC"
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), (200, 60, 20))).save(photo, quality=95)
    give(page, photo)
    assert size_in_browser(after(page)) == [64, 48]
    downloaded = download_from(page, tmp_path / "downloads")
    assert downloaded.name == "IMG_0001_ambient.HEIC"
    assert downloaded.read_bytes() == relight_file(relighter, photo, tmp_path).read_bytes()


def test_a_sideways_photo_stands_upright(page: Any, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera was held on its side: 48 x 30 stored, 30 x 48 meant
    give(page, save_gradient(tmp_path / "tall.jpg", exif=exif))
    assert size_in_browser(after(page)) == [30, 48]
    relit = Image.open(download_from(page, tmp_path / "downloads"))
    assert (relit.size, relit.getexif().get(ORIENTATION, 1)) == ((30, 48), 1)


def test_a_slider_that_moves_renews_preview_and_file(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    photo = save_gradient(tmp_path / "party.png")
    give(page, photo)
    download_from(page, tmp_path / "first")
    first = after(page).get_attribute("src")
    page.get_by_label("range slider for Strength").press("Home")
    page.wait_for_function("first => document.querySelectorAll('#view img')[1].src != first", arg=first)
    page.locator("#file").wait_for(state="hidden")  # it is no longer what is shown
    untouched = Image.open(download_from(page, tmp_path / "second"))
    assert ImageChops.difference(untouched, Image.open(photo)).getbbox() is None

    page.get_by_label("number input for Exposure").fill("1")
    page.get_by_label("Keep the photo's colours").check()
    page.wait_for_timeout(500)
    brighter = download_from(page, tmp_path / "third")
    (tmp_path / "wanted").mkdir()
    wanted = relight_file(relighter, photo, tmp_path / "wanted", Controls(strength=0, exposure=1, keep_colors=True))
    assert brighter.read_bytes() == wanted.read_bytes()


def test_a_number_field_that_is_empty_or_out_of_range_is_no_error(page: Any) -> None:
    first, field = after(page).get_attribute("src"), page.get_by_label("number input for Exposure")
    field.fill("")
    page.wait_for_function("first => document.querySelectorAll('#view img')[1].src != first", arg=first)
    assert page.locator("#done").inner_text().strip() == ""
    field.fill("9")
    page.locator("#done [role=alert]").get_by_text("exposure is 9: give a number from -3 to 3").wait_for()
    field.blur()
    expect(field).to_have_value("3")
    page.locator("#done [role=alert]").wait_for(state="detached")
    assert page.get_by_test_id("toast-body").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize(("noise", "clipping"), [(0, False), (0, True), (15, False), (15, True)])
def test_on_a_slow_line_a_slider_shows_its_picture_within_a_second(
    chromium: Any, server: str, tmp_path: Path, size: dict[str, int], noise: int, clipping: bool
) -> None:
    photo = tmp_path / "large.jpg"
    large = Image.open(BUNDLED / "shoe_rack_flash.jpg").resize((2880, 1536))
    grain = Image.effect_noise(large.size, noise).convert("RGB")  # around mid grey
    ImageChops.add(large, grain, offset=-128).save(photo, quality=95)
    with visiting(chromium, server, size) as page:
        give(page, photo)
        page.get_by_label("Show clipping").set_checked(clipping)
        page.locator("#looking").get_by_text("burnt" if clipping else "Marks burnt").first.wait_for()
        page.wait_for_timeout(500)  # until the pictures are there
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        received: list[float] = []
        network.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
        at_once = [page.evaluate(MOVE_A_SLIDER, strength) / 1000 for strength in (0.5, 1.5, 0.7)]
        network.send("Network.emulateNetworkConditions", SLOW_4G)
        slowly = [page.evaluate(MOVE_A_SLIDER, strength) / 1000 for strength in (0.4, 1.4, 0.8)]
        page.wait_for_timeout(200)
        network.detach()
    assert 2 * 6 <= len(received) <= 2 * 6 + 2  # the opening may still load a file
    assert 5_000 < sum(received) / 6 < 100_000
    assert min(slowly) < 0.75 + min(at_once)  # which is a quarter of a second, or more on a busy machine


MOVE_A_SLIDER = """async (value) => {
  const slider = document.querySelector("#controls input[type=range]");
  const picture = document.querySelectorAll("#view img")[1];
  const shown = new Promise((resolve) => picture.addEventListener("load", resolve, { once: true }));
  const start = performance.now();
  slider.value = value;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
  await shown;
  return performance.now() - start;
}"""
"""Milliseconds from a slider's move to the picture."""


def flash_is_shown(page: Any) -> bool:
    return bool(
        page.evaluate(
            "getComputedStyle(document.querySelectorAll('#view img')[1]).clipPath == 'inset(0px 0px 0px 100%)'"
        )
    )


def center_of(locator: Any) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 4, box["y"] + box["height"] / 2


def test_the_picture_shows_the_flash_photo_while_it_is_held(chromium: Any, server: str) -> None:
    with visiting(chromium, server, PHONE, has_touch=True, is_mobile=True) as page:
        x, y = center_of(page.locator("#view"))
        touch = page.context.new_cdp_session(page)
        points = [{"x": x, "y": y}]
        holds = {
            "mouse": (lambda: (page.mouse.move(x, y), page.mouse.down()), page.mouse.up),
            "space": (lambda: page.keyboard.down(" "), lambda: page.keyboard.up(" ")),
            "touch": (
                lambda: touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points}),
                lambda: touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []}),
            ),
        }
        for how, (press, release) in holds.items():
            press()
            page.wait_for_timeout(300)
            assert flash_is_shown(page), how
            release()
            page.wait_for_timeout(100)
            assert not flash_is_shown(page), how
        assert page.evaluate("scrollY") == 0
        assert page.locator("#view label").get_attribute("data-zoom") in (None, "")


def test_a_tap_goes_to_the_place_at_full_size_and_a_second_one_back(page: Any, tmp_path: Path) -> None:
    photo = save_gradient(tmp_path / "large.png")
    Image.open(photo).resize((1600, 1200)).save(photo)
    give(page, photo)
    whole, zoom = size_in_browser(after(page)), page.locator("#view label")
    place = page.locator("#view").evaluate("view => [view.clientWidth, view.clientHeight]")
    page.mouse.click(*center_of(page.locator("#view")))
    expect(zoom).to_have_attribute("data-zoom", ", 100 %")
    sizes = [size_in_browser(page.locator("#view img").nth(half)) for half in (0, 1)]
    assert sizes == [place, place]
    close = after(page).get_attribute("src")
    page.get_by_label("range slider for Strength").press("Home")
    page.wait_for_function("close => document.querySelectorAll('#view img')[1].src != close", arg=close)
    assert size_in_browser(after(page)) == sizes[0]
    page.locator("#view [role=separator]").press("Enter")
    expect(zoom).to_have_attribute("data-zoom", "")
    assert size_in_browser(after(page)) == whole


def test_the_clipping_warning_is_turned_on_and_off_by_key(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    """A photo that is black on its left and white on its right."""
    photo = tmp_path / "clipped.png"
    image = Image.new("RGB", (48, 30))
    image.paste((255, 255, 255), (24, 0, 48, 30))
    image.save(photo)
    give(page, photo)
    download_from(page, tmp_path / "downloads")
    warning, row = page.get_by_label("Show clipping"), page.locator("#looking")
    expect(warning).not_to_be_checked()
    plain = page.evaluate(CORNERS)
    assert plain == [["black", "white"], ["black", "white"]]
    top = page.locator("#note").bounding_box()["y"]
    warning.focus()
    page.keyboard.press(" ")
    row.get_by_text("burnt 50.0 % (flash 50.0 %)").wait_for()
    row.get_by_text("black 50.0 % (flash 50.0 %)").wait_for()
    until(lambda: page.evaluate(CORNERS) == [["blue", "red"], ["blue", "red"]])
    page.mouse.click(*center_of(page.locator("#view")))
    row.get_by_text("burnt 0.0 % (flash 0.0 %)").wait_for()  # of the part that is seen
    page.mouse.click(*center_of(page.locator("#view")))
    row.get_by_text("burnt 50.0 %").wait_for()
    assert page.locator("#note").bounding_box()["y"] == top
    assert page.locator("#file").is_visible()  # is still what is shown
    wanted = relight_file(relighter, photo, tmp_path).read_bytes()
    assert download_from(page, tmp_path / "downloads").read_bytes() == wanted
    assert min(warning.locator("..").bounding_box()["height"], row.bounding_box()["height"]) >= 44
    warning.press(" ")
    row.get_by_text("Marks burnt and black areas.").wait_for()
    until(lambda: page.evaluate(CORNERS) == plain)


CORNERS = """() => [...document.querySelectorAll("#view img")].map((picture) => {
  const canvas = document.createElement("canvas").getContext("2d");
  canvas.drawImage(picture, 0, 0);
  return [3, picture.naturalWidth - 4].map((x) => {
    const light = [...canvas.getImageData(x, 3, 1, 1).data].slice(0, 3).map((value) => value > 128);
    return { "false,false,false": "black", "true,true,true": "white", "true,false,false": "red",
      "false,false,true": "blue" }[light];
  });
})"""
"""Of the flash photo and the relit one, the colours near the left and the right edge."""


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def numbers(page: Any, panel: str = "#controls") -> list[float]:
    return [float(number.input_value()) for number in page.locator(f"{panel} input[type=number]").all()]


def test_presets_undo_redo_and_reset_all_set_every_slider(page: Any) -> None:
    def shown(wanted: list[float]) -> None:
        for number, value in zip(page.locator("#controls input[type=number]").all(), wanted, strict=True):
            expect(number).to_have_value(f"{value:g}")

    def press(name: str) -> None:
        page.locator("#controls").get_by_role("button", name=name, exact=True).click()

    undo, redo = (page.locator("#controls").get_by_role("button", name=name) for name in ("Undo", "Redo"))
    natural = numbers(page)
    expect(undo).to_be_disabled()
    press("Soft")
    soft = [value for value in astuple(PRESETS["soft"]) if not isinstance(value, bool)]
    shown(soft)
    page.wait_for_timeout(700)  # within a moment it would be the same step
    page.get_by_label("number input for Exposure").fill("1")
    brighter = [*soft[:3], 1, *soft[4:]]
    shown(brighter)
    expect(redo).to_be_disabled()
    undo.click()
    shown(soft)
    page.get_by_label("range slider for Strength").press("Control+z")
    shown(natural)
    expect(undo).to_be_disabled()
    redo.click()
    redo.click()
    shown(brighter)
    press("Reset all")
    shown(natural)
    undo.click()
    shown(brighter)


def test_warmth_says_which_light_it_is_as_it_moves(page: Any) -> None:
    row = page.locator("#controls .block:has([aria-label='number input for Warmth'])")
    name, slider = row.locator(".info-text"), row.get_by_label("range slider for Warmth")
    expect(name).to_have_text("5500 K, daylight")
    slider.scroll_into_view_if_needed()
    place = row.bounding_box()
    steps = {"ArrowRight": "5350 K, daylight", "Home": "12200 K, blue sky", "End": "3550 K, evening sun"}
    for key, words in steps.items():
        slider.press(key)
        expect(name).to_have_text(words)
        assert row.bounding_box() == place
    page.locator("#controls").get_by_role("button", name="Warm room").click()
    expect(name).to_have_text("4400 K, low sun")
    expect(slider).to_have_value("45")


def test_a_slider_that_is_dragged_is_one_step_back(page: Any) -> None:
    slider = page.get_by_label("range slider for Exposure")
    page.evaluate("now = Date.now(); Date.now = () => now")  # however long the browser takes, it is within a moment
    for _ in range(5):
        slider.press("ArrowRight")
    page.get_by_label("number input for Exposure").and_(page.locator(":not([value='0'])")).wait_for()
    page.locator("#controls").get_by_role("button", name="Undo").click()
    expect(page.get_by_label("number input for Exposure")).to_have_value("0")


def test_a_photos_settings_go_with_it_unless_they_are_kept(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    photos = [save_gradient(tmp_path / f"{number}.png", tint=number * 40) for number in range(3)]
    for name in ("fresh", "kept"):
        (tmp_path / name).mkdir()
    exposure, location = page.get_by_label("number input for Exposure"), page.get_by_label("Keep location data")
    give(page, photos[0])
    exposure.fill("1")
    location.check()
    page.wait_for_timeout(300)
    give(page, photos[1])
    expect(exposure).to_have_value("0")
    expect(location).not_to_be_checked()
    fresh = relight_file(relighter, photos[1], tmp_path / "fresh")
    assert download_from(page, tmp_path / "downloads").read_bytes() == fresh.read_bytes()

    page.get_by_label("Keep settings for the next photo").check()
    exposure.fill("-1")
    page.wait_for_timeout(300)
    give(page, photos[2])
    expect(exposure).to_have_value("-1")
    kept = relight_file(relighter, photos[2], tmp_path / "kept", Controls(exposure=-1))
    assert download_from(page, tmp_path / "downloads").read_bytes() == kept.read_bytes()


@pytest.mark.parametrize("keep", [False, True])
def test_the_place_stays_in_the_file_only_if_ticked(page: Any, tmp_path: Path, keep: bool) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    give(page, save_gradient(tmp_path / "here.jpg", exif=exif))
    page.get_by_label("Keep location data").set_checked(keep)
    assert bool(Image.open(download_from(page, tmp_path / "downloads")).getexif().get_ifd(0x8825)) is keep


SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
}"""
"""Adds up how far the content moves, as browsers measure it (Cumulative Layout Shift), from the page's opening on."""

SIZES = pytest.mark.parametrize(
    "size", [PHONE, pytest.param(TABLET, marks=pytest.mark.slow), DESKTOP], ids=["phone", "tablet", "desktop"]
)


@SIZES
def test_nothing_moves_when_a_photo_arrives(chromium: Any, server: str, tmp_path: Path, size: dict[str, int]) -> None:
    tall, wide = save_gradient(tmp_path / "wide.jpg"), tmp_path / "tall.jpg"
    Image.new("RGB", (300, 900)).save(wide)
    with visiting(chromium, server, size) as page:
        page.evaluate(SHIFTS)
        page.wait_for_timeout(300)
        opening = page.evaluate("shifts")
        for photo in (tall, wide):
            give(page, photo)
            page.wait_for_timeout(500)
        download_from(page, tmp_path / "downloads")
        page.locator("#done").get_by_text("made in").wait_for()
        page.wait_for_timeout(300)
        assert opening < 0.1
        assert page.evaluate("shifts") - opening < 0.1


@SIZES
def test_all_tabs_are_of_one_width_over_a_footer_with_words_or_none(
    chromium: Any, server: str, size: dict[str, int]
) -> None:
    with visiting(chromium, server, size) as page:
        places = set()
        for tab in TABS:
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(200)
            box = page.locator("[role=tabpanel]:visible").bounding_box()
            places.add((box["x"], box["width"]))
        assert page.locator("footer").inner_text().strip() in ("", "Use via API")
    assert len(places) == 1


@SIZES
def test_a_control_is_one_row_with_its_name_value_and_reset(chromium: Any, server: str, size: dict[str, int]) -> None:
    with visiting(chromium, server, size) as page:
        rows = page.locator("#controls .block:has(input[type=range])")
        assert rows.count() == len([field for field in fields(Controls) if "low" in field.metadata])
        for row in rows.all():
            box = row.bounding_box()
            assert 44 <= box["height"] <= 46
            slider = row.locator("input[type=range]").bounding_box()
            label = row.locator("label").bounding_box()
            number, reset = row.locator("input[type=number]").bounding_box(), row.get_by_role("button").bounding_box()
            assert label["x"] + label["width"] <= slider["x"]
            assert slider["width"] >= 90
            assert slider["x"] + slider["width"] <= number["x"]
            assert number["x"] + number["width"] <= reset["x"] <= box["x"] + box["width"] - reset["width"]
            assert reset["height"] >= 43


def test_on_a_phone_picture_and_download_stay_in_reach(page: Any, tmp_path: Path) -> None:
    give(page, save_gradient(tmp_path / "party.jpg"))
    for down in (0, 250, 500):
        page.mouse.wheel(0, down)
        page.wait_for_timeout(200)
        button = page.get_by_role("button", name="Download at full size").bounding_box()
        assert button["y"] + button["height"] <= PHONE["height"]
        picture = page.locator("#view").bounding_box()
        assert 0 <= picture["y"] < button["y"] - picture["height"]


def test_on_a_desktop_every_setting_is_seen_above_the_download(chromium: Any, server: str) -> None:
    with visiting(chromium, server, DESKTOP) as page:
        last = page.get_by_label("Keep settings for the next photo").locator("..").bounding_box()
        assert last["y"] + last["height"] <= page.locator("#download").bounding_box()["y"]


def test_what_is_no_photo_is_refused_in_one_sentence(page: Any, tmp_path: Path) -> None:
    text = tmp_path / NOT_A_PHOTO
    text.write_text("Dear diary")
    page.locator("#photo input[type=file]").set_input_files(text)
    alert = page.locator("#note [role=alert]")
    alert.wait_for()
    assert "photo.jpg: is not a photo that can be read" in alert.inner_text()
    assert alert.locator("b").count() == 0  # a name is text, never markup
    page.get_by_role("button", name="Download at full size").click()
    page.locator("#done [role=alert]").wait_for()
    assert "Traceback" not in page.content()
    assert page.get_by_test_id("toast-body").count() == 0
    assert page.get_by_text("Error", exact=True).locator("visible=true").count() == 0


def test_the_page_opens_on_an_example_that_the_sliders_act_on(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    example = BUNDLED / "knives_and_press_flash.jpg"
    assert page.get_by_text("This is an example: move").is_visible()
    assert page.get_by_role("button", name="Remove photo").is_hidden()
    first = after(page).get_attribute("src")
    page.get_by_label("range slider for Exposure").press("Home")
    page.wait_for_function("first => document.querySelectorAll('#view img')[1].src != first", arg=first)
    downloaded = download_from(page, tmp_path / "downloads")
    (tmp_path / "wanted").mkdir()
    wanted = relight_file(relighter, example, tmp_path / "wanted", Controls(exposure=-3))
    assert downloaded.read_bytes() == wanted.read_bytes()


def test_a_tap_on_a_thumbnail_relights_that_example(page: Any, tmp_path: Path) -> None:
    names = [thumbnail.get_attribute("aria-label") for thumbnail in page.locator("#strip .thumbnail-item").all()]
    assert [len(names), *names[:3]] == [8, "coats", "knives and press", "living room"]
    first = after(page).get_attribute("src")
    page.get_by_role("button", name="woman red coat").click()
    page.wait_for_function("first => document.querySelectorAll('#view img')[1].src != first", arg=first)
    assert download_from(page, tmp_path).name == "woman_red_coat_flash_ambient.jpg"


GIVE = """async ([event, target, names]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 20, height: 10 });
  canvas.getContext("2d").fillRect(0, 0, 9, 9);
  const picture = await new Promise((resolve) => canvas.toBlob(resolve));
  const files = new DataTransfer();
  for (const name of names) files.items.add(new File([picture, name], name, { type: "image/png" }));
  const options = { bubbles: true, cancelable: true };
  const events = event === "paste"
    ? [new ClipboardEvent("paste", { clipboardData: files, ...options })]
    : ["dragover", "drop"].map((kind) => new DragEvent(kind, { dataTransfer: files, ...options }));
  return events.map((each) => document.querySelector(target).dispatchEvent(each));
}"""
"""Pastes or drops pictures; for each event, whether the browser would go on to do what it does by itself."""


def test_a_picture_is_pasted_anywhere(page: Any) -> None:
    for tab, target in (("Relight", "body"), ("Examples", "#example"), ("About", "#about")):
        page.get_by_role("tab", name=tab).click()
        page.evaluate(GIVE, ["paste", target, [f"{tab}.png"]])
        page.get_by_text(f"{tab}.png: 20 x 10 pixels, relit in").wait_for()


def test_a_picture_is_dropped_anywhere_and_the_page_stays(page: Any) -> None:
    places = [("Relight", "#view img"), ("Relight", "footer"), ("Examples", "#example img"), ("About", "body")]
    for number, (tab, target) in enumerate([*places, places[0]]):
        page.get_by_role("tab", name=tab).click()
        page.locator(target).first.wait_for(state="attached")
        assert page.evaluate(GIVE, ["drop", target, [f"{number}.png", "another.png"]]) == [False, False]
        page.get_by_text(f"{number}.png: 20 x 10 pixels, relit in").wait_for()


def test_what_is_dropped_on_the_batch_is_the_batchs(page: Any) -> None:
    page.get_by_role("tab", name="Batch").click()
    for number, target in enumerate(("#batch-photos button", "body")):
        names = [f"one{number}", f"two{number}"]
        assert page.evaluate(GIVE, ["drop", target, [f"{name}.png" for name in names]]) == [False, False]
        for name in names:
            page.locator("#batch-photos").get_by_text(name, exact=True).wait_for()
    assert "This is an example" in page.locator("#note").inner_text()


def test_a_photo_is_changed_and_removed_by_a_button(page: Any, tmp_path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose, drop or paste a photo").click()
    chooser.value.set_files(save_gradient(tmp_path / "one.jpg"))
    page.get_by_text("one.jpg: 48 x 30 pixels").wait_for()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Change photo").click()
    chooser.value.set_files(save_gradient(tmp_path / "two.jpg", tint=50))
    page.get_by_text("two.jpg: 48 x 30 pixels").wait_for()
    page.get_by_role("button", name="Remove photo").click()
    page.locator("#note").get_by_text("This is an example").wait_for()
    page.get_by_role("button", name="Choose, drop or paste a photo").wait_for()
    page.get_by_role("button", name="Remove photo").wait_for(state="hidden")


def test_a_phone_is_asked_in_a_phones_words(chromium: Any, server: str) -> None:
    with visiting(chromium, server, PHONE, has_touch=True, is_mobile=True) as page:
        page.get_by_role("button", name="Choose or take a photo").wait_for()
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Choose or take a photo").click()
        assert chooser.value.element.get_attribute("accept").startswith("image/*")
        page.get_by_role("tab", name="Batch").click()
        words = page.locator("#batch-photos [data-testid=upload-text]")
        assert words.evaluate("words => getComputedStyle(words, '::after').content") == '"Choose or take photos"'
        assert words.evaluate("words => getComputedStyle(words).fontSize") == "0px"


def test_a_picture_of_the_webcam_is_relit(page: Any) -> None:
    page.get_by_role("button", name="Use the webcam").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('#webcam video')?.videoWidth > 0")
    page.get_by_label("capture photo").click()
    page.locator("#note").get_by_text("pixels, relit in").wait_for()


def test_examples_are_compared_with_the_truth_and_go_round(page: Any) -> None:
    page.get_by_role("tab", name="Examples").click()
    assert page.get_by_text("Six photographs of the Multi-Illumination dataset").is_visible()
    note, pictures = page.locator("#example-note"), page.locator("#example img")
    note.get_by_text("1 of 8: coats. Against the truth: flash").wait_for()
    page.get_by_role("button", name="Previous").click()
    note.get_by_text("8 of 8: woman red coat.").wait_for()
    flash, ours = (pictures.nth(place).get_attribute("src") for place in (0, 1))
    page.get_by_label("Ours | truth").check()
    page.wait_for_function("ours => document.querySelectorAll('#example img')[0].src == ours", arg=ours)
    assert pictures.nth(1).get_attribute("src") not in (flash, ours)
    assert [pictures.nth(place).get_attribute("alt") for place in (0, 1)] == ["Ours picture", "truth picture"]
    page.get_by_role("button", name="Next").click()
    note.get_by_text("1 of 8").wait_for()

    page.get_by_role("button", name="Relight it yourself").click()
    page.get_by_text("coats.jpg: 720 x 412 pixels, relit in").wait_for()


def test_examples_of_a_folder_are_filtered_by_category(chromium: Any, relighter: Relighter, tmp_path: Path) -> None:
    for name in ("People_1", "People_2", "Rooms_1"):
        write_pairs(tmp_path / "pairs" / name, 1)
        for half in ("flash", "ambient"):
            (tmp_path / "pairs" / name / f"p0_{half}.png").rename(tmp_path / "pairs" / f"{name}_{half}.png")
    gallery = Gallery(FolderPairs(tmp_path / "pairs"), relighter)
    build = lambda: build_demo(relighter, gallery)  # noqa: E731
    with serving(build, tmp_path / "gradio", launch_options()) as url, visiting(chromium, url) as page:
        page.get_by_role("tab", name="Examples").click()
        assert page.get_by_text("Photographs of pairs: with flash").is_visible()
        note = page.locator("#example-note")
        note.get_by_text("1 of 3: People 1.").wait_for()
        page.get_by_label("Category").click()
        page.get_by_role("option", name="Rooms").click()
        note.get_by_text("1 of 1: Rooms 1.").wait_for()


def test_a_batch_becomes_one_zip_and_a_line_for_what_failed(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    photos = [save_gradient(tmp_path / "a" / "party.jpg"), save_gradient(tmp_path / "b" / "party.jpg", tint=90)]
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(photos[0].read_bytes()[:300])
    page.get_by_label("number input for Exposure").fill("2")  # which is not the batch's
    page.get_by_role("tab", name="Batch").click()
    page.locator("#batch-controls").get_by_label("number input for Exposure").fill("-1")
    page.locator("#batch-photos input[type=file]").set_input_files([*photos, bad])
    page.locator("#batch-photos").get_by_text("bad").first.wait_for()
    page.get_by_role("button", name="Relight all").click()
    page.get_by_text("2 of 3 photos relit.").wait_for()
    assert page.locator("#batch-note [role=alert]").inner_text().startswith("bad.jpg: is damaged or cut short")
    with page.expect_download() as download:
        page.locator("#archive a").first.click()
    download.value.save_as(tmp_path / "relit.zip")
    with zipfile.ZipFile(tmp_path / "relit.zip") as relit:
        assert relit.namelist() == ["party_ambient.jpg", "party_ambient (2).jpg"]
        for photo, name in zip(photos, relit.namelist(), strict=True):
            wanted = relight_file(relighter, photo, photo.parent, Controls(exposure=-1))
            assert relit.read(name) == wanted.read_bytes()


def test_too_many_photos_are_refused_before_any_work(page: Any, tmp_path: Path) -> None:
    photos = [save_gradient(tmp_path / f"{number}.png", tint=number) for number in range(21)]
    page.get_by_role("tab", name="Batch").click()
    page.locator("#batch-photos input[type=file]").set_input_files(photos)
    page.locator("#batch-photos").get_by_text("20", exact=True).wait_for()
    page.get_by_role("button", name="Relight all").click()
    page.get_by_text("Give between 1 and 20 photos at a time, not 21.").wait_for()


def test_a_phone_shows_one_column_with_buttons_for_thumbs(page: Any) -> None:
    for tab in TABS:
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, tab
        for button in page.locator(".tabitem:visible button.lg:visible, [role=tab]:visible").all():
            assert button.bounding_box()["height"] >= 44, button.inner_text()


COLOURS = """
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] > 250) return colour.slice(0, 3);
    }
    return [255, 255, 255];
  };
  const contrast = (one, other) => {
    const both = [rgba(one).slice(0, 3), other].map(luminance);
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
  };
"""

CONTRASTS = (
    "() => {"
    + COLOURS
    + """
  const low = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim(), element = walker.currentNode.parentElement;
    if (!text || !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const ratio = contrast(getComputedStyle(element).color, ground(element));
    if (ratio < 4.5) low.push(`${text.slice(0, 30)}: ${ratio.toFixed(1)}`);
  }
  return low;
}"""
)
"""Visible texts whose contrast with what they stand on is below 4.5 (WCAG 2.2, 1.4.3, level AA)."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_has_enough_contrast(chromium: Any, server: str, theme: str) -> None:
    with visiting(chromium, f"{server}/?__theme={theme}") as page:
        for tab in TABS:
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(400)
            assert page.evaluate(CONTRASTS) == []


BORDERS = (
    "() => {"
    + COLOURS
    + """
  const low = [];
  const controls = "button.lg, .thumbnail-item, #batch-photos, input:not([type=range], [type=file])";
  for (const control of document.querySelectorAll(controls)) {
    const { borderTopColor, borderTopWidth, backgroundColor } = getComputedStyle(control);
    if (control.disabled || !control.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const colours = parseFloat(borderTopWidth) ? [backgroundColor, borderTopColor] : [backgroundColor];
    const seen = colours.filter((colour) => rgba(colour)[3] > 250);
    const ratio = Math.max(0, ...seen.map((colour) => contrast(colour, ground(control.parentElement))));
    if (ratio < 3) low.push(`${control.outerHTML.slice(0, 90)}: ${ratio.toFixed(1)}`);
  }
  return low;
}"""
)
"""Visible controls of which neither border nor ground has a contrast of 3 to what is around (WCAG 2.2, 1.4.11); of a
button that is nothing but words or a sign, these are what is seen."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_border_of_a_control_is_seen(chromium: Any, server: str, theme: str) -> None:
    with visiting(chromium, f"{server}/?__theme={theme}") as page:
        for tab in TABS:
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(300)
            assert page.evaluate(BORDERS) == []


@pytest.mark.parametrize("size", [PHONE, pytest.param(DESKTOP, marks=pytest.mark.slow)], ids=["phone", "desktop"])
@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_finds_nothing_serious(
    chromium: Any, server: str, axe: str, tmp_path: Path, theme: str, size: dict[str, int]
) -> None:
    found = []
    with visiting(chromium, f"{server}/?__theme={theme}", size) as page:
        page.evaluate(axe)
        give(page, save_gradient(tmp_path / "party.jpg"))
        download_from(page, tmp_path / "downloads")
        page.get_by_role("button", name="What changed").click()
        for tab in TABS:
            page.get_by_role("tab", name=tab).click()
            page.wait_for_timeout(400)
            for rule in page.evaluate("axe.run()")["violations"]:
                if rule["impact"] in ("serious", "critical"):
                    found += [(tab, rule["id"], node["html"]) for node in rule["nodes"]]
    assert found == []


def test_the_divider_says_where_it_is_and_follows_the_keys(page: Any) -> None:
    def hidden_part() -> float:
        return float(after(page).get_attribute("style").split("0px 0px 0px ")[1].split("%")[0])

    divider = page.locator("#view [role=separator]")
    said = [divider.get_attribute(f"aria-{name}") for name in ("valuenow", "valuetext", "label")]
    assert said[:2] == ["50", "50 % Flash, the rest relit"]
    assert "arrow keys" in said[2]
    page.wait_for_function("document.querySelector('#view img.fixed').style.clipPath.includes('%')")  # it is laid out
    middle = hidden_part()
    divider.press("ArrowLeft")
    page.wait_for_timeout(200)
    assert middle - 8 < hidden_part() < middle - 2
    divider.press("Home")
    page.wait_for_timeout(200)
    assert hidden_part() < 1
    divider.press("End")
    page.wait_for_function("document.querySelector('#view [role=separator]').getAttribute('aria-valuenow') == '100'")


def test_who_waits_sees_the_own_photo_and_the_place_in_line_once(page: Any, jobs: JobQueue, tmp_path: Path) -> None:
    until(lambda: not jobs.jobs)  # of the page's opening
    leave = threading.Event()
    others = [threading.Thread(target=jobs.run, args=(leave.wait, 20)) for _ in range(3)]
    try:
        for other in others:
            other.start()
        page.locator("#photo input[type=file]").set_input_files(save_gradient(tmp_path / "party.png"))
        page.locator("#note").get_by_text("In line: 1 photo is before yours.").wait_for()
        assert size_in_browser(page.locator("#incoming")) == [48, 30]
        said = page.locator("body").inner_text()
        assert said.count("1 photo is before yours") == 1
        assert "queue" not in said
        assert page.locator(".progress-text:visible, .eta-bar:visible").count() == 0
        x, y = center_of(page.locator("#view"))
        assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).id", [x, y]) == "incoming"
    finally:
        leave.set()
    page.locator("#note").get_by_text("party.png: 48 x 30 pixels").wait_for()
    page.locator("#incoming").wait_for(state="detached")
    assert size_in_browser(after(page)) == [48, 30]
    for other in others:
        other.join()


def test_two_visitors_at_once_see_their_own_photo(chromium: Any, server: str, relighter: Any, tmp_path: Path) -> None:
    with visiting(chromium, server) as one, visiting(chromium, server, DESKTOP) as other:
        photos = {}
        for visitor, tint in ((one, 0), (other, 120)):
            (tmp_path / str(tint)).mkdir()
            photos[visitor] = save_gradient(tmp_path / str(tint) / "party.jpg", tint=tint)
            visitor.locator("#photo input[type=file]").set_input_files(photos[visitor])
        for visitor in photos:
            visitor.get_by_text("party.jpg: 48 x 30 pixels").wait_for()
        for visitor, photo in photos.items():
            downloaded = download_from(visitor, photo.parent / "downloads")
            assert downloaded.read_bytes() == relight_file(relighter, photo, photo.parent).read_bytes()
