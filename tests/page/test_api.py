"""The page as programs use it: the Gradio client, requests by curl, ``python app.py``."""

import json
import os
import re
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import app
from f2a.page import STARTING
from f2a.page.examples import BUNDLED
from f2a.relight.controls import Controls
from f2a.relight.relighter import Relighter
from tests.support.hub_stub import Blob, HubStub
from tests.support.page_server import free_port, library_bytes, save_gradient, started


@pytest.fixture
def client(server: str, tmp_path: Path) -> Client:
    return Client(server, verbose=False, download_files=tmp_path / "downloads")


def test_relight_answers_with_the_librarys_file(client: Client, relighter: Relighter, tmp_path: Path) -> None:
    photo = save_gradient(tmp_path / "party.jpg", quality=90)
    file, sentence = client.predict(handle_file(photo), api_name="/relight")
    assert Path(file).name == "party_ambient.jpg"
    assert Path(file).read_bytes() == library_bytes(relighter, photo)
    assert re.fullmatch(r"party_ambient\.jpg: made in [\d.]+ s\.", sentence)


def test_relight_takes_every_control_by_name(client: Client, relighter: Relighter, tmp_path: Path) -> None:
    photo = save_gradient(tmp_path / "party.png")
    settings = {"strength": 0.5, "exposure": 1.5, "warmth": 40, "shadows": -0.5, "keep_colors": True}
    file, _ = client.predict(photo=handle_file(photo), **settings, api_name="/relight")
    assert Path(file).read_bytes() == library_bytes(relighter, photo, Controls(**settings))


def test_relight_batch_answers_with_a_zip_and_a_line_for_each_failure(client: Client, tmp_path: Path) -> None:
    good, bad = save_gradient(tmp_path / "good.webp"), tmp_path / "bad.png"
    bad.write_text("Dear diary")
    file, lines = client.predict([handle_file(good), handle_file(bad)], api_name="/relight_batch")
    assert zipfile.ZipFile(file).namelist() == ["good_ambient.webp"]
    summary, failed = lines.split("\n")
    assert summary == "1 of 2 photos relit."
    assert failed.startswith("bad.png: is not a photo")


def test_examples_answers_with_three_pictures_of_one_size_and_scores(client: Client) -> None:
    pictures, facts = client.predict(number=2, api_name="/examples")
    assert [Path(picture).name for picture in pictures] == ["flash.jpg", "ours.jpg", "truth.jpg"]
    assert {Image.open(picture).size for picture in pictures} == {(720, 355)}
    assert (facts["name"], facts["number"], facts["of"], facts["categories"]) == ("knives_and_press", 2, 8, ["all"])
    files = [BUNDLED / f"knives_and_press_{half}.jpg" for half in ("flash", "ambient")]
    flash, truth = (np.asarray(Image.open(file), float) for file in files)
    psnr = 10 * np.log10(255**2 / ((flash - truth) ** 2).mean())
    assert facts["flash"]["psnr_db"] == pytest.approx(psnr, abs=1e-3)


@pytest.mark.parametrize(
    ("endpoint", "arguments", "sentence"),
    [
        ("relight", {"photo": None}, r"^Choose a photo first\.$"),
        ("relight", {"photo": "bad.jpg"}, r"^bad\.jpg: is not a photo"),
        ("relight", {"photo": "giant.png"}, r"^giant\.png: has more than the 64 megapixels that this page accepts"),
        ("relight_batch", {"photos": []}, r"^Choose photos first\.$"),
        ("examples", {"number": 9}, "^all has 8 examples, so there is no number 9$"),
        ("examples", {"category": "People"}, "^People has 0 examples"),
    ],
)
def test_a_mistake_is_one_sentence_without_the_servers_folders(
    client: Client, tmp_path: Path, endpoint: str, arguments: dict[str, Any], sentence: str
) -> None:
    (tmp_path / "bad.jpg").write_text("Dear diary")
    Image.new("1", (9000, 9000)).save(tmp_path / "giant.png")
    if name := arguments.get("photo"):
        arguments = {"photo": handle_file(tmp_path / name)}
    with pytest.raises(AppError, match=sentence):
        client.predict(**arguments, api_name=f"/{endpoint}")


def test_the_endpoints_are_typed_and_described(client: Client, server: str) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert sorted(endpoints) == ["/examples", "/relight", "/relight_batch"]
    parameters = {row["parameter_name"]: row for row in endpoints["/relight"]["parameters"]}
    assert list(parameters) == ["photo", *(item.name for item in fields(Controls)), "keep_location"]
    assert parameters["exposure"]["type"]["description"] == "numeric value between -3 and 3"
    assert all(row["parameter_has_default"] for name, row in parameters.items() if name != "photo")
    described = json.load(urllib.request.urlopen(f"{server}/gradio_api/openapi.json"))
    assert "Relight a flash photo. Returns a file of the same size" in json.dumps(described)


