"""The f2a page: a flash photograph in, the same photograph in the light of the room out. Run ``python app.py``.

Environment: ``F2A_WEIGHTS`` is a folder or a Hub id, ``user/model`` or ``user/model@revision`` (default: the weights
that ship with f2a); ``F2A_EXAMPLES`` a folder of pairs or a Hub dataset (default: the rendered pairs that ship with
f2a); ``F2A_WAITING`` how many visitors may wait in line (default: 40); ``F2A_KEEP_S`` how many seconds their files stay
(default: 3000); ``GRADIO_SERVER_NAME`` and ``GRADIO_SERVER_PORT`` say where the page listens (default: 127.0.0.1:7860).
"""

import argparse
import html
import logging
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

try:  # before torch: on a ZeroGPU Space it prepares CUDA, elsewhere it is not installed
    import spaces
except ImportError:
    spaces = None

import gradio as gr
from gradio.utils import get_upload_folder
from starlette.formparsers import MultiPartException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from f2a.data.cache import DataError
from f2a.page import text
from f2a.page.examples import BUNDLED, EVERYTHING, FolderPairs, open_examples
from f2a.page.gallery import Gallery
from f2a.page.job_queue import Busy, Door
from f2a.page.middleware import UPLOAD_S, Answers, BoundedRequests
from f2a.page.premises import premises
from f2a.page.server import finish, load_weights, sweeping
from f2a.page.service import MOST_PHOTOS, BatchError, Darkroom, Held, Preview, chosen, controls_of, path_of
from f2a.page.settings import SettingError, Settings, read_settings
from f2a.page.text import said, sentence_of
from f2a.photo import PhotoError
from f2a.relight.controls import ControlError, Controls
from f2a.relight.relighter import Relighter

PAGE = Path(text.__file__).parent
AT_ONCE = 2
"""Requests that are worked on together."""
GPU_SECONDS = 10
"""What a ZeroGPU Space is asked for; a photo takes a fraction of a second."""
TROUBLE = (PhotoError, ControlError, BatchError, DataError, Busy)
"""What a visitor is told in a sentence."""

OPENING, FAILURE = "woman_red_coat", "shelf"
"""Of the bundled pairs, the one that the page opens with and one where the result falls short."""
VIEWS = {"Flash | ours": ("flash", "ours"), "Flash | truth": ("flash", "truth"), "Ours | truth": ("ours", "truth")}

SHARED: dict[str, Any] = {"concurrency_limit": None}  # whose turn it is, the door says
PRIVATE: dict[str, Any] = SHARED | {"api_visibility": "private"}
PROGRESS = gr.Progress()

AMBER = gr.themes.Color(
    "#fdf6ec", "#f9e9cf", "#f0d3a5", "#e6bb79", "#dba352", "#c4852c", "#9a6316", "#7a4d0f", "#5c3a0c", "#40290a",
    "#2a1b07",
)  # fmt: skip
THEME = gr.themes.Base(
    primary_hue=AMBER,
    secondary_hue=AMBER,
    neutral_hue="stone",
    radius_size="sm",
    font=("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"),
    font_mono=("ui-monospace", "Consolas", "monospace"),
).set(
    body_background_fill="*neutral_50",
    body_background_fill_dark="*neutral_950",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_label_text_color="*neutral_700",
    block_label_text_color_dark="*neutral_200",
    block_title_text_color="*neutral_800",
    block_title_text_color_dark="*neutral_100",
    color_accent="*primary_700",
    link_text_color="*primary_700",
    link_text_color_dark="*primary_300",
    slider_color="*primary_600",
    slider_color_dark="*primary_400",
    button_primary_background_fill="*neutral_900",
    button_primary_background_fill_hover="*neutral_700",
    button_primary_text_color="white",
    button_primary_background_fill_dark="*neutral_100",
    button_primary_background_fill_hover_dark="*neutral_300",
    button_primary_text_color_dark="*neutral_900",
)


