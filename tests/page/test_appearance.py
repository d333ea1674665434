"""How the page looks on every screen and in both themes, and what a screen reader gets, in a real browser."""

import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from f2a.page.server import launch_options
from f2a.photo.codecs import raw
from f2a.relight.controls import Controls
from tests.support.page_server import (
    DESKTOP,
    PHONE,
    TABLET,
    after,
    center_of,
    download_from,
    give,
    renewed,
    save_gradient,
    size_in_browser,
    visiting,
)
from tests.support.waiting import until

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright (requirements-dev.txt)").expect

TABS = ["Relight", "Examples", "Batch", "About"]

AXE = "axe-core@4.14.1"
"""npm package of axe-core; it is not in the repository, as it is 0.6 MB under the Mozilla Public License."""


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Script with axe-core's checks, fetched by npm."""
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


SHIFTS = """() => {
  window.shifts = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
}"""
"""Script that adds up how far content moves (Cumulative Layout Shift) from the page's opening on."""


def open_tab(page: Any, name: str) -> None:
    """Open a tab and wait until all of it is loaded."""
    page.get_by_role("tab", name=name).click()
    if name == "Examples":
        page.locator("#example-note").get_by_text("1 of 8").wait_for()
    page.wait_for_timeout(100)


SIZES = [
    pytest.param(PHONE, id="phone"),
    pytest.param(TABLET, id="tablet", marks=pytest.mark.slow),
    pytest.param(DESKTOP, id="desktop"),
]


@pytest.fixture(scope="module")
def look(chromium: Any, server: str) -> Iterator[Callable[..., Any]]:
    """Function whose ``look(**PHONE)`` returns a page shared by all tests at this size; they change only its tab."""
    with ExitStack() as stack:
        yield cache(lambda **size: stack.enter_context(visiting(chromium, server, size)))


@pytest.mark.parametrize("size", [*SIZES[:2], pytest.param(DESKTOP, id="desktop", marks=pytest.mark.slow)])
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
        assert opening < 0.2  # Gradio mounts its parts in varying order: 0.101 was measured once, under load
        assert page.evaluate("shifts") - opening < 0.1


@pytest.mark.parametrize("size", SIZES)
def test_all_tabs_are_of_one_width_over_a_footer_with_words_or_none(
    look: Callable[..., Any], size: dict[str, int]
) -> None:
    page = look(**size)
    places = set()
    for tab in TABS:
        open_tab(page, tab)
        box = page.locator("[role=tabpanel]:visible").bounding_box()
        places.add((box["x"], box["width"]))
    assert page.locator("footer").inner_text().strip() in ("", "Use via API")
    assert len(places) == 1


ROWS = """rows => rows.map((row) => {
  const parts = ["label", "[type=range]", "[type=number]", "button"].map((part) => row.querySelector(part));
  const boxes = [row, ...parts].map((part) => part.getBoundingClientRect().toJSON());
  return [...boxes, row.querySelector("label span").innerText, parts[3].ariaLabel];
})"""
"""Script that returns a control's boxes, name and button label in one call, because each call takes a while."""


@pytest.mark.parametrize("size", SIZES)
def test_a_control_is_one_row_with_its_name_value_and_reset(look: Callable[..., Any], size: dict[str, int]) -> None:
    page = look(**size)
    page.get_by_role("tab", name="Relight").click()
    rows = page.locator("#controls .block:has(input[type=range])").evaluate_all(ROWS)
    assert len(rows) == len([field for field in fields(Controls) if "low" in field.metadata])
    for box, label, slider, number, reset, name, said in rows:
        assert 44 <= box["height"] <= 46
        assert label["right"] <= slider["x"]
        assert slider["width"] >= 90
        assert slider["right"] <= number["x"]
        assert number["right"] <= reset["x"]
        assert reset["right"] <= box["right"]
        assert reset["height"] >= 43
        assert said == f"Reset {name}"


