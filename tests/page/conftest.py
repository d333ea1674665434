"""Fixtures with one page and one browser for all these tests: the browser caches the scripts, so pages open sooner."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio", reason="needs gradio (requirements.txt)")

from f2a.page.job_queue import JobQueue
from f2a.page.layout import build_demo
from f2a.page.server import launch_options
from f2a.relight.relighter import Relighter
from tests.support.page_server import browsing, serving, visiting


@pytest.fixture(scope="package")
def jobs() -> JobQueue:
    return JobQueue(workers=2, max_waiting=40)


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the page's files."""
    return tmp_path_factory.mktemp("gradio")


@pytest.fixture(scope="package")
def server(relighter: Relighter, jobs: JobQueue, folder: Path) -> Iterator[str]:
    with serving(lambda: build_demo(relighter, jobs=jobs), folder, launch_options()) as url:
        yield url


@pytest.fixture(scope="package")
def chromium() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def page(chromium: Any, server: str) -> Iterator[Any]:
    with visiting(chromium, server) as page:
        yield page
