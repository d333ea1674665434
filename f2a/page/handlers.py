"""What happens when a visitor touches something or a program calls: the same jobs, with two ways to say what failed."""

import functools
import html
import inspect
import math
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData

from f2a.data.cache import DataError
from f2a.errors import counted
from f2a.page import text
from f2a.page.examples import BUNDLED
from f2a.page.gallery import Gallery
from f2a.page.job_queue import Busy, JobQueue
from f2a.page.panel import DEFAULTS
from f2a.page.service import OpenPhoto, PhotoCountError, Preview, RelightService, Relit, Viewport
from f2a.page.text import as_errors, as_html, user_message
from f2a.photo import PhotoError
from f2a.relight.controls import ControlError, Controls

USER_ERRORS = (PhotoError, ControlError, PhotoCountError, DataError, Busy)
"""What a visitor is told in a sentence."""

VIEWS = {"Flash | Relit": ("flash", "ours"), "Flash | Truth": ("flash", "truth"), "Relit | Truth": ("ours", "truth")}


class Handlers:
    """The events of the page (``on_...``, which answer with components) and what the API offers (the others).

    Settings come as the values of all controls in their order and whether to keep the location.

    Args:
        service: does the work.
        jobs: says whose turn it is.
        gallery: the examples of the Examples tab.
        bundled: those that ship with f2a.
    """

    def __init__(self, service: RelightService, jobs: JobQueue, gallery: Gallery, bundled: Gallery) -> None:
        self.service, self.jobs, self.gallery, self.bundled = service, jobs, gallery, bundled

    # For both

    def _relight(self, photo: str | None, settings: Sequence[Any]) -> Relit:
        if not photo:
            raise PhotoCountError("Choose a photo first.")
        *values, keep_location = settings
        return self.jobs.run(self.service.relight, Path(photo), controls_from(values), keep_location)

    # For programs; the docstrings are what they read

    def relight(self, photo: str, *settings: Any) -> tuple[str, str]:
        """Relight a flash photo: a file of the same size and format, and a sentence about it.

        Args:
            photo: a photo file (JPEG, PNG, WebP, TIFF, HEIC, AVIF).
        """
        relit = self._relight(photo, settings)
        return str(relit.file), relit.sentence

    def relight_batch(self, photos: list[str], *settings: Any) -> tuple[str | None, str]:
        """Relight up to 20 flash photos: a zip, and a line for each photo that is not in it.

        Args:
            photos: photo files.
        """
        *values, keep_location = settings
        job = self.service.relight_all, photos, controls_from(values), keep_location, self.jobs.until_closed
        batch = self.jobs.run(*job)
        archive = str(batch.archive) if batch.archive else None
        return archive, "\n".join([batch.summary, *map(user_message, batch.failed)])

    def examples(self, category: str, number: int) -> tuple[list[str], dict[str, Any]]:
        """An example pair: the files of flash, ours and truth at screen size, and its name and scores.

        Args:
            category: one of the categories that the answer lists; all of them together are "all".
            number: which example of the category, from 1.
        """
        names = self.gallery.names(category)
        if not 1 <= (number or 0) <= len(names):
            raise DataError(f"{category} has {counted(len(names), 'example')}, so there is no number {number}")
        pair = self.jobs.run(self.gallery.show, names[number - 1])
        facts = {"name": pair.name, "number": number, "of": len(names), "categories": self.gallery.categories}
        scores = {"flash": pair.flash_score._asdict(), "ours": pair.our_score._asdict()}
        return [str(path) for path in (pair.flash, pair.ours, pair.truth)], facts | scores

    # For the page

    def on_photo(
        self, screen: Any, given: str, keep: bool, show_clipping: bool, *settings: Any
    ) -> Iterator[tuple[Any, ...]]:
        """The photo that was given, relit: a line that says how it goes, previews, what is clipped, what changed, the
        photo, no download yet, the buttons that change and remove it, and its settings: those of the photo before only
        if they are to be kept. Where it can't be relit, all but the line stays as it was."""

        def only(line: str) -> tuple[Any, ...]:
            return line, *[gr.skip()] * 8, *before  # a slider that is skipped is made anew, with Gradio's preprocess

        photo, before, settings = Path(given), settings, settings if keep else tuple(DEFAULTS)
        try:
            relight = self._preview, screen, photo, show_clipping, settings[:-1]
            opened, preview, seconds = yield from self.jobs.follow(lambda n: only(text.waiting(n)), *relight)
        except USER_ERRORS as error:
            yield only(as_errors(error))
            return
        example = photo.is_relative_to(BUNDLED)
        choose = gr.UploadButton(text.CHOOSE if example else text.CHANGE)
        shown = FileData(path=given, orig_name=photo.name).model_dump()
        rest = shown, gr.File(None, visible=False), "", choose, gr.Button(visible=not example)
        width, height = opened.size
        line = f"{photo.name}: {width} x {height} pixels, relit in {max(seconds, 0.1):.1f}{text.NO_BREAK}s."
        lines = [text.WELCOME] if example else [line, *opened.notes]
        yield as_html(*lines), *as_answer(preview), *rest, *settings

    def on_controls(self, screen: Any, photo: str, show_clipping: bool, *values: Any) -> tuple[Any, ...]:
        """The previews again after a slider moved, and no download of what it was before; the network doesn't run."""
        try:
            _, preview, _ = self.jobs.run(self._preview, screen, Path(photo), show_clipping, values)
        except USER_ERRORS as error:
            return *[gr.skip()] * 3, gr.File(visible=False), as_errors(error)
        return *as_answer(preview), gr.File(visible=False), ""

    def on_look(self, screen: Any, photo: str, show_clipping: bool, *values: Any) -> tuple[Any, ...]:
        """The pictures again, and what is clipped, after a visitor went closer to a place or back, or turned the
        clipping warning on or off; the download is still what is shown."""
        return self.on_controls(screen, photo, show_clipping, *values)[:2]

    def _preview(
        self, screen: Any, photo: Path, show_clipping: bool, values: Sequence[Any]
    ) -> tuple[OpenPhoto, Preview, float]:
        """The photo, its previews, and the seconds that it took."""
        start = time.perf_counter()
        opened = self.service.open(photo)
        preview = self.service.preview(opened, controls_from(values), viewport_from(screen), show_clipping)
        return opened, preview, time.perf_counter() - start

    def on_download(self, photo: str | None, *settings: Any) -> dict[str, Any]:
        """The relit photo's file, a line about it, and what it was made of."""
        try:
            relit = self._relight(photo, settings)
        except USER_ERRORS as error:
            return {"file": None, "line": as_errors(error), "asked": [photo, *settings]}
        file = FileData(path=str(relit.file), orig_name=relit.file.name, size=relit.file.stat().st_size)
        return {"file": file.model_dump(), "line": as_html(relit.sentence), "asked": [photo, *settings]}

    def on_batch(self, photos: list[str] | None, *settings: Any) -> Iterator[tuple[Any, str]]:
        """One zip, and a line for each photo that is not in it; until then a line that says how far it is."""
        *values, keep_location = settings
        photos, begun = photos or [], list[str]()

        def watch(paths: Iterable[str]) -> Iterator[str]:
            for path in self.jobs.until_closed(paths):
                begun.append(path)
                yield path

        def tell(before: int) -> tuple[Any, str]:
            return gr.skip(), text.waiting(before, len(begun), len(photos))

        try:
            job = self.service.relight_all, photos, controls_from(values), keep_location, watch
            batch = yield from self.jobs.follow(tell, *job)
        except USER_ERRORS as error:
            yield gr.skip(), as_errors(error)
            return
        finally:
            photos.clear()  # or what is left would be relit for a visitor who has taken the photos back
        file = gr.File(str(batch.archive), visible=True) if batch.archive else gr.skip()
        yield file, as_html(batch.summary) + as_errors(*batch.failed)

    def show_example(self, category: str, index: int, view: str) -> tuple[Any, str]:
        """The example at a place of its category, going round."""
        names = self.gallery.names(category)
        index %= len(names)
        try:
            pair = self.jobs.run(self.gallery.show, names[index])
        except USER_ERRORS as error:
            return None, as_errors(error)
        left, right = (str(getattr(pair, half)) for half in VIEWS[view])
        return (left, right), as_html(f"{index + 1} of {len(names)}: {text.describe(pair)}")

    def use_example(self, category: str, index: int) -> str:
        """A copy of the example's flash photo, as if the visitor had given it."""
        names = self.gallery.names(category)
        return str(self.gallery.copy_flash(names[index % len(names)], self.service.new_folder()))


