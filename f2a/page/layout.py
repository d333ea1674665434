"""The page from top to bottom: its tabs, their components, and the handlers that these call."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData
from gradio.utils import get_upload_folder

from f2a.page import text
from f2a.page.examples import BUNDLED, EVERYTHING, FolderPairs
from f2a.page.gallery import Gallery
from f2a.page.handlers import VIEWS, Handlers, endpoint
from f2a.page.job_queue import JobQueue
from f2a.page.panel import in_browser, settings_panel
from f2a.page.service import KEEP_S, MAX_PHOTOS, RelightService
from f2a.page.text import as_html
from f2a.relight.relighter import Relighter

WORKERS, MAX_WAITING = 2, 40
"""Number of requests that are processed at the same time, and maximum number that wait."""

LOOK_S = 0.02
"""Seconds between two checks of Gradio's queue; its own 0.001 s uses 8 % of a core even when nobody is there."""

OPENING, FAILURE = "coats", "living_room"
"""The bundled pair with which the page opens, and one whose result falls short."""

SCREEN = "(_, ...values) => [window.f2a_screen(), ...values]"
NEW_PHOTO = "(_, ...values) => window.f2a_new_photo(...values)"
"""JavaScript that replaces the first input by the size of the picture on the visitor's screen; for a new photo, it also
tells the server whether to keep the settings."""

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
SHOWN: dict[str, Any] = PRIVATE | {"postprocess": False}  # the handler's answer is already as the browser reads it
DIRECT: dict[str, Any] = SHOWN | {"queue": False, "trigger_mode": "always_last"}
"""Options of listeners that skip Gradio's queue and answer each request once; the job queue bounds their number."""


def build_demo(
    relighter: Relighter,
    gallery: Gallery | None = None,
    source: str | None = None,
    notices: Sequence[str] = (),
    jobs: JobQueue | None = None,
    keep_s: float = KEEP_S,
) -> gr.Blocks:
    """Build the page; launch it with ``build_demo(relighter).launch(**launch_options())``.

    Args:
        relighter: relights all visitors' photos.
        gallery: the examples; None for the bundled ones.
        source: the Hub id of the weights, None for the bundled ones.
        notices: sentences at the top of the page.
        jobs: queue in which the jobs run; None for a new one.
        keep_s: seconds for which a photo is kept in memory for the sliders.
    """
    bundled = Gallery(FolderPairs(BUNDLED), relighter)
    gr.set_static_paths([BUNDLED, bundled.folder])  # outside the folder that is swept
    service = RelightService(relighter, Path(get_upload_folder()), keep_s)
    handlers = Handlers(service, jobs or JobQueue(WORKERS, MAX_WAITING), gallery or bundled, bundled)
    demo = gr.Blocks(analytics_enabled=False, title=text.TITLE)
    with demo:
        with gr.Column(elem_id="lead-cell"):
            gr.Markdown(text.INTRODUCTION, elem_classes="lead")
        gr.HTML(as_html(*notices), visible=bool(notices))
        with gr.Tabs() as tabs:
            with gr.Tab("Relight", id="relight"):
                photo = relight_tab(handlers, demo)
            with gr.Tab("Examples", id="examples") as tab:
                examples_tab(tab, handlers, photo, tabs)
            with gr.Tab("Batch", id="batch"):
                settings = batch_tab(handlers, demo)
            with gr.Tab("About", id="about"):
                about_tab(handlers, text.about(source, relighter.training))
        add_endpoints(handlers, settings)
    demo.queue(max_size=1000, default_concurrency_limit=None)  # far more than the job queue accepts, which says so
    demo._queue.sleep_when_free = LOOK_S
    return demo


