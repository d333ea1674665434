"""Visitors to a real server, polite and otherwise, and the resources that the server uses meanwhile."""

import json
import os
import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import numpy as np
from PIL import Image

from tests.support import ROOT
from tests.support.page_server import started
from tests.support.waiting import PATIENCE_S, until

APP = ROOT / "app.py"
PATIENT_APP = f"""import runpy, sys
sys.path.insert(0, {str(ROOT)!r})
from f2a.page import server
server.DRAIN_S = {PATIENCE_S}
runpy.run_path({str(APP)!r}, run_name="__main__")"""
"""``python app.py``, but with no limit on how long it waits for running jobs when told to stop."""

UPLOAD = "/gradio_api/upload"


@contextmanager
def page(folder: Path, port: int | None = None, **settings: str) -> Iterator[tuple[str, Any]]:
    """Yield address and process of ``python app.py``, which writes into ``folder``, its errors into ``errors.txt``."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "GRADIO_TEMP_DIR": str(folder)} | settings
    with (
        (folder / "errors.txt").open("a") as errors,
        started([sys.executable, "-c", PATIENT_APP], environment, port, errors) as (url, process),
    ):
        yield url, process
        process.kill()  # a graceful end takes seconds and has its own tests


class Footprint(NamedTuple):
    """The resources of a server: megabytes of memory, open descriptors, threads, files."""

    memory_mb: float
    descriptors: int
    threads: int
    files: int


def footprint(process: Any, folder: Path) -> Footprint:
    """Return the footprint of the server that writes into ``folder``, as reported by Linux."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    descriptors = len(os.listdir(f"/proc/{process.pid}/fd"))
    files = sum(len(names) for _, _, names in os.walk(folder))
    return Footprint(int(status["VmRSS"].split()[0]) / 1024, descriptors, int(status["Threads"]), files)


def settled(process: Any, folder: Path, before: Footprint) -> Footprint:
    """Return the footprint once there are no more descriptors and files than before, or after a long wait."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        now = footprint(process, folder)
        if now.descriptors <= before.descriptors and now.files <= before.files:
            break
        time.sleep(0.05)
    return footprint(process, folder)


def processor_seconds(process: Any) -> float:
    """Return the processor time that the server has used so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_until_worked(process: Any, before: float, seconds: float) -> None:
    """Wait until the server has used that much processor time since ``before``, whatever the clock says."""
    until(lambda: processor_seconds(process) >= before + seconds)


def save_photo(path: Path, size: tuple[int, int], seed: int = 0) -> Path:
    """Return a photo of soft patches of colour, so that its file has a typical size."""
    pixels = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC).save(path, quality=90)
    return path


# Polite visitors


def upload(http: httpx.Client, photo: Path) -> str:
    """Upload a photo and return its path on the server."""
    return str(http.post(UPLOAD, files={"files": (photo.name, photo.read_bytes())}).raise_for_status().json()[0])


def given(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def ask(http: httpx.Client, name: str, **asked: Any) -> str:
    """Call an endpoint and return the address of the answer."""
    posted = http.post(f"/gradio_api/call/v2/{name}", json=asked).raise_for_status()
    return f"/gradio_api/call/{name}/{posted.json()['event_id']}"


def answer(http: httpx.Client, address: str) -> tuple[str, Any]:
    """Return ``complete`` and the data, or ``error`` and the message."""
    *waiting, answered = http.get(address).raise_for_status().text.strip().split("event: ")
    assert {sign.split("\n")[0] for sign in waiting} <= {"", "heartbeat"}
    event, data = answered.split("\n", 1)
    return event, json.loads(data.removeprefix("data: "))


def relight(http: httpx.Client, path: str) -> tuple[str, Any]:
    return answer(http, ask(http, "relight", photo=given(path)))


# Others


def half_an_upload(url: str, sent: int, promised: int = 5_000_000) -> socket.socket:
    """Return a connection on which that many bytes of a photo were sent, and many more announced."""
    address = urlsplit(url)
    connection = socket.create_connection((str(address.hostname), int(address.port or 80)), timeout=PATIENCE_S)
    head = (
        f"POST {UPLOAD} HTTP/1.1\r\nHost: page\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        f"Content-Length: {promised}\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="files"; filename="half.jpg"\r\n\r\n'
    )
    connection.sendall(head.encode() + b"\xff\xd8" + bytes(sent))
    return connection


def abort_uploads(url: str, count: int, together: int = 50) -> None:
    """Abort that many uploads, every other one by a reset.

    The server must have begun to read: it never sees a connection closed before that.
    """
    for first in range(0, count, together):
        numbers = range(first, min(first + together, count))
        connections = [half_an_upload(url, sent=1 + 997 * (number % 64)) for number in numbers]
        time.sleep(0.2)
        for number, connection in zip(numbers, connections, strict=True):
            if number % 2:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()


@contextmanager
def open_pages(url: str, count: int) -> Iterator[None]:
    """Open that many idle pages, each of which keeps a stream open."""
    with ExitStack() as stack:
        http = stack.enter_context(httpx.Client(base_url=url, timeout=30))
        for number in range(count):
            stream = stack.enter_context(http.stream("GET", f"/gradio_api/heartbeat/visitor{number}"))
            assert next(stream.iter_text()).startswith("data: ALIVE")
        yield
