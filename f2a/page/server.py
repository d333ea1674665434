"""The page's server: its settings, weights and folder, the sweep of old files, and an orderly stop."""

import io
import logging
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from gradio.state_holder import StateHolder
from gradio.utils import get_upload_folder
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse
from starlette.routing import Route

from f2a.errors import F2aError
from f2a.model.checkpoint import CheckpointError
from f2a.page import text
from f2a.page.examples import open_examples
from f2a.page.gallery import Gallery
from f2a.page.job_queue import JobQueue
from f2a.page.layout import MAX_WAITING, WORKERS, build_demo
from f2a.page.middleware import UPLOAD_S, HeadTags, InFlightResponses, RequestLimits, compress_answers
from f2a.page.service import KEEP_S, SWEEP_S, sweep_folder
from f2a.page.theme import THEME
from f2a.page.tools import install_tools
from f2a.photo import READABLE_SUFFIXES, is_photo
from f2a.relight.relighter import Relighter

PAGE = Path(__file__).parent

DRAIN_S, GRACE_S = 7, 1
"""Seconds that running jobs have to finish when the server stops, and seconds left for fetching the last photos."""

STALE_S = SWEEP_S
"""Seconds without a touch of its folder after which a server counts as killed."""

USER = os.getuid() if hasattr(os, "getuid") else 0  # on Windows, st_uid is 0 for every file


class SettingError(F2aError):
    """A setting is invalid; the message names it, and says what to do."""


