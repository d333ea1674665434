"""The page as a visitor uses it, with a real server and a real browser."""

import io
import re
import threading
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image

from f2a.page.examples import BUNDLED, FolderPairs
from f2a.page.gallery import Gallery
from f2a.page.job_queue import JobQueue
from f2a.page.layout import build_demo
from f2a.page.server import PAGE, forget_answers, launch_options
from f2a.page.service import RelightService
from f2a.relight.controls import Controls
from f2a.relight.relighter import Relighter
from tests.support.page_server import (
    DESKTOP,
    PHONE,
    after,
    center_of,
    context,
    download_from,
    give,
    library_bytes,
    number_of,
    occupied,
    renewed,
    save_gradient,
    serving,
    size_in_browser,
    slider_of,
    visiting,
)
from tests.support.pairs import write_pairs
from tests.support.waiting import until

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright (requirements-dev.txt)").expect

ORIENTATION = 0x0112

NOT_A_PHOTO = "not & a <b>photo.jpg"


def test_a_photo_is_relit_at_once_and_downloads_byte_for_byte(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    photo = save_gradient(tmp_path / "party.jpg", quality=90)
    give(page, photo)
    page.get_by_text("party.jpg: 48 x 30 pixels, relit in").wait_for()
    assert size_in_browser(after(page)) == [48, 30]
    downloaded = download_from(page, tmp_path / "downloads")
    assert downloaded.name == "party_ambient.jpg"
    assert downloaded.read_bytes() == library_bytes(relighter, photo)
    page.locator("#done").get_by_text("made in").wait_for()
    page.locator("#file").get_by_text("party_").wait_for()  # a link to the same file


def test_a_page_whose_script_does_not_start_fails_at_once(chromium: Any, server: str) -> None:
    def break_script(route: Any) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=response.text().replace("window.f2a_screen =", "absent.f2a_screen ="))

    shared = context(chromium)
    shared.route(f"{server}/", break_script)
    with pytest.raises(AssertionError, match="the page's script did not start"), visiting(chromium, server):
        pass
    shared.unroute(f"{server}/")
    shared.pages[-1].close()


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


def test_heic_comes_back_as_heic_and_a_sideways_photo_upright(page: Any, relighter: Any, tmp_path: Path) -> None:
    photo = tmp_path / "IMG_0001.HEIC"
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), (200, 60, 20))).save(photo, quality=95)
    give(page, photo)
    assert size_in_browser(after(page)) == [64, 48]
    downloaded = download_from(page, tmp_path / "downloads")
    assert downloaded.name == "IMG_0001_ambient.HEIC"
    assert downloaded.read_bytes() == library_bytes(relighter, photo)
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera was held on its side: 48 x 30 stored, 30 x 48 meant
    give(page, save_gradient(tmp_path / "tall.jpg", exif=exif))
    assert size_in_browser(after(page)) == [30, 48]
    relit = Image.open(download_from(page, tmp_path / "downloads"))
    assert (relit.size, relit.getexif().get(ORIENTATION, 1)) == ((30, 48), 1)


def test_what_is_transparent_shows_the_page_and_neither_hidden_colours_nor_the_other_picture(
    page: Any, tmp_path: Path
) -> None:
    image = Image.new("RGBA", (240, 240), (255, 0, 0, 0))  # a hidden red
    image.paste((0, 0, 255, 128), (0, 120, 240, 240))
    image.save(photo := tmp_path / "cutout.png")
    give(page, photo)
    page.locator("#incoming").wait_for(state="detached")
    assert size_in_browser(after(page)) == [240, 240]
    box = page.locator("#view").bounding_box()
    seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    middle, side = box["x"] + box["width"] / 2, box["height"] / 4
    ground, *halves = (
        [seen.getpixel((middle + dx, box["y"] + box["height"] / 2 + dy)) for dy in (-side, side)]
        for dx in (-box["width"] / 2 + 4, -side, side)
    )
    for transparent, half in halves:
        assert transparent == ground[0]
        assert half[0] == pytest.approx(ground[0][0] / 2, abs=30)  # blue lets half of the page through