class Visit:
    """What happens when a visitor touches something; what goes wrong is said in a line of the page."""

    def __init__(self, room: Darkroom, door: Door, gallery: Gallery, bundled: Gallery) -> None:
        self.room, self.door, self.gallery, self.bundled = room, door, gallery, bundled

    def look(self, photo: str | None, *values: Any) -> tuple[Any, Any, str, Any, str]:
        """The photo that was given, relit: previews, what changed, a line that says how it went, no download yet."""
        no_file = gr.File(None, visible=False), ""
        if not photo:
            return *self.opening(), *no_file
        try:
            held, shown, seconds = self.door.admit(self.relit, Path(photo), values)
        except TROUBLE as error:
            return None, None, said(sentence_of(error), error=True), *no_file
        width, height = held.size
        line = f"{Path(photo).name}: {width} x {height} pixels, relit in {seconds:.1f} s."
        return (str(shown.flash), str(shown.relit)), str(shown.changes), said(line, *held.notes), *no_file

    def relit(self, photo: Path, values: Sequence[Any]) -> tuple[Held, Preview, float]:
        """The photo, its previews, and the seconds that it took."""
        start = time.perf_counter()
        held = self.room.look(photo)
        return held, self.room.preview(held, controls_of(values)), time.perf_counter() - start

    def opening(self) -> tuple[tuple[str, str], None, str]:
        """An example, so that nobody meets an empty page."""
        example = self.bundled.show(OPENING)
        return (str(example.flash), str(example.ours)), None, said(text.WELCOME)

    def adjust(self, photo: str | None, *values: Any) -> tuple[Any, ...]:
        """The previews again after a slider moved, and no download of what it was before; the network doesn't run."""
        try:
            _, shown, _ = self.door.admit(self.relit, chosen(photo), values)
        except Busy as error:
            return gr.skip(), gr.skip(), gr.File(visible=False), said(sentence_of(error), error=True)
        except TROUBLE:  # was said when the photo was given
            return (gr.skip(),) * 4
        return (str(shown.flash), str(shown.relit)), str(shown.changes), gr.File(visible=False), ""

    def download(self, photo: str | None, keep_location: bool, *values: Any) -> tuple[Any, str]:
        """The relit photo's file and a line about it."""
        try:
            done = self.door.admit(self.room.relight, chosen(photo), controls_of(values), keep_location)
        except TROUBLE as error:
            return gr.File(None, visible=False), said(sentence_of(error), error=True)
        return gr.File(str(done.file), visible=True), said(done.sentence)

    def batch(
        self, photos: list[str] | None, keep_location: bool, *values: Any, progress: gr.Progress = PROGRESS
    ) -> tuple[Any, str]:
        """One zip, and a line for each photo that is not in it."""

        def watched(paths: Iterable[str]) -> Iterable[str]:
            return self.door.while_open(progress.tqdm(paths))

        try:
            done = self.door.admit(self.room.relight_all, photos or [], controls_of(values), keep_location, watched)
        except TROUBLE as error:
            return gr.File(None, visible=False), said(sentence_of(error), error=True)
        failed = said(*map(sentence_of, done.failed), error=True)
        return gr.File(path_of(done.archive), visible=bool(done.archive)), said(done.summary) + failed

    def turn(self, category: str, place: int, step: int, view: str) -> tuple[int, Any, str]:
        """The example ``step`` places on in its category, going round."""
        names = self.gallery.names(category)
        place = (place + step) % len(names)
        try:
            example = self.door.admit(self.gallery.show, names[place])
        except TROUBLE as error:
            return place, None, said(sentence_of(error), error=True)
        left, right = (str(getattr(example, half)) for half in VIEWS[view])
        return place, (left, right), said(f"{place + 1} of {len(names)}: {text.describe(example)}")

    def take(self, category: str, place: int) -> str:
        """A copy of the example's flash photo, as if the visitor had given it."""
        return str(self.gallery.copy_flash(self.gallery.names(category)[place], self.room.new_folder()))


@contextmanager
def raised() -> Iterator[None]:
    """What goes wrong, as the error that Gradio tells a program."""
    try:
        yield
    except TROUBLE as error:
        raise gr.Error(html.escape(sentence_of(error)), print_exception=False) from error


