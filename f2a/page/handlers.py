"""Handlers of the page's events and of API calls: both run the same jobs, but report errors differently."""

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
"""Errors whose message is shown to the visitor as a sentence."""

VIEWS = {"Flash | Relit": ("flash", "ours"), "Flash | Truth": ("flash", "truth"), "Relit | Truth": ("ours", "truth")}


class Handlers:
    """Handlers of the page's events, which return values of components, and the API's functions.

    ``settings`` are the values of all controls in order, then whether to keep the location.

    Args:
        service: relights the photos.
        jobs: queue in which the jobs run.
        gallery: the examples of the Examples tab.
        bundled: the examples that ship with f2a.
    """

    def __init__(self, service: RelightService, jobs: JobQueue, gallery: Gallery, bundled: Gallery) -> None:
        self.service, self.jobs, self.gallery, self.bundled = service, jobs, gallery, bundled

    # For both

    def _relight(self, photo: str | None, settings: Sequence[Any]) -> Relit:
        if not photo:
            raise PhotoCountError("Choose a photo first.")
        *values, keep_location = settings
        return self.jobs.run(self.service.relight, Path(photo), controls_from(values), keep_location)

    # For programs, which are sent these docstrings

    def relight(self, photo: str, *settings: Any) -> tuple[str, str]:
        """Relight a flash photo. Returns a file of the same size and format, and a sentence about it.

        Args:
            photo: a photo file (JPEG, PNG, WebP, TIFF, AVIF, HEIC or BMP).
        """
        relit = self._relight(photo, settings)
        return str(relit.file), relit.sentence

    def relight_batch(self, photos: list[str], *settings: Any) -> tuple[str | None, str]:
        """Relight up to 20 flash photos. Returns a zip, and a line for each photo that is not in it.

        Args:
            photos: photo files.
        """
        *values, keep_location = settings
        job = self.service.relight_all, photos, controls_from(values), keep_location, self.jobs.until_closed
        batch = self.jobs.run(*job)
        archive = str(batch.archive) if batch.archive else None
        return archive, "\n".join([batch.summary, *map(user_message, batch.failed)])

    def examples(self, category: str, number: int) -> tuple[list[str], dict[str, Any]]:
        """Get an example pair: the files of flash, ours and truth at screen size, and its name and scores.

        Args:
            category: one of the categories that the answer lists; "all" contains every example.
            number: number of the example in its category, from 1.
        """
        names = self.gallery.categories.get(category, [])
        if not 1 <= (number or 0) <= len(names):
            raise DataError(f"{category} has {counted(len(names), 'example')}, so there is no number {number}")
        pair = self.jobs.run(self.gallery.show, names[number - 1])
        facts = {"name": pair.name, "number": number, "of": len(names), "categories": [*self.gallery.categories]}
        scores = {"flash": pair.flash_score._asdict(), "ours": pair.our_score._asdict()}
        return [str(path) for path in (pair.flash, pair.ours, pair.truth)], facts | scores

    # For the page

    def on_photo(
        self, screen: Any, given: str, keep: bool, show_clipping: bool, *settings: Any
    ) -> Iterator[tuple[Any, ...]]:
        """Relight a new photo. Yield a status line, the previews, what is clipped, what changed, the photo, no download
        and no line about it, the buttons that change and remove the photo, and its settings: the previous photo's if
        ``keep``, else the defaults. While the job waits or runs, and if it fails, only the line changes."""

        def only(line: str) -> tuple[Any, ...]:
            return line, *[gr.skip()] * 8, *before  # Gradio would rebuild a skipped slider with its own preprocess

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
        """Render the previews after a slider moved, and hide the outdated download; the network doesn't run."""
        try:
            _, preview, _ = self.jobs.run(self._preview, screen, Path(photo), show_clipping, values)
        except USER_ERRORS as error:
            return *[gr.skip()] * 3, gr.File(visible=False), as_errors(error)
        return *as_answer(preview), gr.File(visible=False), ""

    def on_look(self, screen: Any, photo: str, show_clipping: bool, *values: Any) -> tuple[Any, ...]:
        """Render the pictures and what is clipped after the visitor zoomed in or out, or turned the clipping warning on
        or off; the download stays, because the settings are the same."""
        return self.on_controls(screen, photo, show_clipping, *values)[:2]

    def _preview(
        self, screen: Any, photo: Path, show_clipping: bool, values: Sequence[Any]
    ) -> tuple[OpenPhoto, Preview, float]:
        """The open photo, its previews, and the seconds that they took."""
        start = time.perf_counter()
        opened = self.service.open(photo)
        preview = self.service.preview(opened, controls_from(values), viewport_from(screen), show_clipping)
        return opened, preview, time.perf_counter() - start

    def on_download(self, photo: str | None, *settings: Any) -> dict[str, Any]:
        """The relit photo's file, a line about it, and the photo and settings that were asked for."""
        try:
            relit = self._relight(photo, settings)
        except USER_ERRORS as error:
            return {"file": None, "line": as_errors(error), "asked": [photo, *settings]}
        file = FileData(path=str(relit.file), orig_name=relit.file.name, size=relit.file.stat().st_size)
        return {"file": file.model_dump(), "line": as_html(relit.sentence), "asked": [photo, *settings]}

    def on_batch(self, photos: list[str] | None, *settings: Any) -> Iterator[tuple[Any, str]]:
        """Yield a line about the progress, and finally one zip, with a line for each photo that is not in it."""
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
            photos.clear()  # or the rest would be relit although the visitor has removed the photos
        file = gr.File(str(batch.archive), visible=True) if batch.archive else gr.skip()
        yield file, as_html(batch.summary) + as_errors(*batch.failed)

    def show_example(self, category: str, index: int, view: str) -> tuple[Any, str]:
        """The example at ``index`` in its category; the index wraps around."""
        names = self.gallery.categories[category]
        index %= len(names)
        try:
            pair = self.jobs.run(self.gallery.show, names[index])
        except USER_ERRORS as error:
            return None, as_errors(error)
        left, right = (str(getattr(pair, half)) for half in VIEWS[view])
        return (left, right), as_html(f"{index + 1} of {len(names)}: {text.describe(pair)}")

    def use_example(self, category: str, index: int) -> str:
        """Copy the example's flash photo, as if the visitor had uploaded it."""
        names = self.gallery.categories[category]
        return str(self.gallery.copy_flash(names[index % len(names)], self.service.new_folder()))