def test_on_a_phone_picture_and_download_stay_in_reach(page: Any, tmp_path: Path) -> None:
    place = page.locator("#view").bounding_box()
    assert place["y"] < 150  # below title, lead and tabs
    assert place["height"] == pytest.approx(0.75 * place["width"], abs=1)  # like a phone's photo
    first, download = (page.locator(id).bounding_box() for id in ("#controls input[type=range] >> nth=0", "#download"))
    assert first["y"] + first["height"] < download["y"]  # a slider is visible from the start
    give(page, save_gradient(tmp_path / "party.jpg"))
    for down in (0, 250, 500):
        page.mouse.wheel(0, down)
        page.wait_for_timeout(200)
        button = page.get_by_role("button", name="Download at full size").bounding_box()
        assert button["y"] + button["height"] <= PHONE["height"]
        picture = page.locator("#view").bounding_box()
        assert 0 <= picture["y"] < button["y"] - picture["height"]


def test_on_a_phone_what_a_batch_says_and_makes_is_in_sight(page: Any, tmp_path: Path) -> None:
    def bottom(place: Any) -> float:
        place.wait_for()
        box = place.bounding_box()
        return float(box["y"] + box["height"])

    open_tab(page, "Batch")
    start, note = page.get_by_role("button", name="Relight all"), page.locator("#batch-note")
    start.click()
    assert bottom(note.get_by_text("Choose photos first.")) <= PHONE["height"]
    page.locator("#batch-photos input[type=file]").set_input_files(save_gradient(tmp_path / "party.jpg"))
    page.locator("#batch-photos").get_by_text("party").wait_for()
    start.click()
    assert bottom(page.locator("#archive a").first) <= PHONE["height"]
    assert bottom(note.get_by_text("1 photo relit.")) <= PHONE["height"]


def test_a_picture_in_full_screen_covers_the_download(page: Any) -> None:
    x, y = center_of(page.locator("#download button"))
    page.locator("#view").get_by_label("Fullscreen").click()
    covers = "([x, y]) => Boolean(document.elementFromPoint(x, y).closest('#view'))"
    until(lambda: page.evaluate(covers, [x, y]))


def test_on_a_desktop_every_setting_and_button_is_seen_above_the_download(page: Any) -> None:
    bottoms = "labels => labels.map((label) => label.getBoundingClientRect().bottom)"
    for width, height in ((1280, 800), (1366, 768), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        last = page.get_by_role("button", name="Reset all").first.bounding_box()
        download = page.locator("#download").bounding_box()
        assert last["y"] + last["height"] <= download["y"] <= height - download["height"]
        assert max(page.locator("#controls label:visible").evaluate_all(bottoms)) <= last["y"]


def asked_for(words: str) -> str:
    """The batch's upload area as a screen reader announces it; visible text is the same."""
    return f'- text: Flash photos\n- button "{words}":\n  - img\n  - text: {words}'


def test_a_phone_is_asked_in_a_phones_words(chromium: Any, server: str) -> None:
    with visiting(chromium, server, PHONE, has_touch=True, is_mobile=True) as page:
        page.get_by_role("button", name="Choose or take a photo").wait_for()
        with renewed(page):
            with page.expect_file_chooser() as chooser:
                page.get_by_role("button", name="Choose or take a photo").click()
            accepted = chooser.value.element.get_attribute("accept").split(",")
            assert accepted[0] == "image/*"
            assert {".heic", ".tiff", ".jp2", ".tga"} < set(accepted)
            assert (".cr2" in accepted) == raw.can_read()
            page.get_by_role("button", name="tyre").click()  # replaces the photo by an example
        page.wait_for_timeout(200)
        assert page.locator("#choose").inner_text().strip() == "Choose or take a photo"
        page.get_by_role("tab", name="Batch").click()
        assert page.locator("#batch-photos").aria_snapshot() == asked_for("Choose or take photos")


def test_a_desktop_is_asked_in_the_pages_words_and_not_in_gradios(look: Callable[..., Any]) -> None:
    page = look(**DESKTOP)
    page.get_by_role("tab", name="Batch").click()
    assert page.locator("#batch-photos").aria_snapshot() == asked_for("Choose, drop or paste photos")


LOW = "buttons => buttons.filter((one) => one.getBoundingClientRect().height < 44).map((one) => one.innerText)"


def test_a_phone_shows_one_column_with_buttons_for_thumbs(look: Callable[..., Any]) -> None:
    page = look(**PHONE)
    for tab in TABS:
        open_tab(page, tab)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, tab
        buttons = page.locator(".tabitem:visible button.lg:visible, [role=tab]:visible")
        assert buttons.evaluate_all(LOW) == []


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
"""Script that returns visible texts whose contrast with their background is below 4.5 (WCAG 2.2, 1.4.3, level AA)."""


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
"""Script that returns visible controls whose border and background both have a contrast below 3 with their surroundings
(WCAG 2.2, 1.4.11). It leaves out buttons that are only text or an icon."""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_and_every_control_has_enough_contrast(chromium: Any, server: str, theme: str) -> None:
    with visiting(chromium, f"{server}/?__theme={theme}") as page:
        for tab in TABS:
            open_tab(page, tab)
            assert page.evaluate(CONTRASTS) == []
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
            open_tab(page, tab)
            for rule in page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]:
                if rule["impact"] in ("serious", "critical"):
                    found += [(tab, rule["id"], node["html"]) for node in rule["nodes"]]
    assert found == []