class Endpoints:
    """The page for programs; the docstrings are what they read."""

    def __init__(self, room: Darkroom, door: Door, gallery: Gallery) -> None:
        self.room, self.door, self.gallery = room, door, gallery

    def relight(
        self,
        photo: str,
        strength: float,
        exposure: float,
        warmth: float,
        shadows: float,
        keep_colors: bool,
        keep_location: bool,
    ) -> tuple[str, str]:
        """Relight a flash photo: a file of the same size and format, and a sentence about it.

        Args:
            photo: a photo file (JPEG, PNG, WebP, TIFF, HEIC, AVIF).
            strength: 0 (the photo itself) to 1 (the full effect).
            exposure: stops by which the relit photo is brightened, -3 to 3.
            warmth: mireds by which its light is warmed, -100 to 100.
            shadows: lighter (above 0) or deeper (below 0) shadows, -1 to 1.
            keep_colors: change the brightness of the light only, not its colour.
            keep_location: leave the place where the photo was taken in the file.
        """
        with raised():
            controls = controls_of((strength, exposure, warmth, shadows, keep_colors))
            done = self.door.admit(self.room.relight, chosen(photo), controls, keep_location)
        return str(done.file), done.sentence

    def relight_batch(
        self,
        photos: list[str],
        strength: float,
        exposure: float,
        warmth: float,
        shadows: float,
        keep_colors: bool,
        keep_location: bool,
    ) -> tuple[str | None, str]:
        """Relight up to 20 flash photos: a zip, and a line for each photo that is not in it.

        Args:
            photos: photo files.
            strength: 0 (the photos themselves) to 1 (the full effect).
            exposure: stops by which the relit photos are brightened, -3 to 3.
            warmth: mireds by which their light is warmed, -100 to 100.
            shadows: lighter (above 0) or deeper (below 0) shadows, -1 to 1.
            keep_colors: change the brightness of the light only, not its colour.
            keep_location: leave the places where the photos were taken in the files.
        """
        with raised():
            controls = controls_of((strength, exposure, warmth, shadows, keep_colors))
            given = photos or [], controls, keep_location, self.door.while_open
            done = self.door.admit(self.room.relight_all, *given)
        return path_of(done.archive), "\n".join([done.summary, *map(sentence_of, done.failed)])

    def examples(self, category: str, number: int) -> tuple[list[str], dict[str, Any]]:
        """An example pair: the files of flash, ours and truth at screen size, and its name and scores.

        Args:
            category: one of the categories that the answer lists; all of them together are "all".
            number: which example of the category, from 1.
        """
        with raised():
            names = self.gallery.names(category)
            if not 1 <= (number or 0) <= len(names):
                raise DataError(f"{category} has {len(names)} examples, so there is no number {number}")
            example = self.door.admit(self.gallery.show, names[number - 1])
        facts = {"name": example.name, "number": number, "of": len(names), "categories": self.gallery.categories}
        scores = {"flash": example.flash_score._asdict(), "ours": example.our_score._asdict()}
        return [str(path) for path in (example.flash, example.ours, example.truth)], facts | scores


def slider_pair(label: str, elem_id: str) -> gr.ImageSlider:
    return gr.ImageSlider(label=label, elem_id=elem_id, interactive=False, max_height=640, buttons=["fullscreen"])