def endpoint(act: Callable[..., Any]) -> Callable[..., Any]:
    """A method of :class:`Handlers` as the API offers it: what goes wrong becomes the error that Gradio tells a
    program, and ``*settings`` become parameters of their own, with the controls' help texts."""

    @functools.wraps(act)
    def call(*args: Any) -> Any:
        try:
            return act(*args)
        except USER_ERRORS as error:
            raise gr.Error(html.escape(user_message(error)), print_exception=False) from error

    signature = inspect.signature(act)
    named = [parameter for parameter in signature.parameters.values() if parameter.kind != parameter.VAR_POSITIONAL]
    if len(named) < len(signature.parameters):
        named += [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in text.SETTINGS]
        lines = [f"    {name}: {help_text}." for name, help_text in text.SETTINGS.items()]
        call.__doc__ = "\n".join([inspect.getdoc(act) or "", *lines])
    call.__signature__ = signature.replace(parameters=named)  # type: ignore[attr-defined]  # inspect reads it
    return call


def viewport_from(screen: Any) -> Viewport:
    """What the browser says of its screen: ``[width, height]``, and ``x, y`` where it looks closely; the largest that
    there is if it says nothing, or nothing that can be."""
    try:
        width, height, *center = map(float, screen)
        x, y = center or (0, 0)
        if not math.isfinite(x + y):
            return Viewport()
        return Viewport(int(width), int(height), (x, y) if center else None)
    except (TypeError, ValueError, OverflowError):
        return Viewport()


def as_answer(preview: Preview) -> tuple[list[Any], str, Any]:
    """A preview as the browser reads it: of the slider between two pictures, of the line on clipping and of the picture
    of what changed. The relit picture is in it: by a request of its own it would come half a second later on a slow
    line."""
    relit = b64encode(preview.relit.read_bytes()).decode()
    flash, changes = (FileData(path=str(file)).model_dump() for file in (preview.flash, preview.changes))
    return [flash, {"url": f"data:image/webp;base64,{relit}"}], text.clipping(preview.clipping), changes


def controls_from(values: Sequence[Any]) -> Controls:
    """The controls as the sliders stand; None is an emptied number field."""
    pairs = zip(fields(Controls), values, strict=True)
    settings: dict[str, Any] = {field.name: field.default if value is None else value for field, value in pairs}
    return Controls(**settings)