def flash_is_shown(page: Any) -> bool:
    return bool(
        page.evaluate(
            "getComputedStyle(document.querySelectorAll('#view img')[1]).clipPath == 'inset(0px 0px 0px 100%)'"
        )
    )


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
            until(lambda: flash_is_shown(page), how)
            release()
            until(lambda: not flash_is_shown(page), how)
        assert page.evaluate("scrollY") == 0
        assert page.locator("#view label").get_attribute("data-zoom") in (None, "")


def test_a_tap_goes_to_the_place_at_full_size_and_a_second_one_back(page: Any, tmp_path: Path) -> None:
    photo = save_gradient(tmp_path / "large.png")
    Image.open(photo).resize((1600, 1200)).save(photo)
    give(page, photo)
    whole, zoom = size_in_browser(after(page)), page.locator("#view label")
    place = page.locator("#view").evaluate("view => [view.clientWidth, view.clientHeight]")
    page.mouse.click(*center_of(page.locator("#view")))
    expect(zoom).to_have_attribute("data-zoom", ", 100 %, tap to go back")
    sizes = [size_in_browser(page.locator("#view img").nth(half)) for half in (0, 1)]
    assert sizes == [place, place]
    with renewed(page):
        slider_of(page, "Strength").press("Home")
    assert size_in_browser(after(page)) == sizes[0]
    page.locator("#view [role=separator]").press("Enter")
    expect(zoom).to_have_attribute("data-zoom", "")
    assert size_in_browser(after(page)) == whole


def test_a_tap_on_a_picture_that_is_still_on_its_way_goes_back(page: Any, tmp_path: Path) -> None:
    give(page, save_gradient(tmp_path / "party.jpg"))
    whole, view = size_in_browser(after(page)), page.locator("#view")
    page.route("**/run/predict", lambda route: None)  # never answered
    with page.expect_request("**/run/predict"):
        page.mouse.click(*center_of(view))
    page.mouse.click(*center_of(view))
    expect(view).not_to_have_class(re.compile("closer"))
    page.unroute("**/run/predict")
    until(lambda: size_in_browser(after(page)) == whole)  # once the request for the zoomed picture has been replaced