class Layout:
    """The components of each tab and what they are wired to."""

    def __init__(self, demo: gr.Blocks, visit: Visit) -> None:
        self.demo, self.visit = demo, visit

    def relight(self) -> None:
        visit = self.visit
        with gr.Column(elem_id="desk"):
            with gr.Column(elem_id="photo-cell"):
                self.photo = gr.File(label="Flash photo", height=150, elem_id="photo")
                with gr.Accordion("Use the webcam", open=False):
                    camera = gr.Image(sources=["webcam"], type="filepath", label="Webcam", show_label=False)
            with gr.Column(elem_id="view-cell"):
                view, note = slider_pair("Flash | relit", "view"), gr.HTML(elem_id="note")
            with gr.Column(elem_id="controls-cell"):
                self.controls = [self.control(item.name, item.default, **item.metadata) for item in fields(Controls)]
                self.keep_location = gr.Checkbox(False, label="Keep location data in the file")
                make = gr.Button("Download at full size", variant="primary")
                file = gr.File(label="Full size", interactive=False, visible=False, elem_id="file")
                done = gr.HTML(elem_id="done")
            with gr.Accordion("What changed", open=False, elem_id="changes-cell"):
                alt = "The photo in colours that say how much brighter or darker each place became"
                changes = gr.Image(alt_text=alt, show_label=False, interactive=False, buttons=[], height=320)
                gr.HTML(said(text.CHANGES))
        given = [self.photo, *self.controls]
        self.photo.change(visit.look, given, [view, changes, note, file, done], **PRIVATE)
        camera.input(lambda taken: taken, camera, self.photo, **PRIVATE)
        for control in self.controls:  # not `release`, which the keyboard and the number field never fire
            control.change(
                visit.adjust,
                given,
                [view, changes, file, done],
                trigger_mode="always_last",
                show_progress="hidden",
                **PRIVATE,
            )
        made = make.click(visit.download, [self.photo, self.keep_location, *self.controls], [file, done], **PRIVATE)
        made.success(None, file, None, js="(file) => window.f2a_save(file)")
        self.demo.load(visit.opening, None, [view, changes, note], **PRIVATE)

    @staticmethod
    def control(name: str, default: Any, low: float | None = None, high: float = 1, step: float = 1, **_: Any) -> Any:
        """The slider or tick of one of the library's controls."""
        if low is None:
            return gr.Checkbox(default, label=text.LABELS[name])
        return gr.Slider(low, high, default, step=step, label=text.LABELS[name])

    def examples(self, tabs: gr.Tabs) -> None:
        visit, gallery = self.visit, self.visit.gallery
        gr.Markdown(text.origin(gallery.pairs.title, gallery.pairs.rendered))
        with gr.Row():
            filtered = len(gallery.categories) > 1
            category = gr.Dropdown(gallery.categories, value=EVERYTHING, label="Category", visible=filtered)
            view = gr.Radio(list(VIEWS), value=next(iter(VIEWS)), label="Compare", elem_id="compare")
        pictures, note = slider_pair("Example", "example"), gr.HTML(elem_id="example-note")
        with gr.Row():
            back, on, take = gr.Button("Previous"), gr.Button("Next"), gr.Button("Relight it yourself")
        place, zero = gr.State(0), gr.State(0)
        for event, start, step in (
            (self.demo.load, zero, zero),
            (category.change, zero, zero),
            (view.change, place, zero),
            (back.click, place, gr.State(-1)),
            (on.click, place, gr.State(1)),
        ):
            shown = [place, pictures, note]
            event(visit.turn, [category, start, step, view], shown, show_progress="hidden", **PRIVATE)
        taken = take.click(visit.take, [category, place], self.photo, **PRIVATE)
        taken.success(lambda: gr.Tabs(selected="relight"), None, tabs, **PRIVATE)

    def batch(self) -> None:
        gr.Markdown(f"Up to {MOST_PHOTOS} photos, with the settings of the first tab, into one zip.")
        photos = gr.File(label="Flash photos", file_count="multiple", height=200, elem_id="batch-photos")
        start = gr.Button("Relight all", variant="primary")
        note = gr.HTML(elem_id="batch-note")
        archive = gr.File(label="Relit photos", interactive=False, visible=False, elem_id="archive")
        given = [photos, self.keep_location, *self.controls]
        start.click(self.visit.batch, given, [archive, note], show_progress_on=note, **PRIVATE)

    def about(self, content: str) -> None:
        gr.HTML(content, elem_id="about")
        failure = slider_pair("Ours | truth", "failure")
        gr.Markdown(text.FALLS_SHORT)
        example = self.visit.bundled.show(FAILURE)
        self.demo.load(lambda: (str(example.ours), str(example.truth)), None, failure, **PRIVATE)

    def endpoints(self, endpoints: Endpoints) -> None:
        """What programs call; nothing of it is seen."""
        with gr.Column(visible=False):
            photo, photos = gr.File(label="Flash photo"), gr.File(label="Flash photos", file_count="multiple")
            file, archive = gr.File(label="Relit photo"), gr.File(label="Zip of relit photos")
            category, number = gr.Textbox(EVERYTHING, label="Category"), gr.Number(1, precision=0, label="Number")
            sentence, facts = gr.Textbox(label="What was done"), gr.JSON(label="Name and scores")
            pictures = gr.File(label="Flash, ours, truth", file_count="multiple")
        settings = [*self.controls, self.keep_location]
        for name, act, inputs, outputs in (
            ("relight", endpoints.relight, [photo, *settings], [file, sentence]),
            ("relight_batch", endpoints.relight_batch, [photos, *settings], [archive, sentence]),
            ("examples", endpoints.examples, [category, number], [pictures, facts]),
        ):
            gr.Button(visible=False).click(act, inputs, outputs, api_name=name, **SHARED)


def build_demo(
    relighter: Relighter,
    gallery: Gallery | None = None,
    source: str | None = None,
    notices: Sequence[str] = (),
    door: Door | None = None,
    settings: Settings = Settings(),  # noqa: B008  # a tuple
) -> gr.Blocks:
    """The page; launch it with ``build_demo(relighter).launch(**LAUNCH)``.

    Args:
        relighter: one for all visitors.
        gallery: the examples; None for the bundled ones.
        source: the Hub id of the weights, None for the bundled ones.
        notices: sentences at the top of the page.
        door: says whose turn it is; None for one of this page alone.
        settings: how the page is run.
    """
    bundled = Gallery(FolderPairs(BUNDLED), relighter)
    room = Darkroom(relighter, Path(get_upload_folder()), settings.keep_s)
    door = door or Door(AT_ONCE, settings.waiting)
    visit = Visit(room, door, gallery or bundled, bundled)
    demo = gr.Blocks(analytics_enabled=False, title="Flash to ambient")
    layout = Layout(demo, visit)
    with demo:
        gr.Markdown(text.INTRODUCTION, elem_classes="lead")
        gr.HTML(said(*notices), visible=bool(notices))
        with gr.Tabs() as tabs:
            with gr.Tab("Relight", id="relight"):
                layout.relight()
            with gr.Tab("Examples", id="examples"):
                layout.examples(tabs)
            with gr.Tab("Batch", id="batch"):
                layout.batch()
            with gr.Tab("About", id="about"):
                layout.about(text.about(source, relighter.training))
        layout.endpoints(Endpoints(room, door, visit.gallery))
    demo.queue(max_size=1000, default_concurrency_limit=None)  # far more than may wait at the door, which says so
    return demo