class Settings(NamedTuple):
    """Settings of the page.

    Attributes:
        weights: a folder or a Hub id, ``user/model[@revision]``; None for those that ship with f2a.
        examples: a folder of pairs or a Hub dataset, ``user/data[@revision]``; None for those that ship with f2a.
        waiting: maximum number of visitors in line; any more are asked to come back later.
        keep_s: seconds for which a visitor's files are kept.
        port: the port to listen on; None for the first free one from 7860.
        host: the address to listen on; None for ``GRADIO_SERVER_NAME`` or, without that, this computer only.
        share: also give the page a public address.
        mcp: also serve MCP tools.
    """

    weights: str | None = None
    examples: str | None = None
    waiting: int = MAX_WAITING
    keep_s: int = KEEP_S
    port: int | None = None
    host: str | None = None
    share: bool = False
    mcp: bool = False

    @property
    def sweep_s(self) -> int:
        """Seconds between two sweeps of old files."""
        return max(1, min(SWEEP_S, self.keep_s // 10))


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read ``F2A_WEIGHTS``, ``F2A_EXAMPLES``, ``F2A_WAITING``, ``F2A_KEEP_S``, and Gradio's ``GRADIO_SERVER_PORT`` and
    ``GRADIO_MCP_SERVER``.

    Raises:
        SettingError: a value is not a whole number within its bounds.
    """

    def number(name: str, low: int, high: int) -> int | None:
        value = environment.get(name, "")
        if not value:
            return None
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            raise SettingError(f"{name} is {value!r}; it must be a whole number from {low} to {high}")
        return int(value)

    weights, examples = environment.get("F2A_WEIGHTS") or None, environment.get("F2A_EXAMPLES") or None
    waiting, keep_s = number("F2A_WAITING", 1, 500), number("F2A_KEEP_S", 10, 86_400)
    port = number("GRADIO_SERVER_PORT", 1, 65_535)
    mcp = environment.get("GRADIO_MCP_SERVER", "").lower() == "true"
    return Settings(weights, examples, waiting or MAX_WAITING, keep_s or KEEP_S, port, mcp=mcp)


def run_page(settings: Settings, on_gpu: Callable[[Callable[..., Any]], Callable[..., Any]] | None = None) -> None:
    """Load the weights and serve the page until the process is told to stop.

    Args:
        settings: see :class:`Settings`.
        on_gpu: wraps the function that runs the network, as a ZeroGPU Space requires.

    Raises:
        SettingError: a library is missing, or the folder for the visitors' files belongs to somebody else.
    """
    if settings.mcp and not find_spec("mcp"):
        raise SettingError('--mcp needs the MCP library: pip install "gradio[mcp]"')
    with server_folder(Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())) as folder:
        tempfile.tempdir = str(folder)  # removed when this server stops, or by the next one
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "visitors")  # nothing else writes there, so all old files can go
        os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)  # or each request rebuilds a table of all
        os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
        relighter, problem = load_weights(settings.weights)
        problems = [problem] if problem else []
        if on_gpu:
            relighter.prepare = on_gpu(relighter.prepare)  # type: ignore[method-assign]
        pairs = open_examples(settings.examples, problems.append)
        gallery = None if pairs.bundled else Gallery(pairs, relighter)  # the page makes that of the bundled ones itself
        for sentence in problems:
            print(sentence, file=sys.stderr)
        notices = [text.BUNDLED_INSTEAD.format(settings.weights)] if problem else []
        jobs = JobQueue(WORKERS, settings.waiting)
        source = None if problem else settings.weights
        demo = build_demo(relighter, gallery, source, notices, jobs, settings.keep_s)
        drained = serve(demo, jobs, settings, folder)
    if not drained:
        print("The page was stopped while a photo was being relit, which would have taken too long.", file=sys.stderr)
        os._exit(1)  # or the process would wait for the thread that relights it


def load_weights(source: str | None) -> tuple[Relighter, str | None]:
    """Load the weights ``source`` or, if that fails, the bundled ones, with a sentence that says why."""
    try:
        return Relighter.from_pretrained(source or None), None
    except CheckpointError as error:
        return Relighter.from_pretrained(), f"F2A_WEIGHTS: {error}; using the bundled weights"


def serve(demo: gr.Blocks, jobs: JobQueue, settings: Settings, folder: Path) -> bool:
    """Serve until SIGTERM or Ctrl+C; then finish what runs and refuse the rest. ``folder``: see :func:`server_folder`.

    Returns:
        Whether the running jobs finished in time.
    """
    stop, responses = threading.Event(), InFlightResponses()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    if settings.mcp:
        install_tools()
    launch(demo, settings, Middleware(responses.count))
    swept = time.monotonic()
    while not stop.wait(0.5):  # without a timeout, Windows never notices Ctrl+C
        folder.mkdir(exist_ok=True)  # another server may have removed it while the machine slept
        os.utime(folder)  # tells other servers that this one runs
        remove_stale(folder.parent)
        if time.monotonic() > swept + settings.sweep_s:  # Gradio's own sweep misses files of no component
            sweep_folder(Path(get_upload_folder()), settings.keep_s)
            forget_answers(demo.state_holder, settings.keep_s)
            swept = time.monotonic()
    drained = drain(jobs, responses)
    demo.server.config.timeout_graceful_shutdown = 1  # do not wait for open pages
    logging.getLogger("uvicorn.error").disabled = True  # it would report them as errors
    demo.close(verbose=False)
    return drained


def launch(demo: gr.Blocks, settings: Settings, *middleware: Middleware) -> None:
    """Start the server, and print its addresses instead of Gradio's messages."""
    options = launch_options(settings, *middleware)
    options |= {"server_name": settings.host, "server_port": settings.port, "share": settings.share or None}
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            demo.launch(prevent_thread_lock=True, quiet=True, mcp_server=settings.mcp, **options)
    except OSError:
        place = f"port {settings.port}" if settings.port else "any port from 7860"
        sys.exit(f"The page cannot listen on {place}; choose another with --port or GRADIO_SERVER_PORT.")
    lines = [text.ADDRESS.format(demo.local_url)]
    if settings.share:
        lines.append(text.PUBLIC_ADDRESS.format(demo.share_url) if demo.share_url else said.getvalue().strip())
    if settings.mcp:
        lines.append(text.TOOLS_ADDRESS.format(demo.local_url))
    print(*lines, sep="\n", flush=True)


def launch_options(settings: Settings = Settings(), *middleware: Middleware) -> dict[str, Any]:  # noqa: B008  # a tuple
    """Arguments for ``demo.launch``."""
    upload_s = min(UPLOAD_S, settings.keep_s / 2)  # so that no file is swept while it is uploaded
    styles = (PAGE / "page.css").read_text(encoding="utf-8")
    suffixes = ",".join(sorted(suffix for suffix in READABLE_SUFFIXES if is_photo(Path("photo" + suffix))))
    limits, tags = Middleware(RequestLimits, upload_s=upload_s), Middleware(HeadTags, styles=styles)
    return {
        "theme": THEME,
        "js": (PAGE / "page.js").read_text(encoding="utf-8").replace("SUFFIXES", suffixes),
        "max_file_size": "100mb",
        "max_threads": WORKERS + settings.waiting + 24,  # 24 for pages, files and refusals
        "enable_monitoring": False,
        "run_history": False,
        "ssr_mode": False,
        "state_session_capacity": 200,  # Gradio keeps about 0.3 MB for each program that ever called
        "footer_links": ["api"],
        "_frontend": False,  # or Gradio ends a page whose first answer takes over 3 s, as on a busy machine
        "favicon_path": PAGE / "favicon.svg",
        "app_kwargs": {
            "routes": [Route("/health", health), Route("/share.jpg", lambda _: FileResponse(PAGE / "share.jpg"))],
            "middleware": [*middleware, limits, Middleware(compress_answers), tags],
        },
    }


async def health(request: Request) -> PlainTextResponse:
    """Answer "ok" while the page is served."""
    return PlainTextResponse("ok")


def drain(jobs: JobQueue, responses: InFlightResponses) -> bool:
    """Accept no more jobs, and wait up to :data:`DRAIN_S` until the running ones are done and their results fetched.

    Returns:
        Whether they are.
    """
    jobs.close()
    end = time.monotonic() + DRAIN_S
    while not (done := not jobs.jobs and responses.idle_for(GRACE_S)) and time.monotonic() < end:
        time.sleep(0.05)
    return done


# Files


@contextmanager
def server_folder(base: Path) -> Iterator[Path]:
    """Make a folder for everything that one server writes, inside a folder of this user in ``base``, and remove it when
    the server stops. A killed server leaves it behind, visitors' photos included; any other or the next removes it.

    Raises:
        SettingError: the user's folder belongs to somebody else.
    """
    ours = base / f"f2a-page-{USER}"
    ours.mkdir(mode=0o700, parents=True, exist_ok=True)
    if ours.is_symlink() or ours.stat().st_uid != USER:
        raise SettingError(f"{ours} belongs to somebody else; choose another place with GRADIO_TEMP_DIR")
    remove_stale(ours)
    with tempfile.TemporaryDirectory(prefix="server-", dir=ours, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
    with suppress(OSError):  # another server still uses it
        ours.rmdir()


def forget_answers(sessions: StateHolder, keep_s: float) -> None:
    """Drop the last answers, relit pictures among them, that Gradio keeps for visitors who have asked for nothing for
    ``keep_s`` seconds, even after they closed the page."""
    oldest = datetime.now() - timedelta(seconds=keep_s)
    for name, used in [*sessions.time_last_used.items()]:
        if used < oldest and (session := sessions.session_data.get(name)):
            session.config_values.clear()


def remove_stale(ours: Path) -> None:
    """Remove the folders of servers that were killed."""
    for folder in ours.iterdir():
        with suppress(OSError):  # gone already
            if folder.stat().st_mtime < time.time() - STALE_S:
                shutil.rmtree(folder, ignore_errors=True)