def relight_tab(handlers: Handlers, demo: gr.Blocks) -> Any:
    """Lay out the photo, its preview and its settings; return the component to which a new photo is given."""
    example, opening = str(handlers.bundled.pairs.photos(OPENING).flash), handlers.bundled.show(OPENING)
    screen, look = gr.JSON(visible=False), gr.Button("Look", visible="hidden", elem_id="look")
    with gr.Column(elem_id="desk"):
        with gr.Column(elem_id="tools"):
            with gr.Row(elem_id="photo"):
                choose = gr.UploadButton(text.CHOOSE, elem_id="choose")
                clear = gr.Button("Remove photo", visible=False, elem_id="clear")
            given = gr.File(example, label="Given photo", visible="hidden")  # reports every change; the button doesn't
            photo = gr.File(example, label="Flash photo", visible="hidden")  # the last one that could be relit
            panel = settings_panel("controls")
            file, download_note = download_panel(handlers, [photo, *panel.settings])
        with gr.Column(elem_id="pictures"):
            with gr.Column(elem_id="view-cell"):
                view = before_and_after("Drag to compare", "view", opening.flash, opening.ours)
            thumbnails(handlers, given)
            show_clipping, clipped, note = note_panel()
            changes = changes_panel(opening.changes)
            with gr.Accordion("What the controls do", open=False, elem_id="help"):
                gr.HTML(text.controls_help())
            camera = webcam_panel()
    photo_inputs = [screen, given, panel.keep_settings, show_clipping, *panel.settings]
    photo_outputs = [note, view, clipped, changes, photo, file, download_note, choose, clear, *panel.settings]
    in_browser(choose.upload, [choose], [given], "(file) => (window.f2a_busy(false), file)")
    clear.click(lambda: example, None, given, **PRIVATE)
    camera.input(lambda picture: picture, camera, given, **PRIVATE)
    state = [photo, panel.keep_settings, *panel.settings]
    keep_over_reload(demo, note, state, given)  # Gradio calls the listeners of a change one after the other
    tell = f"(...now) => (window.f2a_given(...now), {json.dumps(text.waiting())})"
    in_browser(given.change, [given, *state], [note], tell)  # at once, even on a slow line
    relit = given.change(handlers.on_photo, photo_inputs, photo_outputs, js=NEW_PHOTO, **SHOWN)
    relit.success(None, photo, panel.steps, js="(photo) => window.f2a_shown(photo)", **PRIVATE)
    relit.failure(None, None, note, js="() => ''", **PRIVATE)
    moves = [component.change for component in panel.controls]  # keys and number fields don't fire `release`
    inputs = [screen, photo, show_clipping, *panel.controls]
    outputs = [view, clipped, changes, file, download_note]
    gr.on(moves, handlers.on_controls, inputs, outputs, js=SCREEN, **DIRECT)
    gr.on([look.click, show_clipping.change], handlers.on_look, inputs, [view, clipped], js=SCREEN, **DIRECT)
    return given


def keep_over_reload(demo: gr.Blocks, note: gr.HTML, state: list[Any], given: gr.File | None = None) -> None:
    """Keep photos and their settings in the tab's history (page.js), under their note's id, and restore them after a
    reload; a restored photo goes to ``given``, like a new one."""
    save, restore = (f"(...values) => window.f2a_{act}({note.elem_id!r}, ...values)" for act in ("save", "restore"))
    in_browser([each.change for each in state], state, [], save)
    in_browser(demo.load, [note, *state], [note, given or state[0], *state[1:]], restore)


def examples_tab(tab: gr.Tab, handlers: Handlers, photo: gr.File, tabs: gr.Tabs) -> None:
    """Lay out the pairs with their truth and scores, one pair at a time."""
    gallery = handlers.gallery
    gr.Markdown(text.origin(gallery.pairs.title, gallery.pairs.bundled))
    with gr.Row():
        several = len(gallery.categories) > 1
        category = gr.Dropdown([*gallery.categories], value=EVERYTHING, label="Category", visible=several)
        view = gr.Radio(list(VIEWS), value=next(iter(VIEWS)), label="Compare", container=False, elem_id="compare")
    pictures, note = before_and_after("Drag to compare", "example"), gr.HTML(elem_id="example-note")
    with gr.Row():
        previous, following, use = gr.Button("Previous"), gr.Button("Next"), gr.Button("Relight it yourself")
    index = gr.Number(0, precision=0, visible="hidden")  # counted in the browser, so that no quick tap is lost
    for event, place in ((category.change, "0"), (previous.click, "place - 1"), (following.click, "place + 1")):
        in_browser(event, [index], [index], f"(place) => {place}")
    shown, changes = [pictures, note], [tab.select, category.change, view.change, index.change]
    gr.on(changes, handlers.show_example, [category, index, view], shown, trigger_mode="always_last", **PRIVATE)
    used = use.click(handlers.use_example, [category, index], photo, **PRIVATE)
    used.success(lambda: gr.Tabs(selected="relight"), None, tabs, **PRIVATE)


def batch_tab(handlers: Handlers, demo: gr.Blocks) -> list[Any]:
    """Lay out several photos with their own settings; return the components of the settings."""
    gr.Markdown(f"Up to {MAX_PHOTOS} photos, all relit with these settings, in one zip.")
    with gr.Column(elem_id="batch"):
        photos = gr.File(label="Flash photos", file_count="multiple", height=220, elem_id="batch-photos")
        settings = settings_panel("batch-controls", for_one=False).settings
        with gr.Column(elem_id="batch-start"):
            start = gr.Button("Relight all", variant="primary")
            note = gr.HTML(elem_id="batch-note")
            archive = gr.File(label="Relit photos", interactive=False, visible=False, elem_id="archive")
    fewer, asked = [photos.delete, photos.clear], [photos, *settings]
    hide = "{ __type__: 'update', value: null, visible: false }"
    in_browser(fewer, None, [note, archive], f"() => ['', {hide}]")
    in_browser(start.click, None, [note, archive], f"() => [{json.dumps(text.waiting())}, {hide}]")
    with_zip = f"(zip) => zip ? ['', {hide}] : Array(2).fill({{ __type__: 'update' }})"
    in_browser([each.change for each in asked], [archive], [note, archive], with_zip)
    record = "(...asked) => window.f2a_batch(...asked)"
    running = start.click(handlers.on_batch, asked, [archive, note], js=record, **PRIVATE)
    running.success(None, [note, *asked], note, js="(...now) => window.f2a_batch_done(...now)", **PRIVATE)
    running.failure(None, None, note, js="() => ''", **PRIVATE)
    gr.on(fewer, None, cancels=running, api_visibility="private")
    keep_over_reload(demo, note, [photos, *settings])
    return settings


