"""ASGI middleware of the page: limits for uploads, a count of open responses, compression, tags for link previews, and
the page's own styles."""

import asyncio
import re
import time
from typing import Any

from gradio.route_utils import get_root_url
from starlette.formparsers import MultiPartException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from f2a.page import text

SILENCE_S, UPLOAD_S = 30, 600
"""Seconds after which a request is given up: without a byte, and in all."""

MAX_BYTES = {"/upload": 500_000_000, "/gradio_api/mcp": 50_000_000, "": 1_000_000}
"""Maximum bytes of a request, by the end of its path: an upload of photos, a photo in a data URI, any other."""


class RequestLimits:
    """Ends requests that are cut off, stall or never end: reading one raises Starlette's error for uploads, so that the
    page answers with status 400 and removes what it has written.

    Args:
        app: the page.
        silence_s: maximum seconds without a byte.
        upload_s: maximum seconds for a whole request.
    """

    def __init__(self, app: ASGIApp, silence_s: float = SILENCE_S, upload_s: float = UPLOAD_S) -> None:
        self.app, self.silence_s, self.upload_s = app, silence_s, upload_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            return await self.app(scope, receive, send)
        path = scope["path"].rstrip("/")
        left = next(limit for end, limit in MAX_BYTES.items() if path.endswith(end))
        whole, end = False, time.monotonic() + self.upload_s

        async def receive_within_limits() -> Message:
            nonlocal left, whole
            if whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0, min(end - time.monotonic(), self.silence_s)))
            except asyncio.TimeoutError:
                raise MultiPartException("The upload took too long and was stopped; please try again.") from None
            if message["type"] == "http.disconnect":
                raise MultiPartException("The upload was cut off.")
            left -= len(message.get("body", b""))
            if left < 0:
                raise MultiPartException("The request is over the maximum allowed size.")
            whole = not message.get("more_body", False)
            return message

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and not whole:  # do not wait for the rest
                message["headers"] = [*message.get("headers", []), (b"connection", b"close")]
            await send(message)

        await self.app(scope, receive_within_limits, answer)


class InFlightResponses:
    """Counts the responses on their way to visitors; any thread may ask."""

    PATHS = ("/call/", "/run/", "/queue/data", "/file=")

    def __init__(self) -> None:
        self._open, self._last = 0, -float("inf")

    def idle_for(self, seconds: float) -> bool:
        """Whether no response has been on its way for this long."""
        return not self._open and time.monotonic() - self._last >= seconds

    def count(self, app: ASGIApp) -> ASGIApp:
        """Wrap ``app`` so that responses with relit photos and their event streams are counted, but not streams that
        only tell that a page is open."""

        async def count_and_run(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http" or not any(path in scope["path"] for path in self.PATHS):
                return await app(scope, receive, send)
            self._open += 1
            try:
                await app(scope, receive, send)
            finally:
                self._open -= 1
                self._last = time.monotonic()

        return count_and_run


def compress_answers(app: ASGIApp) -> ASGIApp:
    """Wrap ``app`` so that its answers to a slider's moves are compressed, as their pictures are a third longer in
    base64; Gradio compresses only files."""
    compressed = GZipMiddleware(app, compresslevel=1)

    async def compress_and_run(scope: Scope, receive: Receive, send: Send) -> None:
        await (compressed if scope.get("path", "").endswith("/run/predict") else app)(scope, receive, send)

    return compress_and_run


class HeadTags:
    """Replaces Gradio's tags in the page's head, which call every shared page "Gradio", with our own, and puts styles
    before its content.

    Args:
        app: the page.
        styles: CSS that applies from the first paint on. Gradio would add it after the page has been drawn once, and
            rewrite its selectors. It is put in the body, so that it overrides Gradio's, which is in the head.
    """

    GRADIOS = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*')

    def __init__(self, app: ASGIApp, styles: str) -> None:
        self.app, self.styles = app, f"<style>{styles}</style>".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (scope["method"], scope["path"]) != ("GET", "/"):
            return await self.app(scope, receive, send)
        body, start = bytearray(), dict[str, Any]()

        async def rewrite(message: Message) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
                return
            body.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            tags = text.head_tags(get_root_url(Request(scope), "/", scope.get("root_path"))).encode()
            content = self.GRADIOS.sub(b"", body).replace(b"</head>", tags + b"</head>", 1)
            content = content.replace(b"<gradio-app", self.styles + b"<gradio-app", 1)
            headers = [header for header in start["headers"] if header[0] != b"content-length"]
            await send(start | {"headers": [*headers, (b"content-length", str(len(content)).encode())]})
            await send({"type": "http.response.body", "body": content})

        await self.app(scope, receive, rewrite)
