"""``python app.py`` when clients are slow, hang up or arrive all at once, and when it is stopped or killed."""

import os
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from f2a.errors import counted
from f2a.page.job_queue import CLOSING
from f2a.page.middleware import SILENCE_S
from f2a.relight.relighter import Relighter, relight_file
from tests.support.load import (
    APP,
    abort_uploads,
    answer,
    ask,
    footprint,
    given,
    half_an_upload,
    open_pages,
    page,
    processor_seconds,
    relight,
    save_photo,
    settled,
    upload,
    wait_until_worked,
)
from tests.support.page_server import free_port, visiting
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads a process where Linux shows it")

WAITING = 2
CROWDED = f"The line is full, with {WAITING} visitors waiting; please try again in a minute."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any, Path]]:
    """Address, process and folder of a page at which two visitors may wait."""
    folder = tmp_path_factory.mktemp("page")
    with page(folder, F2A_WAITING=str(WAITING)) as (url, process):
        yield url, process, folder


@pytest.fixture
def http(server: tuple[str, Any, Path]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server[0], timeout=60) as http:
        yield http


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_photo(tmp_path_factory.mktemp("photos") / "small.jpg", (64, 48))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of 24 megapixels, which takes a moment to relight."""
    return save_photo(tmp_path_factory.mktemp("photos") / "large.jpg", (6000, 4000))


def test_slow_clients_hold_nobody_up(server: Any, http: httpx.Client, small: Path) -> None:
    """Forty uploads never end, with a byte now and then, and forty pages are merely open."""
    url, _, _ = server
    path = upload(http, small)
    relight(http, path)
    dripping = [half_an_upload(url, sent=10) for _ in range(40)]
    try:
        times = []
        with open_pages(url, 40):
            for _ in range(5):
                for connection in dripping:
                    connection.sendall(b"\xff")
                began = time.monotonic()
                assert relight(http, path)[0] == "complete"
                assert http.get("/").status_code == 200
                times.append(time.monotonic() - began)
        assert min(times) < 3  # once when the machine is idle
        assert max(times) < SILENCE_S  # how long the page waits for the slow clients' next byte
    finally:
        for connection in dripping:
            connection.close()


def test_a_page_without_visitors_rests(server: Any) -> None:
    def rests() -> bool:
        before = processor_seconds(server[1])
        time.sleep(1)
        return processor_seconds(server[1]) - before < 0.05

    until(rests)


@pytest.mark.parametrize("aborted", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_aborted_uploads_leave_no_file_descriptor_thread_or_memory(
    server: Any, http: httpx.Client, small: Path, aborted: int
) -> None:
    url, process, folder = server
    path = upload(http, small)
    abort_uploads(url, 20)
    relight(http, path)
    time.sleep(1)
    for _ in range(5):  # a leak grows in every round, noise only in some
        before = footprint(process, folder)
        abort_uploads(url, aborted)
        after = settled(process, folder, before)
        print(f"{aborted} aborted uploads: {before} before, {after} after")  # figures for docs/
        assert after.files <= before.files
        assert after.descriptors <= before.descriptors
        assert after.threads < before.threads + 70  # 66 of them read files, and end after ten idle seconds
        if after.memory_mb < before.memory_mb + 20:
            break
    assert after.memory_mb < before.memory_mb + 20
    assert "Traceback" not in (folder / "errors.txt").read_text()
    assert relight(http, upload(http, small))[0] == "complete"


CLIENTS, REQUESTS, WARM_UP = 32, 200, 40
GROWTH_MB = 150
"""Maximum growth, in MB, of the server's memory after the first requests, including the photos kept for sliders."""


