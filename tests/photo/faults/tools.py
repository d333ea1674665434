"""Kind 9: each MCP tool that is listed answers, called by the protocol's official client."""

from functools import partial
from pathlib import Path

import pytest

from tests.photo.faults.case import Bench, Case

ANSWERS = "each tool that is listed answers"


def result(way: str, bench: Bench, path: Path) -> str:
    for library in ("gradio", "mcp"):
        pytest.importorskip(library)
    from tests.page.test_tools import GIVEN, ask, call, tools_server
    from tests.support.page_server import save_gradient

    photo = save_gradient(path)
    with tools_server(bench.relighter, path.parent / "server") as server:
        given, failed = GIVEN[way](server, photo), []
        for tool in ask(server, "list_tools").tools:
            files = [
                name for name, about in tool.inputSchema["properties"].items() if "File" in about.get("format", "")
            ]
            if call(server, tool.name, **dict.fromkeys(files, given)).isError:
                failed.append(tool.name)
    return f"no answer of {', '.join(failed)}" if failed else ANSWERS


CASES = [
    Case(9, f"party.{suffix} as {way}", "Pillow", ANSWERS, partial(result, way))
    for way in ("data URI", "upload")
    for suffix in ("jpg", "png")
]
