"""What the page refuses to do: serve, open or fetch files that it was not given, or log who visited."""

import http.server
import json
import threading
import urllib.error
import urllib.request
from dataclasses import astuple

import httpx
import pytest

import app
from f2a.relight.controls import Controls
from tests.support import ROOT
from tests.support.load import given, upload
from tests.support.page_server import save_gradient


@pytest.fixture
def internal():
    """Address of a server that only this machine should reach, and the list of paths requested from it."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"secret")

        do_HEAD = do_POST = do_GET

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listener.server_port}", asked
        listener.shutdown()


def answer(url, content=None):
    """Send a request, with ``content`` as JSON if there is any; return the response's status and text."""
    body = None if content is None else json.dumps(content).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as reply:
            return reply.status, reply.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode(errors="replace")


def relit(server, photo):
    """Call the API with this as the photo; return the response's status and text."""
    address = f"{server}/gradio_api/call/relight"
    status, text = answer(address, {"data": [photo, *astuple(Controls()), False]})
    return answer(f"{address}/{json.loads(text)['event_id']}") if status == 200 else (status, text)


def test_the_page_serves_no_path_outside_its_folders(server, folder, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (folder / "link.txt").symlink_to(secret)
    up = "../" * 30
    tries = [f"file={secret}", f"file={folder}/../{secret}", f"file={folder}/{up}{secret}", f"file=/{up}{secret}",
             f"file={folder}/%2e%2e/%2e%2e/%2e%2e/{secret}", f"file=file://{secret}", f"file={ROOT}/f2a/page/page.js",
             f"file={ROOT}/.git/config", f"file={folder}/link.txt", "file=.", f"static/{up}{secret}",
             f"custom_component/{up}{secret}", f"upload_progress/{up}{secret}", f"file/{secret}"]  # fmt: skip
    for path in tries:
        for prefix in ("/gradio_api/", "/", "//"):
            status, text = answer(f"{server}{prefix}{path}")
            assert (status, "secret" in text) != (200, True), path
            assert "import " not in text[:2000] or status != 200, path
    for path in ("/etc/passwd", app.__file__):
        assert answer(f"{server}/gradio_api/file={path}")[0] == 403


def test_the_page_opens_no_file_for_a_visitor_that_was_not_given(server, tmp_path):
    mine = save_gradient(tmp_path / "mine.png")
    _, text = relit(server, given(upload(httpx.Client(base_url=server), mine)))
    assert "event: complete" in text
    assert "mine_ambient" in text
    for photo in (given(str(mine)), str(mine), {"path": "/etc/passwd"}):
        _, text = relit(server, photo)
        assert "event: error" in text or "event: complete" not in text
        assert "mine_ambient" not in text


def test_the_page_fetches_no_address_for_a_visitor(server, internal):
    address, asked = internal
    named = [given("c.png") | {"url": f"{address}/c.png"}, {"path": "", "url": f"{address}/d.png"}]
    for photo in [f"{address}/a.png", given(f"{address}/b.png"), *named]:
        assert "event: complete" not in relit(server, photo)[1]
    for path in (f"proxy={address}/e", f"file={address}/f"):
        assert "secret" not in answer(f"{server}/gradio_api/{path}")[1]
    assert asked == []


def test_the_page_logs_no_photo_and_no_name(server, tmp_path, capfd):
    client = pytest.importorskip("gradio_client")
    good, bad = save_gradient(tmp_path / "my secret party.png"), tmp_path / "my secret text.jpg"
    bad.write_text("secret")
    program = client.Client(server, verbose=False, download_files=tmp_path / "downloads")
    program.predict(client.handle_file(good), api_name="/relight")
    with pytest.raises(Exception, match="my secret text"):
        program.predict(client.handle_file(bad), api_name="/relight")
    assert "secret" not in "".join(capfd.readouterr())
