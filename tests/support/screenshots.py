"""``python -m tests.support.screenshots``: regenerates the README's pictures in docs/ with the bundled weights."""

import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from f2a.page.examples import BUNDLED
from f2a.page.layout import build_demo
from f2a.page.server import launch_options
from f2a.relight.relighter import Relighter
from tests.support import ROOT
from tests.support.page_server import DESKTOP, PHONE, browsing, serving, visiting

STRIP = ("coats", "papers_and_golf_bag", "shoes", "tyre")
"""Pairs shown in ``strip.jpg``, one per row."""
CELL, GAP = 317, 8
"""Largest side of a picture in ``strip.jpg``, and the gap between pictures, in pixels."""
DOCS = ROOT / "docs"


def save_screenshot(page: Any, name: str) -> None:
    """Save the visible page once pictures and sizes have settled."""
    page.wait_for_timeout(1000)
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(DOCS / name, quality=85)


def save_strip(relighter: Relighter) -> None:
    """Save a picture with flash, f2a and truth of each pair in a row, on white."""
    rows = []
    for name in STRIP:
        flash, truth = (Image.open(BUNDLED / f"{name}_{kind}.jpg") for kind in ("flash", "ambient"))
        rows.append([ImageOps.contain(picture, (CELL, CELL)) for picture in (flash, relighter(flash), truth)])
    strip = Image.new("RGB", (3 * CELL + 2 * GAP, sum(row[0].height + GAP for row in rows) - GAP), "white")
    top = 0
    for row in rows:
        for column, picture in enumerate(row):
            strip.paste(picture, (column * (CELL + GAP), top))
        top += row[0].height + GAP
    strip.save(DOCS / "strip.jpg", quality=92)


def main() -> None:
    """Write ``strip.jpg``, ``page-desktop.jpg`` and ``page-examples.jpg``, 1440 x 900, and ``page-phone.jpg``."""
    relighter = Relighter.from_pretrained()
    save_strip(relighter)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(lambda: build_demo(relighter), Path(folder), launch_options()) as url,
        browsing() as browser,
    ):
        light = f"{url}/?__theme=light"
        with visiting(browser, light, DESKTOP) as page:
            save_screenshot(page, "page-desktop.jpg")
            page.get_by_role("tab", name="Examples").click()
            page.locator("#example-note").get_by_text("1 of 8").wait_for()
            save_screenshot(page, "page-examples.jpg")
        with visiting(browser, light, PHONE, has_touch=True, is_mobile=True) as page:
            save_screenshot(page, "page-phone.jpg")


if __name__ == "__main__":
    main()
