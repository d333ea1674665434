"""``python -m tests.support.screenshots``: makes the page's pictures in docs/ anew, with the bundled weights."""

import io
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from f2a.page.layout import build_demo
from f2a.page.server import launch_options
from f2a.relight.relighter import Relighter
from tests.support.page_server import DESKTOP, PHONE, browsing, serving, visiting

DOCS = Path(__file__).resolve().parents[2] / "docs"


def save_screenshot(page: Any, name: str) -> None:
    """Save what is seen once pictures and sizes have settled."""
    page.wait_for_timeout(1000)
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(DOCS / name, quality=85)


def main() -> None:
    """Write ``page-desktop.jpg`` and ``page-examples.jpg``, 1440 x 900, and ``page-phone.jpg``, 360 x 740."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(lambda: build_demo(Relighter.from_pretrained()), Path(folder), launch_options()) as url,
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
