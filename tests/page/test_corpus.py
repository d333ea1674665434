"""The page with the hostile corpus: each upload gives a photo or one sentence, and the server survives (slow)."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from f2a.photo import read_photo
from tests.support import corpus
from tests.support.load import UPLOAD, page, relight
from tests.support.page_server import is_healthy
from tests.support.waiting import PATIENCE_S

CLIENTS = 4
MOST_MEMORY_KB = 1_500_000


def upload(http, name, content):
    """Upload as a browser does, even if the name is not text; return the server's path or the refusal's sentence."""
    escaped = os.fsencode(name).replace(b'"', b"%22").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
    head = b'--f2a\r\nContent-Disposition: form-data; name="files"; filename="' + escaped + b'"\r\n'
    body = head + b"Content-Type: application/octet-stream\r\n\r\n" + content + b"\r\n--f2a--\r\n"
    answer = http.post(UPLOAD, content=body, headers={"Content-Type": "multipart/form-data; boundary=f2a"})
    assert answer.status_code == 200, answer.text
    return answer.json()[0]


def faults_of(http, path, file) -> list[str]:
    """List what the page did wrong with one file, a line for each fault."""
    try:
        kind, data = relight(http, upload(http, path.name, file.content))
    except httpx.TimeoutException:
        return [f"{path.name!r}: no answer in {PATIENCE_S} s"]
    if kind == "complete":
        relit = path.parent / f"{uuid4()}{Path(data[0]['path']).suffix}"
        relit.write_bytes(http.get(data[0]["url"]).content)
        size = read_photo(relit).photo.size
        wrong = file.outcome is False or (file.outcome is not None and size != file.outcome)
        return [f"{path.name!r}: came out as {size}, not {file.outcome}"] * wrong
    said = str(data)
    faults = ["refused"] if isinstance(file.outcome, tuple) else []
    faults += ["no sentence"] if not 10 < len(said) < 600 else []
    faults += ["tells of the server"] if re.search(r"Traceback|File \"|/tmp/|<script", said) else []
    return [f"{path.name!r}: {fault}: {said}" for fault in faults]


@pytest.mark.slow
def test_every_upload_gives_a_photo_or_one_sentence_and_the_server_lives_on(tmp_path):
    (tmp_path / "corpus").mkdir()
    files = {path: file for path, file in corpus.make(tmp_path / "corpus").items() if path.is_file() and file.content}
    with page(tmp_path / "page") as (url, process):
        with httpx.Client(base_url=url, timeout=PATIENCE_S) as http, ThreadPoolExecutor(CLIENTS) as pool:
            faults = [fault for each in pool.map(lambda item: faults_of(http, *item), files.items()) for fault in each]
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
        assert is_healthy(url)
    print(f"{len(files)} uploads, most memory {int(peak[1]) / 1024:.0f} MB")  # figure for docs/
    assert not faults, "\n".join(faults)
    assert "Traceback" not in (tmp_path / "page" / "errors.txt").read_text(errors="replace")
    assert int(peak[1]) < MOST_MEMORY_KB
