"""The f2a page: a flash photograph in, the same photograph in the light of the room out. Run ``python app.py``.

Environment: ``F2A_WEIGHTS`` is a folder or a Hub id, ``user/model`` or ``user/model@revision`` (default: the weights
that ship with f2a); ``GRADIO_SERVER_NAME`` and ``GRADIO_SERVER_PORT`` say where the page listens (default:
127.0.0.1:7860).
"""

import html
import os
import shutil
import sys
import tempfile
import time
from functools import cached_property
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder
from PIL import Image

import f2a
from f2a.checkpoint import CheckpointError
from f2a.photo import PhotoError, open_photo, to_pixels, to_rgb8
from f2a.relighter import Relighter, relight_file

EXAMPLES = sorted((Path(f2a.__file__).parent / "examples").glob("*_flash.jpg"))
PREVIEW_SIDE_PX = 1600
CLEAN_EVERY_S, KEEP_S = 600, 3000  # together an hour at most

INTRODUCTION = """# Flash to ambient
Give a photograph that was taken with flash; get it back as the light of the room would have shown it.
"""
EXPLANATION = """## Examples
In threes: the flash picture, what f2a makes of it, and the same view without flash (the ground truth). **These are
rendered pictures, not photographs.** Choose one to try its flash picture above.
"""
PRIVACY = "Photographs are used for nothing but your result, and are deleted from this computer within an hour."

CSS = """
#examples .grid-wrap { max-height: none; min-height: 0; }
#examples .grid-container { grid-template-columns: repeat(3, minmax(0, 1fr)); padding-top: 0; }
#examples .caption-label { max-width: 100%; font-size: 0.7rem; padding: 1px 4px; }
#before-after .wrap:has(> .error), #note .wrap { display: none; }  /* the sentence says it all */
@media (min-width: 1000px) { #examples .grid-container { grid-template-columns: repeat(6, minmax(0, 1fr)); } }
"""
LAUNCH: dict[str, Any] = {
    "theme": gr.themes.Base(
        primary_hue="neutral",
        secondary_hue="neutral",
        neutral_hue="neutral",
        font=("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"),
        font_mono=("ui-monospace", "Consolas", "monospace"),
    ).set(
        button_primary_background_fill="*neutral_900",
        button_primary_background_fill_hover="*neutral_700",
        button_primary_background_fill_dark="*neutral_100",
        button_primary_background_fill_hover_dark="*neutral_300",
        button_primary_text_color_dark="*neutral_900",
    ),
    "css": CSS,
    "max_file_size": "100mb",
    "enable_monitoring": False,
    "run_history": False,
    "footer_links": ["api"],
}


