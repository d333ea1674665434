"""From start to stop: the weights, the sweep of old files, and the end of the work when the server is told to stop."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from f2a.model.checkpoint import CheckpointError
from f2a.page.job_queue import Door
from f2a.page.middleware import Answers
from f2a.page.service import sweep_folder
from f2a.relight.relighter import Relighter

FINISH_S, LINGER_S = 7, 1
"""Seconds that what runs has to finish in, and during which its visitors fetch their photos afterwards."""


def load_weights(source: str | None) -> tuple[Relighter, str | None]:
    """The relighter for ``F2A_WEIGHTS``, or the bundled one and a sentence that says why."""
    repo_id, _, revision = (source or "").partition("@")
    folder = source if source and Path(source).is_dir() else None
    try:
        return Relighter.from_pretrained(folder or repo_id or None, None if folder else revision or None), None
    except CheckpointError as error:
        return Relighter.from_pretrained(), f"F2A_WEIGHTS: {error}; using the bundled weights"


def sweeping(
    folder: Callable[[], str], keep_s: float, sweep_s: float
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """While the server runs, old files go; Gradio's own cleaning leaves those that no component points to, and ends for
    good when a file is made while it looks (6.31).

    Args:
        folder: gives the visitors' folder.
        keep_s: seconds that a file stays.
        sweep_s: seconds between two looks.
    """

    async def sweep() -> None:
        while True:
            await asyncio.sleep(sweep_s)
            await asyncio.to_thread(sweep_folder, Path(folder()), keep_s)

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(sweep())
        yield
        task.cancel()

    return lifespan


def finish(door: Door, answers: Answers) -> bool:
    """Let nobody in, and wait until those inside are done and have fetched their photos; at most :data:`FINISH_S`.

    Returns:
        Whether they are.
    """
    door.close()
    end = time.monotonic() + FINISH_S
    while not (done := door.empty and answers.quiet(LINGER_S)) and time.monotonic() < end:
        time.sleep(0.05)
    return done