def test_the_clipping_warning_is_turned_on_and_off_by_key(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    """The photo is black on the left and white on the right."""
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
    tops = "() => ['#note', '#changes'].map((id) => document.querySelector(id).getBoundingClientRect().y + scrollY)"
    placed = page.evaluate(tops)
    warning.focus()
    page.keyboard.press(" ")
    row.get_by_text("burnt 50.0 % (flash 50.0 %)").wait_for()
    row.get_by_text("black 50.0 % (flash 50.0 %)").wait_for()
    until(lambda: page.evaluate(CORNERS) == [["blue", "red"], ["blue", "red"]])
    page.mouse.click(*center_of(page.locator("#view")))
    row.get_by_text("burnt 0.0 % (flash 0.0 %)").wait_for()  # in the visible part
    page.mouse.click(*center_of(page.locator("#view")))
    row.get_by_text("burnt 50.0 %").wait_for()
    assert page.evaluate(tops) == placed
    assert page.locator("#file").is_visible()  # it still has the settings shown
    wanted = library_bytes(relighter, photo)
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
"""Script that returns the colours near the left and right edges of the flash photo and of the relit one."""


def test_what_is_no_photo_is_refused_in_one_sentence_and_what_was_there_stays(
    page: Any, relighter: Relighter, tmp_path: Path
) -> None:
    photo, text = save_gradient(tmp_path / "party.png"), tmp_path / NOT_A_PHOTO
    give(page, photo)
    with renewed(page):
        number_of(page, "Exposure").fill("1")
    download_from(page, tmp_path / "downloads")
    page.locator("#file").get_by_text("party_").wait_for()
    page.mouse.click(*center_of(page.locator("#view")))
    zoom = page.locator("#view label")
    expect(zoom).to_have_attribute("data-zoom", re.compile("tap to go back"))
    shown = [picture.get_attribute("src") for picture in page.locator("#view img").all()]
    text.write_text("Dear diary")
    page.locator("#photo input[type=file]").set_input_files(text)
    alert = page.locator("#note [role=alert]")
    alert.wait_for()
    assert "photo.jpg: is not a photo that can be read" in alert.inner_text()
    assert alert.locator("b").count() == 0  # the name is escaped
    page.locator("#incoming").wait_for(state="detached")
    assert [picture.get_attribute("src") for picture in page.locator("#view img").all()] == shown
    assert page.locator("#file").get_by_text("party_").is_visible()
    expect(zoom).to_have_attribute("data-zoom", re.compile("tap to go back"))
    expect(page.get_by_role("button", name="Undo").first).to_be_enabled()
    wanted = library_bytes(relighter, photo, Controls(exposure=1))
    assert download_from(page, tmp_path / "downloads").read_bytes() == wanted
    assert "Traceback" not in page.content()
    assert page.get_by_test_id("toast-body").count() == 0
    assert page.get_by_text("Error", exact=True).locator("visible=true").count() == 0
    page.reload()
    page.locator("#note").get_by_text("party.png: ").wait_for()
    expect(number_of(page, "Exposure")).to_have_value("1")
    page.mouse.click(*center_of(page.locator("#view")))
    expect(zoom).to_have_attribute("data-zoom", re.compile("tap to go back"))
    give(page, save_gradient(tmp_path / "next.png", tint=90))
    expect(zoom).to_have_attribute("data-zoom", "")
    expect(page.get_by_role("button", name="Undo").first).to_be_disabled()
    assert size_in_browser(after(page)) == [48, 30]


def test_a_photo_that_is_too_large_is_refused_and_what_was_there_stays(page: Any, tmp_path: Path) -> None:
    with (large := tmp_path / "large.jpg").open("wb") as file:
        file.truncate(106_000_000)
    page.locator("#photo input[type=file]").set_input_files(large)
    page.get_by_test_id("toast-body").get_by_text("maximum allowed size of 100.0 Mb").wait_for()
    page.locator("#incoming").wait_for(state="detached")
    expect(page.locator("#photo")).not_to_have_class(re.compile("busy"))
    assert page.get_by_text("This is an example: move").is_visible()


def test_what_changed_is_seen_from_the_start_and_after_a_move(page: Any) -> None:
    page.get_by_role("button", name="What changed").click()
    changes = page.get_by_alt_text("The photo in colours that show")
    assert size_in_browser(changes) == [400, 270]
    with renewed(page, "#changes img"):
        slider_of(page, "Exposure").press("Home")


def test_the_page_opens_on_an_example_that_sliders_act_on_and_thumbnails_change(
    page: Any, relighter: Relighter, tmp_path: Path
) -> None:
    example = BUNDLED / "coats_flash.jpg"
    assert page.get_by_text("This is an example: move").is_visible()
    assert page.get_by_role("button", name="Remove photo").is_hidden()
    with renewed(page):
        slider_of(page, "Exposure").press("Home")
    downloaded = download_from(page, tmp_path / "downloads")
    wanted = library_bytes(relighter, example, Controls(exposure=-3))
    assert downloaded.read_bytes() == wanted

    names = [thumbnail.get_attribute("aria-label") for thumbnail in page.locator("#strip .thumbnail-item").all()]
    assert [len(names), *names[:3]] == [8, "coats", "knives and press", "living room"]
    with renewed(page):
        page.get_by_role("button", name="woman red coat").click()
    assert download_from(page, tmp_path).name == "woman_red_coat_flash_ambient.jpg"


def test_of_two_thumbnails_that_are_tapped_quickly_the_second_is_relit(page: Any, tmp_path: Path) -> None:
    page.route("**/queue/join*", lambda route: None)  # never answered
    with page.expect_request("**/queue/join*"):
        page.get_by_role("button", name="tyre").click()
    page.locator("#note [role=status]").get_by_text("Relighting …").wait_for()
    page.get_by_role("button", name="shoe rack").click()
    with renewed(page):
        page.unroute("**/queue/join*")
    until(lambda: page.locator("#note .waiting").count() == 0)
    page.wait_for_timeout(500)
    assert download_from(page, tmp_path).name == "shoe_rack_flash_ambient.jpg"


def test_a_thumbnail_that_is_chosen_by_key_is_relit_and_not_the_one_clicked_last(page: Any, tmp_path: Path) -> None:
    names = [thumbnail.get_attribute("aria-label") for thumbnail in page.locator("#strip .thumbnail-item").all()]
    with renewed(page):
        page.get_by_role("button", name=names[2]).click()
    for keys, chosen in ((["Tab", "Enter"], 3), (["Tab", "Tab", "Space"], 5), (["Shift+Tab", "Enter"], 4)):
        with renewed(page):
            for key in keys:
                page.keyboard.press(key)
        expect(page.get_by_role("button", name=names[chosen])).to_be_focused()
        wanted = f"{names[chosen].replace(' ', '_')}_flash_ambient.jpg"
        assert download_from(page, tmp_path).name == wanted
        page.get_by_role("button", name=names[chosen]).focus()


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
"""Script that pastes or drops pictures; returns for each event whether the browser's default action would follow."""


def test_a_picture_is_pasted_or_dropped_anywhere_and_the_page_stays(page: Any) -> None:
    for tab, target in (("Relight", "body"), ("Examples", "#example"), ("About", "#about")):
        page.get_by_role("tab", name=tab).click()
        page.evaluate(GIVE, ["paste", target, [f"{tab}.png"]])
        page.get_by_text(f"{tab}.png: 20 x 10 pixels, relit in").wait_for()
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


def test_a_picture_of_the_webcam_is_relit(page: Any) -> None:
    page.get_by_role("button", name="Use the webcam").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('#webcam video')?.videoWidth > 0")
    page.get_by_label("capture photo").click()
    page.locator("#note").get_by_text("pixels, relit in").wait_for()


def test_examples_are_compared_with_the_truth_and_go_round(page: Any) -> None:
    page.get_by_role("tab", name="Examples").click()
    assert page.get_by_text("Six photographs from the Multi-Illumination dataset").is_visible()
    note, pictures = page.locator("#example-note"), page.locator("#example img")
    note.get_by_text("1 of 8: coats. Compared with the truth: flash").wait_for()
    page.get_by_role("button", name="Previous").click()
    note.get_by_text("8 of 8: woman red coat.").wait_for()
    flash, ours = (pictures.nth(place).get_attribute("src") for place in (0, 1))
    page.get_by_label("Relit | Truth").check()
    page.wait_for_function("ours => document.querySelectorAll('#example img')[0].src == ours", arg=ours)
    assert pictures.nth(1).get_attribute("src") not in (flash, ours)
    assert [pictures.nth(place).get_attribute("alt") for place in (0, 1)] == ["Relit picture", "Truth picture"]
    page.get_by_role("button", name="Next").click(click_count=4)
    note.get_by_text("4 of 8").wait_for()
    for number in (3, 2, 1):
        page.get_by_role("button", name="Previous").click()
        note.get_by_text(f"{number} of 8").wait_for()

    page.get_by_role("button", name="Relight it yourself").click()
    page.get_by_text("coats.jpg: 720 x 412 pixels, relit in").wait_for()


@pytest.mark.slow
def test_examples_of_a_folder_are_filtered_by_category(chromium: Any, relighter: Relighter, tmp_path: Path) -> None:
    for name in ("People_1", "People_2", "Rooms_1"):
        write_pairs(tmp_path / "pairs" / name, 1)
        for half in ("flash", "ambient"):
            (tmp_path / "pairs" / name / f"p0_{half}.png").rename(tmp_path / "pairs" / f"{name}_{half}.png")
    gallery = Gallery(FolderPairs(tmp_path / "pairs"), relighter)
    build = lambda: build_demo(relighter, gallery)  # noqa: E731
    with serving(build, tmp_path / "gradio", launch_options()) as url, visiting(chromium, url) as page:
        page.get_by_role("tab", name="Examples").click()
        assert page.get_by_text("Photographs from pairs: with flash").is_visible()
        note = page.locator("#example-note")
        note.get_by_text("1 of 3: People 1.").wait_for()
        page.get_by_label("Category").click()
        page.get_by_role("option", name="Rooms").click()
        note.get_by_text("1 of 1: Rooms 1.").wait_for()


def test_what_gradio_keeps_of_an_answer_goes_after_its_time_and_the_page_works_on(
    chromium: Any, relighter: Relighter, tmp_path: Path
) -> None:
    demos: list[Any] = []

    def build() -> Any:
        demos.append(build_demo(relighter))
        return demos[0]

    with serving(build, tmp_path / "gradio", launch_options()) as url, visiting(chromium, url) as page:
        (demo,) = demos
        give(page, save_gradient(tmp_path / "party.jpg"))
        (session,) = demo.state_holder.session_data.values()
        for keep_s, is_kept in ((60, True), (-1, False)):
            forget_answers(demo.state_holder, keep_s)
            assert ("data:image/webp" in str(session.config_values)) is is_kept
            assert ("party.jpg" in str(session.config_values)) is is_kept
        with renewed(page):
            number_of(page, "Exposure").fill("1")
        give(page, save_gradient(tmp_path / "another.jpg", tint=90))
        download_from(page, tmp_path / "downloads")


@contextmanager
def held_up(method: str) -> Iterator[list[Any]]:
    """Hold up calls of a method of the service while the block runs; yield the list of their arguments."""
    asked, go_on, act = [], threading.Event(), getattr(RelightService, method)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RelightService, method, lambda *args: asked.append(args) or (go_on.wait() and act(*args)))
        try:
            yield asked
        finally:  # or the job queue would lack a worker in later tests
            go_on.set()