def endpoint(act: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a method of :class:`Handlers` into an API function: user errors become Gradio's error for programs, and
    ``*settings`` become named parameters with the controls' help texts."""

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
    call.__signature__ = signature.replace(parameters=named)  # type: ignore[attr-defined]  # read by inspect
    return call


def viewport_from(screen: Any) -> Viewport:
    """Viewport from the browser's ``[width, height]`` or, if zoomed in, ``[width, height, x, y]``; the default viewport
    if these are missing or impossible."""
    try:
        width, height, *center = map(float, screen)
        x, y = center or (0, 0)
        if not math.isfinite(x + y):
            return Viewport()
        return Viewport(int(width), int(height), (x, y) if center else None)
    except (TypeError, ValueError, OverflowError):
        return Viewport()


def as_answer(preview: Preview) -> tuple[list[Any], str, Any]:
    """A preview as the browser reads it: values of the comparison slider, the line on clipping and the map of changes.
    The relit picture is inline, because a separate request would bring it half a second later on a slow line."""
    relit = b64encode(preview.relit.read_bytes()).decode()
    flash, changes = (FileData(path=str(file)).model_dump() for file in (preview.flash, preview.changes))
    return [flash, {"url": f"data:image/webp;base64,{relit}"}], text.clipping(preview.clipping), changes


def controls_from(values: Sequence[Any]) -> Controls:
    """Controls from the sliders' values; None, from an emptied number field, is the default."""
    pairs = zip(fields(Controls), values, strict=True)
    settings: dict[str, Any] = {field.name: field.default if value is None else value for field, value in pairs}
    return Controls(**settings)