def test_the_divider_says_where_it_is_and_follows_the_keys(page: Any) -> None:
    def hidden_part() -> float:
        return float(after(page).get_attribute("style").split("0px 0px 0px ")[1].split("%")[0])

    divider = page.locator("#view [role=separator]")
    said = [divider.get_attribute(f"aria-{name}") for name in ("valuenow", "valuetext", "label")]
    assert said[:2] == ["50", "50 % Flash, the rest Relit"]
    assert "arrow keys" in said[2]
    page.wait_for_function("document.querySelector('#view img.fixed').style.clipPath.includes('%')")  # layout is done
    middle = hidden_part()
    divider.press("ArrowLeft")
    page.wait_for_timeout(200)
    assert middle - 8 < hidden_part() < middle - 2
    divider.press("Home")
    page.wait_for_timeout(200)
    assert hidden_part() < 1
    divider.press("End")
    page.wait_for_function("document.querySelector('#view [role=separator]').getAttribute('aria-valuenow') == '100'")
    for key in ("Tab", "Shift+Tab"):  # both must leave the divider
        divider.press(key)
        expect(divider).not_to_be_focused()


def test_the_about_tab_shows_where_f2a_falls_short_before_the_licence(look: Callable[..., Any]) -> None:
    open_tab(page := look(**DESKTOP), "About")
    words = page.locator("#about").inner_text()
    assert words.index("can't do") < words.index("Here f2a falls short") < words.index("licence")


def test_each_half_of_a_picture_says_what_it_shows(page: Any) -> None:
    badges = (
        "stage => ['::before', '::after'].map((end) => getComputedStyle(document.querySelector(stage), end).content)"
    )
    open_tab(page, "Examples")
    page.get_by_label("Flash | Truth").check()
    for tab, stage, halves in (
        ("Relight", "#view", ["Flash", "Relit"]),
        ("Examples", "#example", ["Flash", "Truth"]),
        ("About", "#failure", ["Relit", "Truth"]),
    ):
        open_tab(page, tab)
        until(lambda stage=stage, halves=halves: page.evaluate(badges, stage) == [f'"{half}"' for half in halves])
        assert page.locator(stage).get_by_role("button").all_inner_texts() == [""]  # full screen, but no second "Undo"
        assert page.locator(stage).get_by_role("button").get_attribute("aria-label") == "Fullscreen"