def test_a_batch_becomes_one_zip_and_a_line_for_what_failed(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    photos = [save_gradient(tmp_path / "a" / "party.jpg"), save_gradient(tmp_path / "b" / "party.jpg", tint=90)]
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(photos[0].read_bytes()[:300])
    number_of(page, "Exposure").fill("2")  # must not affect the batch
    page.get_by_role("tab", name="Batch").click()
    page.locator("#batch-photos input[type=file]").set_input_files([*photos, bad])
    page.locator("#batch-photos").get_by_text("bad").first.wait_for()
    number_of(page, "Exposure", "#batch-controls").fill("-1")  # a tab that has just opened may still set its sliders
    page.get_by_role("button", name="Relight all").click()
    page.get_by_text("2 of 3 photos relit.").wait_for()
    assert page.locator("#batch-note [role=alert]").inner_text().startswith("bad.jpg: is damaged or cut short")
    with page.expect_download() as download:
        page.locator("#archive a").first.click()
    download.value.save_as(tmp_path / "relit.zip")
    with zipfile.ZipFile(tmp_path / "relit.zip") as relit:
        assert relit.namelist() == ["party_ambient.jpg", "party_ambient (2).jpg"]
        for photo, name in zip(photos, relit.namelist(), strict=True):
            wanted = library_bytes(relighter, photo, Controls(exposure=-1))
            assert relit.read(name) == wanted


def test_a_zip_of_other_settings_is_offered_no_more_or_says_so(page: Any, tmp_path: Path) -> None:
    page.get_by_role("tab", name="Batch").click()
    note, archive = page.locator("#batch-note"), page.locator("#archive")
    start, exposure = page.get_by_role("button", name="Relight all"), number_of(page, "Exposure", "#batch-controls")
    page.locator("#batch-photos input[type=file]").set_input_files(save_gradient(tmp_path / "party.png"))
    page.locator("#batch-photos").get_by_text("party").wait_for()
    start.click()
    archive.get_by_text("relit", exact=True).wait_for()
    exposure.fill("1")
    archive.wait_for(state="hidden")
    expect(note).to_have_text("")
    with held_up("relight_all") as asked:
        start.click()
        note.get_by_text("Relighting …").wait_for()
        until(lambda: asked)
        exposure.fill("2")
        page.wait_for_timeout(300)
        start.click()  # ignored while the batch runs
        page.wait_for_timeout(300)
    note.get_by_text("1 photo relit.").wait_for()
    note.get_by_text("This result is for the photos and settings that you started with").wait_for()
    assert archive.is_visible()
    start.click()
    expect(note).to_have_text("1 photo relit.")
    page.wait_for_timeout(300)  # time for another message to appear
    expect(note).to_have_text("1 photo relit.")


def test_what_was_made_of_photos_that_are_cleared_is_offered_no_more(page: Any, tmp_path: Path) -> None:
    page.get_by_role("tab", name="Batch").click()
    photos, archive = page.locator("#batch-photos"), page.locator("#archive")
    photos.locator("input[type=file]").set_input_files(save_gradient(tmp_path / "party.png"))
    photos.get_by_text("party").wait_for()
    page.get_by_role("button", name="Relight all").click()
    archive.get_by_text("relit", exact=True).wait_for()
    photos.get_by_label("Clear").click()
    archive.wait_for(state="hidden")


def test_a_batch_whose_photos_are_cleared_ends_before_its_last_photo(
    page: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page.get_by_role("tab", name="Batch").click()
    runs, go_on, relight = list[int](), threading.Semaphore(0), RelightService.relight
    monkeypatch.setattr(
        RelightService, "relight", lambda *args: runs.append(1) or (go_on.acquire(timeout=20) and relight(*args))
    )
    photos = [save_gradient(tmp_path / f"{number}.png", tint=number) for number in range(5)]
    page.locator("#batch-photos input[type=file]").set_input_files(photos)
    page.get_by_role("button", name="Relight all").click()
    for number in (1, 2):
        page.locator("#batch-note [role=status]").get_by_text(f"Relighting photo {number} of 5 …").wait_for()
        assert page.locator(".progress-text:visible").count() == 0
        if number == 2:
            page.locator("#batch-photos").get_by_label("Clear").click()
        go_on.release()
    page.wait_for_timeout(1000)
    go_on.release(5)
    page.wait_for_timeout(1000)
    assert len(runs) < 5
    assert page.locator("#archive").is_hidden()
    # its text may also have Gradio's word "Error", hidden, since Gradio sometimes counts what was cancelled as failed
    assert page.locator("#batch-note p").count() == 0


def test_too_many_photos_are_refused_before_any_work(page: Any, tmp_path: Path) -> None:
    photos = [save_gradient(tmp_path / f"{number}.png", tint=number) for number in range(21)]
    page.get_by_role("tab", name="Batch").click()
    page.locator("#batch-photos input[type=file]").set_input_files(photos)
    page.locator("#batch-photos").get_by_text("20", exact=True).wait_for()
    page.get_by_role("button", name="Relight all").click()
    page.get_by_text("Choose at most 20 photos at a time, not 21.").wait_for()


def test_who_waits_sees_the_own_photo_and_the_place_in_line_once(page: Any, jobs: JobQueue, tmp_path: Path) -> None:
    with occupied(jobs, 3):
        page.locator("#photo input[type=file]").set_input_files(save_gradient(tmp_path / "party.png"))
        page.locator("#note").get_by_text("In line, 1 photo before yours.").wait_for()
        assert size_in_browser(page.locator("#incoming")) == [48, 30]
        said = page.locator("body").inner_text()
        assert said.count("1 photo before yours") == 1
        assert "queue" not in said
        assert page.locator(".progress-text:visible, .eta-bar:visible").count() == 0
        x, y = center_of(page.locator("#view"))
        assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).id", [x, y]) == "incoming"
    page.locator("#note").get_by_text("party.png: 48 x 30 pixels").wait_for()
    page.locator("#incoming").wait_for(state="detached")
    assert size_in_browser(after(page)) == [48, 30]


def test_a_download_that_takes_its_time_says_so(page: Any, jobs: JobQueue) -> None:
    with occupied(jobs, 2):
        page.get_by_role("button", name="Download at full size").click()
        page.locator("#done [role=status]").get_by_text("Relighting at full size …").wait_for()
    page.locator("#done").get_by_text("made in").wait_for()


def test_a_download_that_runs_when_another_photo_comes_is_saved_and_not_shown_beside_it(
    page: Any, tmp_path: Path
) -> None:
    button, downloads = page.locator("#download button"), []
    page.on("download", lambda download: downloads.append(download.suggested_filename))
    give(page, save_gradient(tmp_path / "one.png"))
    x, y = center_of(button)
    with held_up("relight") as asked:
        for _ in range(2):
            page.mouse.click(x, y)
            page.locator("#done").get_by_text("Relighting at full size").wait_for()
        page.wait_for_timeout(500)
        assert len(asked) == 1
        give(page, save_gradient(tmp_path / "two.png", tint=90))
    until(lambda: page.wait_for_timeout(50) or downloads)
    page.wait_for_timeout(500)
    assert downloads == ["one_ambient.png"]
    assert page.locator("#done").inner_text().strip() == ""
    assert page.locator("#file").is_hidden()
    button.click()
    page.locator("#file").get_by_text("two_ambient").wait_for()
    page.locator("#done").get_by_text("two_ambient.png: ").wait_for()


def test_the_incoming_photo_stays_in_view_when_the_picture_before_it_loads_late(
    page: Any, jobs: JobQueue, tmp_path: Path
) -> None:
    give(page, save_gradient(tmp_path / "before.png"))
    held = list[Any]()
    page.route("**/run/predict", lambda route: held.append(route))
    with page.expect_request("**/run/predict"):
        slider_of(page, "Strength").press("Home")
    with occupied(jobs, 2):
        page.locator("#photo input[type=file]").set_input_files(save_gradient(tmp_path / "party.png", tint=90))
        page.locator("#note .waiting").wait_for()
        held[0].continue_()
        page.wait_for_function("document.querySelectorAll('#view img')[1].naturalWidth")
        page.wait_for_timeout(100)
        assert page.locator("#incoming").is_visible()
    page.locator("#note").get_by_text("party.png: 48 x 30 pixels").wait_for()
    page.locator("#incoming").wait_for(state="detached")


def test_two_visitors_at_once_see_their_own_photo(chromium: Any, server: str, relighter: Any, tmp_path: Path) -> None:
    with visiting(chromium, server) as one, visiting(chromium, server, DESKTOP) as other:
        photos = {}
        for visitor, tint in ((one, 0), (other, 120)):
            (tmp_path / str(tint)).mkdir()
            photos[visitor] = save_gradient(tmp_path / str(tint) / "party.jpg", tint=tint)
            visitor.locator("#photo input[type=file]").set_input_files(photos[visitor])
        for visitor, photo in photos.items():
            visitor.get_by_text("party.jpg: 48 x 30 pixels").wait_for()
            downloaded = download_from(visitor, photo.parent / "downloads")
            assert downloaded.read_bytes() == library_bytes(relighter, photo)