async def health(request: Request) -> PlainTextResponse:
    return PlainTextResponse("ok")


def launching(settings: Settings, *middleware: Middleware) -> dict[str, Any]:
    """What ``demo.launch`` is told."""
    upload_s = min(UPLOAD_S, settings.keep_s / 2)  # so that nothing is swept while it comes in
    bounded = Middleware(BoundedRequests, failure=MultiPartException, upload_s=upload_s)
    return {
        "theme": THEME,
        "css_paths": PAGE / "page.css",
        "js": (PAGE / "page.js").read_text(encoding="utf-8"),
        "max_file_size": "100mb",
        "max_threads": AT_ONCE + settings.waiting + 24,  # those in line, and the others' sentences, files, pages
        "enable_monitoring": False,
        "run_history": False,
        "ssr_mode": False,
        "state_session_capacity": 200,  # Gradio keeps about a third of a megabyte for each program that ever called
        "footer_links": ["api"],
        "app_kwargs": {
            "lifespan": sweeping(get_upload_folder, settings.keep_s, settings.sweep_s),
            "routes": [Route("/health", health)],
            "middleware": [*middleware, bounded],
        },
    }


LAUNCH = launching(Settings())


def serve(demo: gr.Blocks, door: Door, settings: Settings, mcp: bool) -> bool:
    """Serve until SIGTERM or Ctrl+C; then finish what runs and refuse the rest.

    Returns:
        Whether what ran could be finished in time.
    """
    stop, answers = threading.Event(), Answers()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    try:
        counted = Middleware(answers.counted)
        options = launching(settings, counted)
        demo.launch(prevent_thread_lock=True, mcp_server=mcp or None, server_port=settings.port, **options)
    except OSError:
        place = f"port {settings.port}" if settings.port else "any port from 7860"
        sys.exit(f"The page cannot listen on {place}; choose another with GRADIO_SERVER_PORT.")
    while not stop.wait(0.5):  # with an end, for Windows notices no Ctrl+C else
        pass
    finished = finish(door, answers)
    demo.server.config.timeout_graceful_shutdown = 1  # for clients that don't hang up, which is no error
    logging.getLogger("uvicorn.error").disabled = True
    demo.close(verbose=False)
    return finished


def main() -> None:
    """Load the weights and serve the page."""
    parser = argparse.ArgumentParser(description="Serve the f2a page.")
    parser.add_argument("--mcp", action="store_true", help="serve MCP tools too (pip install gradio[mcp])")
    given = parser.parse_args()
    if given.mcp and not find_spec("mcp"):
        parser.error('--mcp needs the MCP library: pip install "gradio[mcp]"')
    try:
        settings = read_settings(os.environ)
    except SettingError as error:
        parser.error(str(error))
    with premises(Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())) as folder:
        tempfile.tempdir = str(folder)  # all that is written here goes with the server, or when the next one starts
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "visitors")  # of our own, so that all that is old in it can go
        os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**9)  # a table of all requests made anew at each
        os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
        source = os.environ.get("F2A_WEIGHTS") or None
        relighter, problem = load_weights(source)
        problems = [problem] if problem else []
        if spaces:
            relighter.prepare = spaces.GPU(duration=GPU_SECONDS)(relighter.prepare)
        gallery = Gallery(open_examples(os.environ.get("F2A_EXAMPLES"), problems.append), relighter)
        for sentence in problems:
            print(sentence, file=sys.stderr)
        notices = [text.BUNDLED_INSTEAD.format(source)] if problem else []
        door = Door(AT_ONCE, settings.waiting)
        demo = build_demo(relighter, gallery, None if problem else source, notices, door, settings)
        finished = serve(demo, door, settings, given.mcp)
    if not finished:
        print("The page was stopped while a photo was being relit, which would have taken too long.", file=sys.stderr)
        os._exit(1)  # the thread that relights it would hold up the end


if __name__ == "__main__":
    main()
