"""The sliders and buttons that change how a photo is relit, in a real browser."""

from dataclasses import astuple
from itertools import cycle, islice, takewhile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from f2a.page.examples import BUNDLED
from f2a.page.job_queue import JobQueue
from f2a.relight.controls import PRESETS, Controls
from f2a.relight.relighter import Relighter
from tests.support.page_server import (
    DESKTOP,
    PHONE,
    download_from,
    give,
    library_bytes,
    number_of,
    occupied,
    renewed,
    save_gradient,
    slider_of,
    visiting,
)
from tests.support.waiting import until

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright (requirements-dev.txt)").expect

SLOW_4G = {"offline": False, "latency": 562.5, "downloadThroughput": 1.44e6 / 8, "uploadThroughput": 675e3 / 8}
"""Slow 4G as in Chromium's developer tools: latency in milliseconds, throughput in bytes per second."""


def test_a_slider_that_moves_renews_preview_and_file(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    photo = save_gradient(tmp_path / "party.png")
    give(page, photo)
    download_from(page, tmp_path / "first")
    with renewed(page):
        slider_of(page, "Strength").press("Home")
    page.locator("#file").wait_for(state="hidden")  # its settings are outdated
    untouched = Image.open(download_from(page, tmp_path / "second"))
    assert ImageChops.difference(untouched, Image.open(photo)).getbbox() is None

    number_of(page, "Exposure").fill("1")
    page.get_by_label("Keep the photo's colours").check()
    page.wait_for_timeout(500)
    brighter = download_from(page, tmp_path / "third")
    wanted = library_bytes(relighter, photo, Controls(strength=0, exposure=1, keep_colors=True))
    assert brighter.read_bytes() == wanted


def test_a_number_field_that_is_empty_or_out_of_range_is_no_error_and_left_empty_it_is_neutral(page: Any) -> None:
    field = number_of(page, "Exposure")
    with renewed(page):
        field.fill("")
    assert page.locator("#done").inner_text().strip() == ""
    field.fill("9")
    page.locator("#done [role=alert]").get_by_text("exposure is 9: give a number from -3 to 3").wait_for()
    field.blur()
    expect(field).to_have_value("3")
    page.locator("#done [role=alert]").wait_for(state="detached")
    strength = number_of(page, "Strength")
    for value in ("1.5", ""):
        strength.fill(value)
    strength.blur()
    expect(strength).to_have_value("1")
    expect(slider_of(page, "Strength")).to_have_value("1")
    assert page.get_by_test_id("toast-body").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize(("size", "density"), [(PHONE, 1), (DESKTOP, 2)], ids=["phone", "desktop"])
@pytest.mark.parametrize(("noise", "clipping"), [(0, False), (0, True), (15, False), (15, True)])
def test_on_a_slow_line_a_slider_shows_its_picture_within_a_second(
    chromium: Any, server: str, tmp_path: Path, size: dict[str, int], density: int, noise: int, clipping: bool
) -> None:
    photo = tmp_path / "large.jpg"
    large = Image.open(BUNDLED / "shoe_rack_flash.jpg").resize((2880, 1536))
    grain = Image.effect_noise(large.size, noise).convert("RGB")  # its mean is mid grey
    ImageChops.add(large, grain, offset=-128).save(photo, quality=95)
    with visiting(chromium, server, size, device_scale_factor=density) as page:
        give(page, photo)
        page.get_by_label("Show clipping").set_checked(clipping)
        page.locator("#looking").get_by_text("burnt" if clipping else "Marks burnt").first.wait_for()
        page.wait_for_timeout(500)  # until the pictures have loaded
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        received: list[float] = []  # bytes of each response; data URIs need no request
        on_end = lambda event: event["encodedDataLength"] and received.append(event["encodedDataLength"])  # noqa: E731
        network.on("Network.loadingFinished", on_end)
        moves = (page.evaluate(MOVE_A_SLIDER, strength) / 1000 for strength in cycle((0.5, 1.5, 0.7)))
        at_once = [*islice(moves, 3)]
        network.send("Network.emulateNetworkConditions", SLOW_4G)
        limit = 0.85 + min(at_once)  # the minimum is 0.1 s, or more on a busy machine
        slowly = [*takewhile(lambda seconds: seconds >= limit, islice(moves, 20))]  # until it is less busy
        assert len(slowly) < 20
        count = 3 + len(slowly) + 1
        while len(received) < count:
            page.wait_for_timeout(50)
        network.detach()
    assert len(received) <= count + 2  # the page or the warning may still load a file
    assert 5_000 < sum(received) / len(received) < 50_000


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
"""Script that returns the milliseconds from a slider's move to the picture."""


def numbers(page: Any) -> list[float]:
    return page.locator("#controls input[type=number]").evaluate_all("all => all.map((one) => one.valueAsNumber)")


def test_presets_undo_redo_and_reset_all_set_every_slider(page: Any) -> None:
    def shown(wanted: list[float]) -> None:
        until(lambda: numbers(page) == wanted)

    def press(name: str) -> None:
        page.locator("#controls").get_by_role("button", name=name, exact=True).click()

    undo, redo = (page.locator("#controls").get_by_role("button", name=name) for name in ("Undo", "Redo"))
    natural = numbers(page)
    expect(undo).to_be_disabled()
    press("Soft")
    soft = [value for value in astuple(PRESETS["soft"]) if not isinstance(value, bool)]
    shown(soft)
    page.wait_for_timeout(700)  # after less it would count as the same step
    number_of(page, "Exposure").fill("1")
    brighter = [*soft[:3], 1, *soft[4:]]
    shown(brighter)
    expect(redo).to_be_disabled()
    undo.click()
    shown(soft)
    slider_of(page, "Strength").press("Control+z")
    shown(natural)
    expect(undo).to_be_disabled()
    redo.click()
    redo.click()
    shown(brighter)
    location = page.get_by_label("Keep location data")
    location.check()
    page.wait_for_timeout(700)
    press("Reset all")
    shown(natural)
    expect(location).not_to_be_checked()
    undo.click()
    shown(brighter)
    expect(location).to_be_checked()


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
    slider = slider_of(page, "Exposure")
    page.evaluate("now = Date.now(); Date.now = () => now")  # so that all moves count as one, even in a slow browser
    for _ in range(5):
        slider.press("ArrowRight")
    number_of(page, "Exposure").and_(page.locator(":not([value='0'])")).wait_for()
    page.locator("#controls").get_by_role("button", name="Undo").click()
    expect(number_of(page, "Exposure")).to_have_value("0")


def test_a_photos_settings_go_with_it_unless_they_are_kept(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    photos = [save_gradient(tmp_path / f"{number}.png", tint=number * 40) for number in range(3)]
    exposure, location = number_of(page, "Exposure"), page.get_by_label("Keep location data")
    give(page, photos[0])
    exposure.fill("1")
    location.check()
    page.wait_for_timeout(300)
    give(page, photos[1])
    expect(exposure).to_have_value("0")
    expect(location).not_to_be_checked()
    fresh = library_bytes(relighter, photos[1])
    assert download_from(page, tmp_path / "downloads").read_bytes() == fresh

    page.get_by_label("Keep settings for the next photo").check()
    exposure.fill("-1")
    page.wait_for_timeout(300)
    give(page, photos[2])
    expect(exposure).to_have_value("-1")
    kept = library_bytes(relighter, photos[2], Controls(exposure=-1))
    assert download_from(page, tmp_path / "downloads").read_bytes() == kept


def test_a_reload_keeps_the_photo_and_its_settings_until_the_next_photo(page: Any, tmp_path: Path) -> None:
    exposure, location = number_of(page, "Exposure"), page.get_by_label("Keep location data")
    give(page, save_gradient(tmp_path / "party.png"))
    exposure.fill("1")
    location.check()
    page.wait_for_function("history.state?.f2a?.note.endsWith(',true]')")
    page.reload()
    page.locator("#note").get_by_text("party.png: 48 x 30 pixels, relit").wait_for()
    expect(exposure).to_have_value("1")
    expect(location).to_be_checked()
    assert download_from(page, tmp_path / "downloads").name == "party_ambient.png"
    give(page, save_gradient(tmp_path / "next.png", tint=90))
    expect(exposure).to_have_value("0")
    expect(location).not_to_be_checked()
    page.wait_for_function("history.state?.f2a?.note.endsWith(',false]')")
    page.reload()
    page.locator("#note").get_by_text("next.png: 48 x 30 pixels, relit").wait_for()
    fewer = page.evaluate(
        "window.f2a_restore('note', '', {path: ''}, true)"
    )  # as on a page that now has fewer controls
    assert fewer == [{"__type__": "update"}] * 3


def test_a_reload_while_a_photo_is_relit_asks_for_it_again_with_its_settings(
    chromium: Any, server: str, jobs: JobQueue, tmp_path: Path
) -> None:
    page = chromium.new_page()  # not the fixture: Gradio reports a reload while it waits as an error
    page.goto(server)
    exposure, note = number_of(page, "Exposure"), page.locator("#note")

    def reload_in_line() -> None:
        page.reload()
        page.locator("#view img").nth(1).wait_for()
        note.locator(".waiting").wait_for()

    with occupied(jobs, 2):
        exposure.fill("2")
        page.locator("#photo input[type=file]").set_input_files(save_gradient(tmp_path / "party.png"))
        note.locator(".waiting").wait_for()
        reload_in_line()
    note.get_by_text("party.png: 48 x 30 pixels, relit").wait_for()
    expect(exposure).to_have_value("0")  # 2 was the example's
    assert download_from(page, tmp_path / "downloads").name == "party_ambient.png"
    with occupied(jobs, 2):
        exposure.fill("-1")
        page.wait_for_function("history.state.f2a.note.includes(',-1,')")
        reload_in_line()
        reload_in_line()
    note.get_by_text("party.png: 48 x 30 pixels, relit").wait_for()
    expect(exposure).to_have_value("-1")
    page.close()


def test_a_reload_asks_for_a_photo_that_the_server_has_no_more_and_keeps_its_settings(
    chromium: Any, server: str, folder: Path, tmp_path: Path
) -> None:
    with visiting(chromium, server, lacking=True) as page:
        photo = save_gradient(tmp_path / "gone.png", tint=77)
        give(page, photo)
        exposure = number_of(page, "Exposure")
        exposure.fill("-1")
        page.wait_for_function("history.state?.f2a?.note.includes(',-1,')")
        for file in folder.rglob("gone*.png"):
            file.unlink()
        page.reload()
        page.locator("#note [role=alert]").get_by_text("gone.png is gone; please choose it again").wait_for()
        expect(exposure).to_have_value("-1")
        give(page, photo)
        expect(exposure).to_have_value("-1")


def test_a_reload_keeps_the_batch_while_its_photos_are_there_and_always_its_settings(
    chromium: Any, server: str, folder: Path, tmp_path: Path
) -> None:
    with visiting(chromium, server, lacking=True) as page:
        page.get_by_role("tab", name="Batch").click()
        photos = [save_gradient(tmp_path / f"lost{number}.png", tint=60 + number) for number in range(4)]
        page.locator("#batch-photos input[type=file]").set_input_files(photos)
        page.locator("#batch-photos").get_by_text("lost1").wait_for()
        number_of(page, "Exposure", "#batch-controls").fill("-2")
        page.wait_for_function("history.state?.f2a?.['batch-note'].includes(',-2,')")
        for gone in (False, True):
            for file in folder.rglob("lost*.png") if gone else ():
                file.unlink()
            page.reload()
            expect(page.get_by_role("tab", name="Batch")).to_have_attribute("aria-selected", "true")
            expect(number_of(page, "Exposure", "#batch-controls")).to_have_value("-2")
            if not gone:
                page.locator("#batch-photos").get_by_text("lost1").wait_for()
                page.get_by_role("button", name="Relight all").click()
                page.locator("#batch-note").get_by_text("4 photos relit.").wait_for()
        said = "4 photos are gone; please choose them again. The settings are still here."
        page.locator("#batch-note [role=alert]").get_by_text(said).wait_for()


def test_the_place_stays_in_the_file_only_if_ticked(page: Any, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    for keep in (False, True):
        give(page, save_gradient(tmp_path / f"keep {keep}.jpg", exif=exif))
        page.get_by_label("Keep location data").set_checked(keep)
        assert bool(Image.open(download_from(page, tmp_path / "downloads")).getexif().get_ifd(0x8825)) is keep


def test_a_number_field_may_be_emptied_after_a_photo_that_waited(page: Any, jobs: JobQueue, tmp_path: Path) -> None:
    with occupied(jobs, 2):
        page.locator("#photo input[type=file]").set_input_files(save_gradient(tmp_path / "party.png"))
        page.locator("#note .waiting").wait_for()
    page.locator("#note").get_by_text("party.png: ").wait_for()
    with renewed(page):
        number_of(page, "Exposure").fill("1")
    with renewed(page):
        number_of(page, "Exposure").fill("")
    assert page.get_by_test_id("toast-body").count() == 0