def about_tab(handlers: Handlers, content: str) -> None:
    """Lay out how f2a works, where it falls short, and the licences."""
    pair = handlers.bundled.show(FAILURE)
    method, rest = content.split("<!-- Here f2a falls short -->")
    with gr.Column(elem_id="about"):
        gr.HTML(method)
        before_and_after("Drag to compare", "failure", pair.ours, pair.truth)
        gr.Markdown(text.FALLS_SHORT)
        gr.HTML(rest)


def add_endpoints(handlers: Handlers, settings: list[Any]) -> None:
    """Add the API's endpoints, with hidden components as their parameters and results."""
    with gr.Column(visible=False):
        photo, photos = gr.File(label="Flash photo"), gr.File(label="Flash photos", file_count="multiple")
        file, archive = gr.File(label="Relit photo"), gr.File(label="Zip of relit photos")
        category, number = gr.Textbox(EVERYTHING, label="Category"), gr.Number(1, precision=0, label="Number")
        sentence, facts = gr.Textbox(label="What was done"), gr.JSON(label="Name and scores")
        pictures = gr.File(label="Flash, ours, truth", file_count="multiple")
    for act, inputs, outputs in (
        (handlers.relight, [photo, *settings], [file, sentence]),
        (handlers.relight_batch, [photos, *settings], [archive, sentence]),
        (handlers.examples, [category, number], [pictures, facts]),
    ):
        gr.Button(visible=False).click(endpoint(act), inputs, outputs, api_name=act.__name__)


def download_panel(handlers: Handlers, asked: list[Any]) -> tuple[gr.File, gr.HTML]:
    """Lay out the button that writes the file at full size and hands it to the browser; return a link to this file and
    a line about it, which are shown if they are still about the photo and settings that were ``asked`` for."""
    with gr.Column(elem_id="download"):
        button, note = gr.Button("Download at full size", variant="primary"), gr.HTML(elem_id="done")
    file = gr.File(label="Full size", show_label=False, interactive=False, visible=False, elem_id="file")
    in_browser(button.click, None, [note], f"() => {json.dumps(text.SAVING)}")
    several = SHOWN | {"trigger_mode": "multiple"}
    saving = button.click(handlers.on_download, asked, saved := gr.JSON(visible=False), **several)
    saving.success(None, [saved, *asked], [file, note], js="(...answer) => window.f2a_download(...answer)")
    saving.failure(None, None, note, js="() => ''", **PRIVATE)
    return file, note


def note_panel() -> tuple[gr.Checkbox, gr.HTML, gr.HTML]:
    """Lay out the tick for the clipping warning, what its colours mean, and the status line; return these three."""
    with gr.Column(elem_id="note-cell"):
        with gr.Row(elem_id="looking"):
            show_clipping = gr.Checkbox(label=text.SHOW_CLIPPING, container=False)
            clipped = gr.HTML(text.clipping())
        return show_clipping, clipped, gr.HTML(as_html(text.WELCOME), elem_id="note")


def webcam_panel() -> gr.Image:
    """Lay out a webcam, folded away."""
    with gr.Accordion("Use the webcam", open=False, elem_id="webcam"):
        return gr.Image(sources=["webcam"], type="filepath", label="Webcam", show_label=False)


def changes_panel(opening: Path) -> gr.Image:
    """Lay out the map of how much brighter or darker each area became, folded away."""
    with gr.Accordion("What changed", open=False, elem_id="changes"):
        alt = "The photo in colours that show how much brighter or darker each area became"
        picture = gr.Image(str(opening), alt_text=alt, show_label=False, interactive=False, buttons=[])
        gr.HTML(as_html(text.CHANGES))
    return picture


def thumbnails(handlers: Handlers, given: gr.File) -> None:
    """Lay out the bundled examples in a row. The flash photo of the one that is tapped becomes the given one, in the
    browser: the server would get only the first of several quick taps."""
    bundled = handlers.bundled
    pictures = [(path, name.replace("_", " ")) for name, path in bundled.thumbnails()]
    plain: dict[str, Any] = {"allow_preview": False, "buttons": [], "show_label": False, "rows": 1}
    with gr.Column(elem_id="strip-cell"):
        strip = gr.Gallery(pictures, label="Examples", columns=len(pictures), elem_id="strip", **plain)
    flashes = [FileData(path=str(bundled.pairs.photos(name).flash)).model_dump() for name in bundled.pairs.names]
    in_browser(strip.select, None, [given], f"() => ({json.dumps(flashes)})[window.f2a_tapped]")


def before_and_after(label: str, elem_id: str, *pictures: Path) -> gr.ImageSlider:
    """Lay out two pictures with a divider between them."""
    value: Any = pictures or None
    options: dict[str, Any] = {"interactive": False, "max_height": 640, "buttons": ["fullscreen"]}
    return gr.ImageSlider(value, label=label, elem_id=elem_id, **options)
