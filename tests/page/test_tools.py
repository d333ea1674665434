"""The page's MCP tools, called with the protocol's official client."""

import base64
import io
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio.mcp
import httpx
import numpy as np
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

from f2a.page.layout import build_demo
from f2a.page.server import launch_options
from f2a.page.tools import PICTURE_SIDE, install_tools
from f2a.relight.controls import Controls
from f2a.relight.relighter import Relighter
from tests.support import load
from tests.support.page_server import in_a_loop, library_bytes, save_gradient, serving


@pytest.fixture(scope="module")
def server(relighter: Relighter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with tools_server(relighter, tmp_path_factory.mktemp("gradio")) as url:
        yield url


@contextmanager
def tools_server(relighter: Relighter, folder: Path) -> Iterator[str]:
    """Serve a page with tools, whose files are in ``folder``; yield its address."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gradio.mcp, "GradioMCPServer", gradio.mcp.GradioMCPServer)  # restored afterwards
        patch.setattr(gradio.mcp, "DEFAULT_TEMP_DIR", str(folder / "elsewhere"))
        install_tools()
        with serving(lambda: build_demo(relighter), folder, launch_options() | {"mcp_server": True}) as url:
            yield url
    assert not (folder / "elsewhere").exists()  # visitors' photos there would never be deleted


def ask(server: str, method: str, *arguments: Any) -> Any:
    """Call the client's method of that name and return its answer."""

    async def session() -> Any:
        address = f"{server}/gradio_api/mcp/"
        async with streamable_http_client(address) as (read, write, _), ClientSession(read, write) as client:
            await client.initialize()
            return await getattr(client, method)(*arguments)

    return in_a_loop(session)


def call(server: str, tool: str, **arguments: Any) -> Any:
    return ask(server, "call_tool", tool, arguments)


def refusal(answer: Any) -> str:
    """The one sentence of an error."""
    assert answer.isError
    [content] = answer.content
    assert "\n" not in content.text
    return str(content.text)


def data_uri(photo: Path) -> str:
    return f"data:image/{photo.suffix[1:]};base64,{base64.b64encode(photo.read_bytes()).decode()}"


def upload(server: str, photo: Path) -> str:
    """Upload a photo and return its path on the server."""
    return load.upload(httpx.Client(base_url=server), photo)


GIVEN = {
    "data URI": lambda server, photo: data_uri(photo),
    "upload": upload,
    "upload's address": lambda server, photo: f"{server}/gradio_api/file={upload(server, photo)}",
}


@pytest.mark.parametrize("way", GIVEN)
def test_every_tool_that_is_listed_answers_however_its_file_is_given(server: str, way: str, tmp_path: Path) -> None:
    given = GIVEN[way](server, save_gradient(tmp_path / "party.jpg"))
    tools = ask(server, "list_tools").tools
    assert {tool.name for tool in tools} == {"relight", "examples"}
    for tool in tools:
        files = {
            name: given for name, about in tool.inputSchema["properties"].items() if "File" in about.get("format", "")
        }
        answer = call(server, tool.name, **files)
        assert not answer.isError
        pictures = [content.data for content in answer.content if content.type == "image"]
        sizes = [Image.open(io.BytesIO(base64.b64decode(picture))).size for picture in pictures]
        assert sizes == [(48, 30)] if files else [(720, 494)] * 3


@pytest.mark.parametrize("way", GIVEN)
def test_the_address_in_the_answer_leads_to_the_librarys_file(
    server: str, way: str, relighter: Relighter, tmp_path: Path
) -> None:
    photo = save_gradient(tmp_path / "party.png")
    answer = call(server, "relight", photo=GIVEN[way](server, photo), exposure=0.5, keep_colors=True)
    _, address, sentence = answer.content
    relit = urllib.request.urlopen(address.text.removeprefix("Image URL: ")).read()
    controls = Controls(exposure=0.5, keep_colors=True)
    assert relit == library_bytes(relighter, photo, controls)
    assert re.search(r"^\w+_ambient\.png: made in [\d.]+ s\.$", sentence.text)


def test_a_photo_of_several_megabytes_fits_and_is_shown_smaller(server: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1600, 3), np.uint8)
    Image.fromarray(noise).save(photo := tmp_path / "noise.jpg", quality=95)
    assert photo.stat().st_size > 2_000_000
    shown, address, _ = call(server, "relight", photo=data_uri(photo)).content
    assert max(Image.open(io.BytesIO(base64.b64decode(shown.data))).size) == PICTURE_SIDE
    with urllib.request.urlopen(address.text.removeprefix("Image URL: ")) as relit:
        assert Image.open(relit).size == (1600, 1200)


@pytest.mark.parametrize("text", ["/etc/passwd", "file:///etc/passwd", "{server}/gradio_api/file=/etc/passwd",
                                  "{upload}/../../../../../../etc/passwd", "{upload}x", "a.jpg", "", "\0"])  # fmt: skip
def test_files_that_were_not_uploaded_are_refused(server: str, text: str, tmp_path: Path) -> None:
    uploaded = upload(server, save_gradient(tmp_path / "party.jpg"))
    said = refusal(call(server, "relight", photo=text.format(server=server, upload=uploaded)))
    assert "not uploaded here" in said or "may be unable to reach it" in said
    assert "root:" not in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("data:image/jpeg;base64,A", "the data: URI cannot be decoded"),
        ("data:text/plain;base64,RGVhciBkaWFyeQ==", "is not a photo that can be read"),
        ("http://127.0.0.1:1/party.jpg", "the page may be unable to reach it: give a data: URI"),
    ],
)
def test_what_is_no_photo_is_one_sentence(server: str, text: str, said: str) -> None:
    assert said in refusal(call(server, "relight", photo=text))


def test_a_control_outside_its_range_is_one_sentence(server: str, tmp_path: Path) -> None:
    photo = data_uri(save_gradient(tmp_path / "party.jpg"))
    assert "strength is 3: give a number from 0 to 2" in refusal(call(server, "relight", photo=photo, strength=3))
