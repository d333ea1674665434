"""The page as the tests meet it: a server in this process, a browser, and photos that are easy to tell apart."""

import asyncio
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from f2a.page.job_queue import JobQueue
from f2a.relight.controls import NEUTRAL, Controls
from f2a.relight.relighter import Relighter, relight_file
from tests.support.waiting import PATIENCE_S, until

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
CAMERA = "--use-fake-device-for-media-stream --use-fake-ui-for-media-stream"
PHONE, TABLET, DESKTOP = (
    {"width": width, "height": height} for width, height in ((360, 740), (768, 1024), (1440, 900))
)


def free_port() -> int:
    """Return a port below those that the system assigns to connections (from 32768), so that none takes it first."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as listener, suppress(OSError):
            listener.bind(("127.0.0.1", port))
            return port


@contextmanager
def serving(build: Callable[[], Any], folder: Path, launch: dict[str, Any]) -> Iterator[str]:
    """Serve a page with its files in ``folder``, and yield its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        demo = build()
        _, url, _ = demo.launch(prevent_thread_lock=True, quiet=True, server_port=free_port(), **launch)
        yield url.rstrip("/")
        demo.close(verbose=False)


@contextmanager
def started(
    command: list[Any],
    environment: dict[str, str],
    port: int | None = None,
    errors: Any = subprocess.PIPE,
    output: Any = subprocess.DEVNULL,
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Start a page in a separate process; yield its address, once it answers, and the process."""
    url = f"http://127.0.0.1:{(port := port or free_port())}"
    settings = environment | {"GRADIO_SERVER_PORT": str(port)}
    pipes: dict[str, Any] = {"stdout": output, "stderr": errors, "text": True}
    process = subprocess.Popen(command, env=settings, **pipes)
    try:
        until(lambda: is_healthy(url) or process.poll() is not None)
        assert process.poll() is None, process.stderr and process.stderr.read()
        yield url, process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE_S)
        finally:
            process.kill()


def is_healthy(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(f"{url}/health", timeout=5).read() == b"ok")
    except OSError:
        return False


@contextmanager
def browsing() -> Iterator[Any]:
    """Yield a browser; skip the test if there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (requirements-dev.txt)")
    if not CHROMIUM:
        pytest.skip("needs a Chromium browser on the PATH")
    sync_api.expect.set_options(timeout=PATIENCE_S * 1000)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET.split(), *CAMERA.split()])
        yield browser
        browser.close()


@cache
def context(browser: Any, **options: Any) -> Any:
    """Return one context for all visits: a page opens in half the time if its scripts are in the browser's cache."""
    return browser.new_context(permissions=["camera"], **options)


@contextmanager
def visiting(
    browser: Any, url: str, size: dict[str, int] = PHONE, lacking: bool = False, **options: Any
) -> Iterator[Any]:
    """Open the page, and fail at once if its script does not start. Afterwards, assert that the console has no errors
    (except missing files, if ``lacking``) and that all requests went to the server. A visit reuses the tab of an ended
    one: in a process that has already run the page's scripts, it opens in half the time and with a third of the work.
    """
    shared = context(browser, **options)
    page = next((tab for tab in shared.pages if tab.url == "about:blank"), None) or shared.new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.set_viewport_size(size)
    errors: list[str] = []
    hosts = set()
    listeners = {
        "console": lambda message: errors.append(message.text) if message.type == "error" else None,
        "pageerror": lambda error: errors.append(str(error)),
        "request": lambda request: hosts.add(urlsplit(request.url).hostname),
    }
    for event, listener in listeners.items():
        page.on(event, listener)
    page.goto(url)
    ended = page.locator("#view [role=separator]")  # the last thing that page.js does is to name the divider
    until(lambda: errors or ended.count())
    assert errors == [], f"the page's script did not start: {errors}"
    page.locator("#view img").nth(1).wait_for()
    yield page
    for event, listener in listeners.items():
        page.remove_listener(event, listener)
    page.unroute_all(behavior="ignoreErrors")
    page.mouse.move(0, 0)
    page.goto("about:blank")
    assert [error for error in errors if not (lacking and "Failed to load resource" in error)] == []
    assert hosts - {None} == {"127.0.0.1"}  # None: data and blob addresses


def save_gradient(path: Path, mode: str = "RGB", tint: int = 0, **options: Any) -> Path:
    """Save a 48 x 30 photo, dark on the left and light on the right; ``tint`` darkens it, so that photos differ."""
    photo = Image.linear_gradient("L").rotate(90).resize((48, 30))
    photo.point([value * (255 - tint) // 255 for value in range(256)]).convert(mode).save(path, **options)
    return path


def library_bytes(relighter: Relighter, photo: Path, controls: Controls = NEUTRAL) -> bytes:
    """Return the bytes of the file that the library makes from a photo."""
    with tempfile.TemporaryDirectory() as folder:
        return relight_file(relighter, photo, Path(folder), controls).read_bytes()


def after(page: Any) -> Any:
    return page.locator("#view img").nth(1)


@contextmanager
def renewed(page: Any, picture: str = "#view img >> nth=1") -> Iterator[None]:
    """After the block, wait until the picture has been replaced."""
    before = page.locator(picture).get_attribute("src")
    yield
    until(lambda: page.locator(picture).get_attribute("src") != before)


def number_of(page: Any, control: str, panel: str = "#controls") -> Any:
    """Return the number field of a control."""
    return page.locator(panel).get_by_label(f"number input for {control}")


def slider_of(page: Any, control: str) -> Any:
    return page.locator("#controls").get_by_label(f"range slider for {control}")


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
    return image.evaluate(DECODED_SIZE)


DECODED_SIZE = """async (image) => {
  for (let source; source !== image.src; ) {
    source = image.src;
    await image.decode().catch((error) => { if (source === image.src) throw error; });
  }
  return [image.naturalWidth, image.naturalHeight];
}"""
"""JavaScript for the size of the final picture: decoding fails if a new picture replaces the old one meanwhile."""


def center_of(locator: Any) -> tuple[float, float]:
    box = locator.bounding_box()
    return box["x"] + box["width"] / 4, box["y"] + box["height"] / 2


def in_a_loop(work: Callable[[], Any]) -> Any:
    """Run a coroutine in a separate thread and return its result: an open browser uses this thread's event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()


@contextmanager
def occupied(jobs: JobQueue, count: int) -> Iterator[None]:
    """Inside the block, that many other visitors are served or wait in the queue."""
    until(lambda: not jobs.jobs, "the page's opening ends")
    leave = threading.Event()
    with ThreadPoolExecutor(count) as pool:
        try:
            for _ in range(count):
                pool.submit(jobs.run, leave.wait)
            until(lambda: jobs.jobs >= count)
            yield
        finally:
            leave.set()
