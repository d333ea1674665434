"""The page's MCP tools: Gradio's, changed so that a client can give a photo in any of three ways."""

import html
import json
import os.path
from typing import Any
from urllib.parse import unquote

import gradio.mcp
from anyio.to_thread import run_sync
from gradio.processing_utils import save_base64_to_cache
from gradio.utils import get_upload_folder, is_in_or_equal
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from f2a.photo import PhotoError, read_photo

PICTURE_SIDE = 1024
"""Longest side, in pixels, of the picture in an answer, which also gives the address of the whole file."""

UNREACHED = "the page failed; if you gave a photo's address, the page may be unable to reach it: give a data: URI"


class ToolServer(gradio.mcp.GradioMCPServer):
    """Gradio's MCP server with four faults of Gradio 6.31 mended: it refuses photos that were uploaded to it, stores
    those in data URIs where nothing deletes them, joins several results into one text, and sends full-size pictures."""

    def get_tool_to_endpoint(self) -> dict[str, str]:
        endpoints = self.api_info["named_endpoints"]
        types = {name: {row["type"].get("type") for row in about["parameters"]} for name, about in endpoints.items()}
        fit = {name for name in endpoints if "array" not in types[name]}  # Gradio 6.31 finds no files in a list
        return {tool: name for tool, name in super().get_tool_to_endpoint().items() if name in fit}

    @property
    def _file_data_tool_description(self) -> str:
        return (
            " Give a file as a data: URI, as the path returned by POST /gradio_api/upload, or as a public address"
            " (http, https)."
        )

    def convert_strings_to_filedata(self, value: Any, filedata_positions: list[list[str | int]]) -> Any:
        files = {position[0] for position in filedata_positions}
        return {name: file_from(text) if name in files else text for name, text in value.items()}

    async def _execute_tool_without_progress(self, job: Any) -> list[Any]:
        try:
            result = await run_sync(job.result)
        except AppError as error:
            is_ours = not str(error).startswith("The upstream Gradio app")
            raise ValueError(html.unescape(str(error)) if is_ours else UNREACHED) from None
        return list(result) if isinstance(result, tuple) else [result]

    def postprocess_output_data(self, data: Any, root_url: str) -> Any:
        flat = [item for output in data for item in (output if isinstance(output, list) else [output])]
        texts = [json.dumps(item) if isinstance(item, dict) and "path" not in item else item for item in flat]
        return super().postprocess_output_data(texts, root_url)

    @staticmethod
    def get_image(file_path: str) -> Image.Image | None:
        try:
            picture = read_photo(file_path).photo.fit_within(PICTURE_SIDE).to_srgb()
        except PhotoError:
            return None
        picture.format = "JPEG"
        return picture


def file_from(text: str) -> Any:
    """Convert the file that a client names into what Gradio accepts.

    Args:
        text: a data URI, the path or address of an uploaded file, or a public address.

    Raises:
        ValueError: it is none of these; a file on the server that was not uploaded is refused.
    """
    folder = get_upload_folder()
    if text.startswith("data:"):
        try:
            return handle_file(save_base64_to_cache(text, folder))
        except ValueError as error:
            raise ValueError(f"the data: URI cannot be decoded ({error}); give data:image/jpeg;base64,...") from None
    path = unquote(text.partition("/gradio_api/file=")[2]) or text
    if os.path.isfile(path) and is_in_or_equal(path, folder):
        return handle_file(path)
    if text.startswith(("http://", "https://")):
        return handle_file(text)
    raise ValueError(f"{text[:80]!r} was not uploaded here; give a data: URI, an upload's path or a public address")


def install_tools() -> None:
    """Make Gradio serve these tools when a page is launched with ``mcp_server=True``."""
    gradio.mcp.GradioMCPServer = ToolServer  # type: ignore[misc]  # Gradio has no option for the class