@pytest.mark.slow
def test_visitors_at_once_get_their_own_photo_and_memory_stays_flat(tmp_path: Path, capsys: Any) -> None:
    relighter = Relighter.from_pretrained(device="cpu")
    for number in range(CLIENTS):
        (tmp_path / str(number)).mkdir()
    photos = [save_photo(tmp_path / str(number) / "photo.jpg", (640, 480), number) for number in range(CLIENTS)]
    expected = [relight_file(relighter, photo, photo.parent).read_bytes() for photo in photos]
    assert len(set(expected)) == CLIENTS

    def visit(number: int) -> tuple[float, float]:
        began = time.monotonic()
        with httpx.Client(base_url=url, timeout=300) as http:
            event, data = relight(http, upload(http, photos[number % CLIENTS]))
            assert event == "complete", data
            assert http.get(data[0]["url"]).content == expected[number % CLIENTS]
        return time.monotonic() - began, footprint(process, tmp_path).memory_mb

    with page(tmp_path / "page") as (url, process), ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(visit, range(WARM_UP)))
        before, began = footprint(process, tmp_path).memory_mb, time.monotonic()
        times, memory = zip(*pool.map(visit, range(REQUESTS)), strict=True)
        elapsed, after = time.monotonic() - began, footprint(process, tmp_path).memory_mb
    with capsys.disabled():
        print(
            f"\n{CLIENTS} clients, {REQUESTS} photos of 640x480: {REQUESTS / elapsed:.1f} photos/s, "
            f"p50 {statistics.median(times):.2f} s, p95 {sorted(times)[int(0.95 * REQUESTS)]:.2f} s; memory "
            f"{before:.0f} MB after {WARM_UP} photos, {after:.0f} MB at the end, {max(memory):.0f} MB at most"
        )
    assert after < before + GROWTH_MB


@pytest.mark.slow
def test_whoever_finds_the_line_full_is_told_how_many_wait(http: httpx.Client, large: Path) -> None:
    path = upload(http, large)
    addresses = [ask(http, "relight", photo=given(path)) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda address: answer(http, address), addresses))
    served = [data for event, data in answers if event == "complete"]
    refused = [data for event, data in answers if event == "error"]
    assert len(served) >= 2 + WAITING
    assert len(refused) >= 1
    assert len(served) + len(refused) == 10
    assert {said["error"] for said in refused} == {CROWDED}
    assert relight(http, path)[0] == "complete"  # a later request succeeds


@pytest.mark.slow
def test_the_page_says_how_many_wait_in_a_line_of_its_own(
    server: Any, chromium: Any, http: httpx.Client, small: Path, large: Path
) -> None:
    path = upload(http, large)
    with visiting(chromium, server[0]) as visitor, ThreadPoolExecutor(4) as pool:
        batch = [given(path)] * 2
        crowd = [pool.submit(answer, http, ask(http, "relight_batch", photos=batch)) for _ in range(2 + WAITING)]
        visitor.locator("#photo input[type=file]").set_input_files(small)
        visitor.locator("#note [role=alert]").get_by_text(CROWDED).wait_for()
        assert visitor.get_by_test_id("toast-body").count() == 0
        assert {each.result()[0] for each in crowd} == {"complete"}


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[tuple[str, Any, httpx.Client, ThreadPoolExecutor]]:
    """Address and process of a page that one test stops, with an HTTP client and a thread pool for requests to it."""
    with (
        page(tmp_path) as (url, process),
        httpx.Client(base_url=url, timeout=60) as http,
        ThreadPoolExecutor(2) as pool,
    ):
        yield url, process, http, pool


def stop(process: Any) -> int:
    """Stop the process and return its exit status."""
    process.terminate()
    return int(process.wait())


@pytest.mark.slow
def test_sigterm_answers_the_running_request_whole_and_refuses_others(
    alone: Any, tmp_path: Path, small: Path, large: Path
) -> None:
    url, process, http, pool = alone
    path, other = upload(http, large), upload(http, small)
    wanted = http.get(relight(http, path)[1][0]["url"]).content
    dripping = half_an_upload(url, sent=10)
    with open_pages(url, 5):
        before = processor_seconds(process)
        running = pool.submit(answer, http, ask(http, "relight", photo=given(path)))
        wait_until_worked(process, before, 0.15)
        stopping = pool.submit(stop, process)
        assert not running.done()
        event = "complete"
        while event == "complete":  # until the signal has arrived
            event, refused = relight(http, other)
        assert (event, refused["error"]) == ("error", CLOSING)
        event, data = running.result()
        assert event == "complete"
        assert http.get(data[0]["url"]).content == wanted
        began = time.monotonic()
        assert stopping.result() == 0
        assert time.monotonic() - began < SILENCE_S  # it waits neither for the half upload nor for open pages
    dripping.close()
    assert list(tmp_path.rglob("*.jpg")) == list(tmp_path.glob("*f2a-page*")) == []
    assert "Traceback" not in (tmp_path / "errors.txt").read_text()


