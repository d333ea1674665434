"""Many visitors at once: everybody gets the own photo back, and the server doesn't grow (slow)."""

import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from f2a.relight.relighter import Relighter, relight_file

pytest.importorskip("gradio", reason="needs gradio (requirements.txt)")

from tests.page.test_api import running

CLIENTS, REQUESTS, WARM_UP = 32, 200, 40
GROWTH_MB = 150
"""Of the server's memory after the first requests; the previews that it keeps ready are within it."""


def relight_over_http(http: httpx.Client, url: str, photo: Path) -> bytes:
    """What curl does, in three requests and a download."""
    [path] = http.post(f"{url}/gradio_api/upload", files={"files": (photo.name, photo.read_bytes())}).json()
    asked = {"photo": {"path": path, "meta": {"_type": "gradio.FileData"}}}
    event = http.post(f"{url}/gradio_api/call/v2/relight", json=asked).json()["event_id"]
    *waiting, answer = http.get(f"{url}/gradio_api/call/relight/{event}").text.strip().split("event: ")
    assert answer.startswith("complete"), answer
    assert {sign.split("\n")[0] for sign in waiting} <= {"", "heartbeat"}
    return http.get(json.loads(answer.split("data: ")[1])[0]["url"]).content


def memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory where Linux shows it")
def test_visitors_at_once_get_their_own_photo_and_memory_stays_flat(tmp_path: Path, capsys) -> None:
    relighter = Relighter.from_pretrained(device="cpu")
    expected = {}
    for number in range(CLIENTS):
        pixels = np.random.default_rng(number).integers(0, 255, (6, 8, 3), np.uint8)
        (tmp_path / str(number)).mkdir()
        photo = tmp_path / str(number) / "photo.jpg"
        Image.fromarray(pixels).resize((640, 480), Image.Resampling.BICUBIC).save(photo)
        expected[photo] = relight_file(relighter, photo, photo.parent).read_bytes()
    assert len(set(expected.values())) == CLIENTS
    photos = list(expected)

    def visit(number: int) -> tuple[float, float]:
        with httpx.Client(timeout=300) as http:
            started = time.monotonic()
            relit = relight_over_http(http, url, photos[number % CLIENTS])
        assert relit == expected[photos[number % CLIENTS]]
        return time.monotonic() - started, memory_mb(process.pid)

    with running() as (url, process), ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(visit, range(WARM_UP)))
        before, started = memory_mb(process.pid), time.monotonic()
        visits = list(pool.map(visit, range(REQUESTS)))
        elapsed, after = time.monotonic() - started, memory_mb(process.pid)
    times = sorted(seconds for seconds, _ in visits)
    with capsys.disabled():
        print(
            f"\n{CLIENTS} clients, {REQUESTS} photos of 640x480: {REQUESTS / elapsed:.1f} photos/s, "
            f"p50 {statistics.median(times):.2f} s, p95 {times[int(0.95 * REQUESTS)]:.2f} s; memory {before:.0f} MB "
            f"after {WARM_UP} photos, {after:.0f} MB at the end, {max(mb for _, mb in visits):.0f} MB at most"
        )
    assert after < before + GROWTH_MB