def test_curls_three_requests_relight_a_photo(server: str, relighter: Relighter, tmp_path: Path) -> None:
    photo = save_gradient(tmp_path / "party.jpg")

    def curl(*arguments: str) -> str:
        return subprocess.run(["curl", "-sf", *arguments], capture_output=True, text=True, check=True).stdout

    [uploaded] = json.loads(curl("-F", f"files=@{photo}", f"{server}/gradio_api/upload"))
    asked = json.dumps({"photo": {"path": uploaded, "meta": {"_type": "gradio.FileData"}}, "exposure": 0.3})
    started = curl("-H", "Content-Type: application/json", "-d", asked, f"{server}/gradio_api/call/v2/relight")
    answer = curl(f"{server}/gradio_api/call/relight/{json.loads(started)['event_id']}")
    event, data = answer.strip().split("\n")
    assert event == "event: complete"
    [file, sentence] = json.loads(data.removeprefix("data: "))
    assert "made in" in sentence
    relit = urllib.request.urlopen(file["url"]).read()
    assert relit == library_bytes(relighter, photo, Controls(exposure=0.3))


def test_visitors_at_once_get_their_own_photo(server: str, relighter: Relighter, tmp_path: Path) -> None:
    def visit(tint: int) -> bool:
        (folder := tmp_path / str(tint)).mkdir()
        photo = save_gradient(folder / "photo.png", tint=tint)
        client = Client(server, verbose=False, download_files=folder / "downloads")
        file, _ = client.predict(handle_file(photo), 0.5, api_name="/relight")
        return Path(file).read_bytes() == library_bytes(relighter, photo, Controls(0.5))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(visit, (0, 60, 120, 180))) == [True] * 4


@contextmanager
def running(*flags: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run ``python app.py``; yield its address and process once it answers."""
    settings = os.environ | {"HF_HUB_OFFLINE": "1"} | environment
    with started([sys.executable, app.__file__, *flags], settings) as both:
        yield both


@pytest.mark.slow
@pytest.mark.parametrize("setting", ["/no/such/folder", "nobody/nothing@main"])
def test_weights_that_cannot_be_had_leave_the_bundled_ones_and_a_sentence(setting: str) -> None:
    with running(F2A_WEIGHTS=setting, F2A_EXAMPLES="nobody/nothing") as (url, process):
        page = urllib.request.urlopen(url).read().decode()
        assert f"The weights {setting} are not available at the moment; the bundled ones are used instead." in page
        process.terminate()
        errors = process.stderr.read().splitlines()
    assert [line.split(": ")[0] for line in errors if line.startswith("F2A_")] == ["F2A_WEIGHTS", "F2A_EXAMPLES"]
    assert not any("Traceback" in line for line in errors)


@pytest.mark.slow
def test_weights_of_the_hub_are_used_and_named(weights: Path, relighter: Relighter, tmp_path: Path) -> None:
    photo = save_gradient(tmp_path / "party.png")
    with HubStub() as hub:
        repo = hub.add_repo("user/model")
        files = {path.name: Blob(path.read_bytes()) for path in weights.iterdir()}
        commit = repo.commit("Add weights", repo.at().files | files)
        with running(F2A_WEIGHTS=f"user/model@{commit.sha}", **hub.environment(), HF_HUB_OFFLINE="0") as (url, _):
            client = Client(url, verbose=False, download_files=tmp_path / "downloads")
            file, _ = client.predict(handle_file(photo), api_name="/relight")
            page = urllib.request.urlopen(url).read().decode()
    assert "not available" not in page
    assert "https://huggingface.co/user/model" in page
    assert Path(file).read_bytes() == library_bytes(relighter, photo)


@pytest.mark.slow
def test_f2a_serve_starts_the_same_page_where_it_is_told_and_prints_its_addresses() -> None:
    port = free_port()
    command = [sys.executable, "-m", "f2a", "serve", "--host", "localhost", "--port", str(port), "--mcp"]
    settings = os.environ | {"HF_HUB_OFFLINE": "1"}
    with started(command, settings, port, output=subprocess.PIPE) as (url, process):
        tools = json.load(urllib.request.urlopen(f"{url}/gradio_api/mcp/schema"))
        endpoints = urllib.request.urlopen(f"{url}/gradio_api/info").read().replace(url.encode(), b"URL")
        process.terminate()
        printed = process.stdout.read()
    with running() as (other, _):
        assert urllib.request.urlopen(f"{other}/gradio_api/info").read().replace(other.encode(), b"URL") == endpoints
    first, page, tools_line = printed.splitlines()
    assert first == STARTING
    assert tools_line == f"The MCP tools are at http://localhost:{port}/gradio_api/mcp/"
    assert page.startswith(f"The page is at http://localhost:{port}/ ")
    assert page.endswith(f"http://localhost:{port}/?view=api")
    relight = next(tool for tool in tools if tool["name"] == "relight")
    assert relight["description"].startswith("Relight a flash photo")
    assert "in stops" in relight["inputSchema"]["properties"]["exposure"]["description"]