@pytest.mark.slow
def test_a_download_a_photo_and_a_batch_that_a_lost_connection_ends_say_so(
    alone: Any, chromium: Any, large: Path
) -> None:
    url, process, _, _ = alone
    visitor = chromium.new_page()  # not the fixture, which fails on console errors
    visitor.goto(url)
    visitor.locator("#view img").nth(1).wait_for()
    visitor.get_by_role("tab", name="Batch").click()
    visitor.locator("#batch-photos input[type=file]").set_input_files([large] * 20)
    visitor.locator("#batch-photos").get_by_text("large").nth(19).wait_for()
    visitor.get_by_role("button", name="Relight all").click()
    visitor.locator("#batch-note .waiting").get_by_text("Relighting photo 1 of 20 …").wait_for()
    visitor.get_by_role("tab", name="Relight").click()
    visitor.locator("#photo input[type=file]").set_input_files(large)
    visitor.locator("#note .waiting").wait_for()
    visitor.locator("#download button").click()
    visitor.locator("#done .waiting").wait_for()
    process.kill()
    for place in ("#done", "#note", "#batch-note"):
        visitor.locator(f"{place} [role=alert]").get_by_text("The connection was lost.").wait_for(state="attached")
    assert visitor.locator(".waiting").count() == 0
    visitor.close()


@pytest.mark.slow
def test_a_server_whose_folder_was_removed_while_the_machine_slept_serves_on(alone: Any, tmp_path: Path) -> None:
    _, process, http, _ = alone
    [folder] = tmp_path.glob("f2a-page-*/server-*")
    shutil.rmtree(folder)
    until(folder.is_dir)
    assert process.poll() is None
    assert http.get("/").status_code == 200


@pytest.mark.slow
def test_sigterm_ends_a_batch_with_the_photos_that_are_done(alone: Any, tmp_path: Path, large: Path) -> None:
    _, process, http, pool = alone
    path = upload(http, large)
    before = processor_seconds(process)
    running = pool.submit(answer, http, ask(http, "relight_batch", photos=[given(path)] * 20))
    wait_until_worked(process, before, 2)
    stopping = pool.submit(stop, process)
    event, (archive, sentence) = running.result()
    assert event == "complete"
    (tmp_path / "relit.zip").write_bytes(http.get(archive["url"]).content)
    assert stopping.result() == 0
    done, rest = sentence.split(" of 20 photos relit. The page is restarting and left out ")
    assert rest == f"{counted(20 - int(done), 'photo')}; please add the rest again."
    with zipfile.ZipFile(tmp_path / "relit.zip") as relit:
        assert relit.testzip() is None
        assert len(relit.namelist()) == int(done)


@pytest.mark.slow
def test_after_a_kill_the_page_is_back_on_its_port_and_what_was_left_is_gone(tmp_path: Path, large: Path) -> None:
    port = free_port()
    with page(tmp_path, port) as (url, process), httpx.Client(base_url=url, timeout=60) as http:
        path = upload(http, large)
        ask(http, "relight", photo=given(path))
        time.sleep(0.3)
        process.kill()
        process.wait()
    assert Path(path).exists()
    [left] = tmp_path.glob("f2a-page-*/server-*")
    os.utime(left, (0, 0))  # as if the server had been dead for some minutes
    with page(tmp_path, port) as (again, process), httpx.Client(base_url=again, timeout=60) as http:
        assert again == url
        assert not Path(path).exists()
        assert relight(http, upload(http, large))[0] == "complete"
        assert len(list(tmp_path.glob("*f2a-page-*"))) == 1
        began = time.monotonic()
        with open_pages(url, 20):  # no job runs, so there is nothing to wait for
            assert stop(process) == 0
        assert time.monotonic() - began < SILENCE_S


@pytest.mark.slow
def test_a_port_that_is_taken_is_one_sentence(server: Any) -> None:
    port = server[0].rpartition(":")[2]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "GRADIO_SERVER_PORT": port}
    ended = subprocess.run([sys.executable, APP], env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    said = f"The page cannot listen on port {port}; choose another with --port or GRADIO_SERVER_PORT."
    assert ended.stderr.splitlines()[-1] == said


@pytest.mark.slow
def test_what_a_visitor_gave_and_got_is_deleted_after_its_time(tmp_path: Path, small: Path) -> None:
    with page(tmp_path, F2A_KEEP_S="20") as (url, _), httpx.Client(base_url=url, timeout=60) as http:
        assert relight(http, upload(http, small))[0] == "complete"
        assert len(list(tmp_path.rglob("*/visitors/**/small*.jpg"))) >= 2
        until(lambda: not list(tmp_path.rglob("*/visitors/**/small*.jpg")))