class Darkroom:
    """What the page does; nothing of a visitor is kept between two calls, and every call writes to its own folder."""

    def __init__(self, relighter: Relighter) -> None:
        self.relighter = relighter
        # Outside Gradio's cache, which is emptied by the hour; Gradio serves copies.
        self.example_folder = tempfile.TemporaryDirectory(prefix="f2a-examples-")

    def show(self, photo: str | None) -> tuple[tuple[str, str] | None, dict[str, Any], str]:
        """The photo as it came, before it is relit, and no download: it takes the last result off the page."""
        no_download = gr.update(value=None, interactive=False)
        if not photo:
            return None, no_download, ""
        try:
            preview = _preview(Path(photo), _new_folder() / "flash.webp")
        except PhotoError as error:
            return None, no_download, _sentence(error, photo)
        return (preview, preview), no_download, ""

    def relight(self, photo: str | None, strength: float | None) -> tuple[tuple[str, str], str, str]:
        """Before and after at screen size, the relit photo's file at full size, and a line that says how it went."""
        if not photo:
            raise gr.Error("Choose a photograph first.", print_exception=False)
        folder, start = _new_folder(), time.perf_counter()
        try:
            # None: the slider's number field was emptied.
            relit = relight_file(self.relighter, Path(photo), folder, 1.0 if strength is None else strength)
            elapsed_s = time.perf_counter() - start
            previews = _preview(Path(photo), folder / "flash.webp"), _preview(relit, folder / "relit.webp")
        except PhotoError as error:
            raise gr.Error(_sentence(error, photo), print_exception=False) from error
        with Image.open(relit) as file:
            width, height = file.size
        return previews, str(relit), f"{width} x {height} pixels, relit in {elapsed_s:.1f} s"

    def relight_again(self, photo: str | None, strength: float | None, shown: str | None) -> Any:
        """:meth:`relight` for a strength that moved; before the first result there is nothing to bring up to date."""
        return self.relight(photo, strength) if photo and shown else (gr.skip(), gr.skip(), gr.skip())

    @cached_property
    def gallery(self) -> list[tuple[str, str]]:
        """Flash, ours and ground truth of each example with captions; relit once in the life of the server."""
        folder = Path(self.example_folder.name)
        pictures = []
        for flash in EXAMPLES:
            name = flash.stem.removesuffix("_flash")
            ours = relight_file(self.relighter, flash, folder / f"{name}_f2a.jpg")
            ambient = shutil.copy(flash.with_stem(f"{name}_ambient"), folder)
            pictures += [(str(shutil.copy(flash, folder)), "flash"), (str(ours), "f2a"), (str(ambient), "ground truth")]
        return pictures

    def take_example(self, choice: gr.SelectData) -> str:
        """A copy of the chosen example's flash picture, as if the visitor had uploaded it."""
        return str(shutil.copy(EXAMPLES[choice.index // 3], _new_folder()))


def _new_folder() -> Path:
    """A folder of its own for each request, where Gradio cleans up."""
    Path(get_upload_folder()).mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=get_upload_folder()))


def _preview(path: Path, target: Path) -> str:
    """A copy that fits a screen, with the colour profile, so that the browser shows the photo's own colours."""
    photo = open_photo(path)
    copy = to_rgb8(to_pixels(photo))
    copy.thumbnail((PREVIEW_SIDE_PX, PREVIEW_SIDE_PX), Image.Resampling.LANCZOS)
    copy.save(target, quality=90, icc_profile=photo.info.get("icc_profile") if photo.mode.startswith("RGB") else None)
    return str(target)


def _sentence(error: PhotoError, photo: str) -> str:
    """What the visitor reads: without the server's folders, and the file name as text, never as markup."""
    return html.escape(str(error).replace(str(Path(photo).parent) + os.sep, ""))


def build_demo(relighter: Relighter) -> gr.Blocks:
    """The page; launch it with ``build_demo(relighter).launch(**LAUNCH)``."""
    room = Darkroom(relighter)
    demo = gr.Blocks(analytics_enabled=False, title="Flash to ambient", delete_cache=(CLEAN_EVERY_S, KEEP_S))
    with demo:
        gr.Markdown(INTRODUCTION)
        with gr.Row():
            with gr.Column(scale=2, min_width=280):
                photo = gr.File(label="Flash photograph", height=140)
                strength = gr.Slider(0, 1, 1, step=0.05, label="Strength")
                button = gr.Button("Relight", variant="primary")
                download = gr.DownloadButton("Download at full size", interactive=False)
                note = gr.HTML(elem_id="note")
            with gr.Column(scale=5, min_width=280):
                view = gr.ImageSlider(
                    label="Before | after",
                    interactive=False,
                    max_height=600,
                    buttons=["fullscreen"],
                    elem_id="before-after",
                )
        gr.Markdown(EXPLANATION)
        gallery = gr.Gallery(show_label=False, columns=3, allow_preview=False, buttons=[], elem_id="examples")
        gr.Markdown(PRIVACY)

        results = [view, download, note]
        # One line for all: an upload's preview, asked for first, can never arrive on top of its result.
        private: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "photo"}
        photo.change(room.show, photo, results, **private)
        relit = button.click(room.relight, [photo, strength], results, api_name="relight", concurrency_id="photo")
        relit.success(lambda: gr.update(interactive=True), None, download, queue=False, api_visibility="private")
        # Not `release`, which the keyboard and the number field never fire.
        strength.change(room.relight_again, [photo, strength, download], results, trigger_mode="always_last", **private)
        gallery.select(room.take_example, None, photo, scroll_to_output=True, api_visibility="private")
        demo.load(lambda: room.gallery, None, gallery, api_visibility="private")
    demo.queue(max_size=20, default_concurrency_limit=1)
    return demo


def main() -> int:
    """Load the weights and serve the page; 2 if the weights cannot be had."""
    source: str | None = os.environ.get("F2A_WEIGHTS") or None
    revision = None
    if source and not Path(source).is_dir():
        source, _, revision = source.partition("@")
    try:
        relighter = Relighter.from_pretrained(source, revision or None)
    except CheckpointError as error:
        print(f"F2A_WEIGHTS: {error}", file=sys.stderr)
        return 2
    build_demo(relighter).launch(**LAUNCH)
    return 0


if __name__ == "__main__":
    sys.exit(main())
