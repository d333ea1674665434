"""The page, met as a visitor meets it: a real server, a real browser, the Gradio client, ``python app.py``."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image, ImageChops

from f2a.photo import PhotoError
from f2a.relighter import Relighter, relight_file

pytest.importorskip("gradio", reason="needs gradio (requirements.txt)")

from gradio_client import Client, handle_file

import app

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
ORIENTATION = 0x0112
BOTH_SIDES_DIFFER = "new Set([...document.querySelectorAll('#before-after img')].map(image => image.src)).size == 2"
NOT_A_PHOTO = "not & a photo.jpg"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def server(relighter: Relighter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        demo = app.build_demo(relighter)
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_port=free_port(), **app.LAUNCH)
        yield url
        demo.close(verbose=False)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (requirements-dev.txt)")
    if not CHROMIUM:
        pytest.skip("needs a Chromium browser on the PATH")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET.split())
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, server: str) -> Iterator[Any]:
    """The page at phone width; afterwards, no error on the console and no request to anywhere but the server."""
    page = chromium.new_page(viewport={"width": 360, "height": 740})
    errors: list[str] = []
    hosts = set()
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.goto(server)
    page.get_by_role("button", name="Relight").wait_for()
    yield page
    page.close()
    assert errors == []
    assert hosts - {None} == {"127.0.0.1"}  # None: data and blob addresses


def save_gradient(path: Path, mode: str = "RGB", **options: Any) -> Path:
    """48 wide, 30 high, dark on the left and light on the right."""
    Image.linear_gradient("L").rotate(90).resize((48, 30)).convert(mode).save(path, **options)
    return path


def relight_in(page: Any, photo: Path) -> None:
    page.locator("input[type=file]").set_input_files(photo)
    page.get_by_text(photo.suffix, exact=True).wait_for()
    page.get_by_role("button", name="Relight").click()
    page.get_by_text("relit in").wait_for()


def download_from(page: Any, folder: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("button", name="Download at full size").click()
    target = folder / download.value.suggested_filename
    download.value.save_as(target)
    return target


def test_relit_photo_is_shown_and_downloads_byte_for_byte(page: Any, relighter: Relighter, tmp_path: Path) -> None:
    photo = save_gradient(tmp_path / "party.jpg", quality=90)
    relight_in(page, photo)
    page.wait_for_function(BOTH_SIDES_DIFFER)
    after = page.locator("#before-after img").nth(1)
    assert after.evaluate("async image => (await image.decode(), [image.naturalWidth, image.naturalHeight])") == [
        48,
        30,
    ]
    assert page.get_by_text("48 x 30 pixels").is_visible()

    downloaded = download_from(page, tmp_path / "downloads")
    assert downloaded.name == "party_ambient.jpg"
    assert Image.open(downloaded).size == (48, 30)
    assert downloaded.read_bytes() == relight_file(relighter, photo, tmp_path).read_bytes()


def test_strength_that_moves_renews_the_result(page: Any, tmp_path: Path) -> None:
    photo = save_gradient(tmp_path / "party.png")
    relight_in(page, photo)
    after = page.locator("#before-after img").nth(1)
    page.wait_for_function(BOTH_SIDES_DIFFER)
    first = after.evaluate("image => image.src")
    page.get_by_role("slider", name="Strength").press("Home")
    page.wait_for_function("first => document.querySelectorAll('#before-after img')[1].src != first", arg=first)
    untouched = Image.open(download_from(page, tmp_path / "downloads"))
    assert ImageChops.difference(untouched, Image.open(photo)).getbbox() is None


def test_text_named_jpg_is_refused_in_one_sentence(page: Any, tmp_path: Path) -> None:
    text = tmp_path / NOT_A_PHOTO
    text.write_text("Dear diary")
    page.locator("input[type=file]").set_input_files(text)
    page.locator("#note").get_by_text(f"{NOT_A_PHOTO}: is not a photo").wait_for()
    page.get_by_role("button", name="Relight").click()
    toast = page.get_by_test_id("toast-body")
    toast.wait_for()
    assert f"{NOT_A_PHOTO}: is not a photo" in toast.inner_text()
    assert "Traceback" not in page.content()
    assert page.get_by_text("Error", exact=True).locator("visible=true").count() <= 1  # the toast's heading


def test_page_fits_a_phone_and_shows_the_examples(page: Any, tmp_path: Path) -> None:
    pictures = page.locator("#examples .thumbnail-item")
    pictures.nth(11).wait_for()
    assert pictures.count() == 12
    assert page.get_by_text("rendered pictures").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 360

    pictures.nth(4).click()
    page.get_by_text("shelf_flash").wait_for()
    page.get_by_role("button", name="Relight").click()
    page.get_by_text("480 x 640 pixels").wait_for()
    assert download_from(page, tmp_path).name == "shelf_flash_ambient.jpg"
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_examples_are_relit_once(relighter: Relighter, monkeypatch: pytest.MonkeyPatch) -> None:
    relit = []

    def count(relighter: Relighter, source: Path, target: Path) -> Path:
        relit.append(source)
        return Path(shutil.copy(source, target))

    monkeypatch.setattr(app, "relight_file", count)
    room = app.Darkroom(relighter)
    assert relit == []
    assert [caption for _, caption in room.gallery[:3]] == ["flash", "f2a", "ground truth"]
    assert room.gallery is room.gallery
    assert relit == app.EXAMPLES
    assert len(relit) == 4


def test_sideways_photo_comes_out_upright(server: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # the camera was held on its side: 48 x 30 stored, 30 x 48 meant
    photo = save_gradient(tmp_path / "tall.jpg", exif=exif)
    previews, file, note = Client(server, verbose=False).predict(handle_file(photo), 1, api_name="/relight")
    for path in (file, *previews):
        relit = Image.open(path)
        assert relit.size == (30, 48)
        assert relit.getexif().get(ORIENTATION, 1) == 1
        column = np.asarray(relit.convert("L"), float)[:, 15]
        assert abs(column[2] - column[45]) > 100
    assert note.startswith("30 x 48 pixels")


def test_two_visitors_get_their_own_photo(server: str, relighter: Relighter, tmp_path: Path) -> None:
    def visit(mode: str) -> bool:
        folder = tmp_path / mode
        folder.mkdir()
        photo = save_gradient(folder / "photo.png", mode)
        client = Client(server, verbose=False, download_files=folder / "downloads")
        _, file, _ = client.predict(handle_file(photo), 0.5, api_name="/relight")
        return Path(file).read_bytes() == relight_file(relighter, photo, folder, 0.5).read_bytes()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(visit, ("RGB", "L"))) == [True, True]


@pytest.mark.parametrize("name", ["I;16.png", "CMYK.tif", "RGBA.png", "P.png", "RGB.jpg"])
def test_wide_photos_of_any_mode_keep_their_size_beside_a_small_preview(server: str, tmp_path: Path, name: str) -> None:
    photo = tmp_path / f"photo{Path(name).suffix}"
    Image.new(Path(name).stem, (3000, 40), 90).save(photo)
    previews, file, _ = Client(server, verbose=False).predict(handle_file(photo), 1, api_name="/relight")
    assert Path(file).name == f"photo_ambient{photo.suffix}"
    assert [Image.open(path).size for path in (*previews, file)] == [(1600, 21), (1600, 21), (3000, 40)]


def test_file_names_are_shown_as_text_not_as_markup(tmp_path: Path) -> None:
    photo = str(tmp_path / "<b>bold.jpg")
    assert app._sentence(PhotoError(f"{photo}: is not a photo"), photo) == "&lt;b&gt;bold.jpg: is not a photo"


def start_app(**environment: str) -> subprocess.Popen[str]:
    settings = os.environ | {"HF_HUB_OFFLINE": "1"} | environment
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, app.__file__], env=settings, **pipes)


def status_of(url: str) -> int | None:
    try:
        return int(urllib.request.urlopen(url, timeout=5).status)
    except OSError:
        return None


def test_python_app_py_serves_the_page(weights: Path, tmp_path: Path) -> None:
    url, end = f"http://127.0.0.1:{(port := free_port())}", time.monotonic() + 40
    process = start_app(F2A_WEIGHTS=str(weights), GRADIO_SERVER_PORT=str(port), GRADIO_TEMP_DIR=str(tmp_path))
    try:
        while (status := status_of(url)) != 200 and process.poll() is None and time.monotonic() < end:
            time.sleep(0.2)
        assert status == 200
        endpoints = Client(url, verbose=False).view_api(return_format="dict", print_info=False)["named_endpoints"]
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert list(endpoints) == ["/relight"]
    assert [parameter["parameter_name"] for parameter in endpoints["/relight"]["parameters"]] == ["photo", "strength"]


@pytest.mark.parametrize("setting", ["/no/such/folder", "nobody/nothing@main"])
def test_weights_that_cannot_be_had_end_in_one_sentence(setting: str) -> None:
    process = start_app(F2A_WEIGHTS=setting)
    _, errors = process.communicate(timeout=40)
    assert process.returncode == 2
    assert len(errors.splitlines()) == 1
    assert errors.startswith(f"F2A_WEIGHTS: {setting.partition('@')[0]}: ")