def test_the_words_stand_in_the_pictures_corners_however_narrow_it_is(page: Any) -> None:
    distance = """() => {
        const stage = document.querySelector("#example"), picture = stage.querySelector("img");
        const { width, height } = stage.getBoundingClientRect(), { left, bottom } = getComputedStyle(stage, "::before");
        const scale = Math.min(width / picture.naturalWidth, height / picture.naturalHeight);
        const bands = [width - scale * picture.naturalWidth, height - scale * picture.naturalHeight];
        return [...bands, parseFloat(left) - bands[0] / 2, parseFloat(bottom) - bands[1] / 2];
    }"""
    open_tab(page, "Examples")
    for size, bands_are_wide in ((PHONE, (False, True)), (DESKTOP, (True, False))):
        page.set_viewport_size(size)
        *bands, right, up = page.evaluate(distance)
        assert tuple(band > 40 for band in bands) == bands_are_wide
        assert (right, up) == (pytest.approx(8, abs=3), pytest.approx(8, abs=3))


def test_the_words_of_the_opening_picture_stand_in_its_corners_although_it_came_first(page: Any) -> None:
    assert size_in_browser(after(page))
    page.evaluate("document.querySelector('#view').style.removeProperty('--ratio')")
    page.evaluate(launch_options()["js"])  # as when Gradio runs it after the picture has loaded
    ratio = page.locator("#view").evaluate("view => view.style.getPropertyValue('--ratio')")
    assert float(ratio) == pytest.approx(720 / 412, rel=0.01)


def test_the_words_of_a_very_narrow_picture_stand_apart(page: Any, tmp_path: Path) -> None:
    Image.new("RGB", (20, 300)).save(photo := tmp_path / "narrow.png")
    give(page, photo)
    free = """([width, ...ends]) => ends.reduce((left, [end, side]) => {
        const style = getComputedStyle(document.querySelector("#view"), end);
        return left - parseFloat(style[side]) - parseFloat(style.width);
    }, width)"""
    width = page.locator("#view").evaluate("view => view.clientWidth")
    until(lambda: page.evaluate(free, [width, ["::before", "left"], ["::after", "right"]]) > 2 * 8)


def test_the_page_says_what_each_control_does(page: Any) -> None:
    page.get_by_role("button", name="What the controls do").click()
    for field in fields(Controls):
        page.locator("#help").get_by_text(field.metadata["help"]).wait_for()


SWIPE = [[(90, y)] for y in range(350, 200, -15)]
PINCH = [[(150 - step, 640), (200 + step, 640)] for step in range(0, 60, 6)]
"""Positions of the fingers of a swipe up over the picture, and of a pinch that enlarges the page below it."""


def test_a_finger_over_the_picture_scrolls_the_page_and_two_enlarge_no_preview(chromium: Any, server: str) -> None:
    with visiting(chromium, server, PHONE, has_touch=True, is_mobile=True) as page:
        touch = page.context.new_cdp_session(page)
        for moves in (SWIPE, PINCH):
            for kind, fingers in zip(["touchStart"] + ["touchMove"] * 9 + ["touchEnd"], [*moves, []], strict=True):
                points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(fingers)]
                touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
                page.wait_for_timeout(16)
            until(lambda: page.evaluate("scrollY") > 50)
        page.wait_for_timeout(300)
        assert after(page).evaluate("picture => picture.style.transform") in ("", "translate(0px, 0px) scale(1)")


def test_a_place_of_another_size_is_filled_anew(page: Any, tmp_path: Path) -> None:
    Image.new("RGB", (1600, 1200)).save(photo := tmp_path / "large.png")
    give(page, photo)
    assert size_in_browser(after(page)) == [400, 300]
    page.set_viewport_size(DESKTOP)
    until(lambda: size_in_browser(after(page)) == [800, 600])
    page.mouse.click(*center_of(page.locator("#view")))
    for size in (DESKTOP, TABLET):  # at 100 %
        page.set_viewport_size(size)
        place = "view => [view.clientWidth, view.clientHeight]"
        until(lambda place=place: size_in_browser(after(page)) == page.locator("#view").evaluate(place))


def test_the_wheel_over_the_picture_scrolls_the_page(page: Any) -> None:
    x, y = center_of(page.locator("#view"))
    before = after(page).bounding_box()
    page.mouse.move(x, y)
    page.mouse.wheel(0, 100)
    page.wait_for_function("scrollY == 100")
    assert after(page).bounding_box()["width"] == before["width"]
