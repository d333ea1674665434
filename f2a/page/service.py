"""What the page does with a visitor's photos, without Gradio.

Every request writes into a folder of its own with a random name, and everything is gone within an hour.
"""

import math
import os
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from cachetools import TTLCache, cachedmethod

from f2a.errors import F2aError, counted
from f2a.files import atomic_write
from f2a.page.clipping import Clipping, mark_clipping, measure_clipping
from f2a.photo import Photo, PhotoError, read_photo, stated_size
from f2a.relight.controls import Controls
from f2a.relight.relighter import PhotoGain, Relighter, relight_file

PREVIEW_SIDE = 1280
"""Pixels on the longest side of what is kept ready; what is shown is no larger than its place on the screen. On the
largest place that is three pixels to two of CSS, of which more are hardly seen and cost half as many bytes again."""

SIDE_STEP = 100
"""Pixels by which a preview's longest side grows with the screen, so that a resized window has few sizes."""

MAX_MEGAPIXELS = 64
MAX_PHOTOS = 20
MAX_OPEN = 24
"""Previews kept ready for the sliders, about 8 MB each; a photo past that is read again when a slider moves."""

MAX_SCREEN = 4096
"""Pixels on a side of a place on the screen; a browser that says more, as none does, is sent no more."""

MAX_PART_BYTES = 100_000_000
"""Of the parts that are kept while they are looked at closely, some 2 to 14 MB each."""

KEEP_S, SWEEP_S = 3000, 300
"""Seconds that a file stays, and between two looks for older ones: within an hour everything is gone."""

PREVIEW_QUALITY, MAX_PREVIEW_BYTES = 70, 45_000
"""Of WebP, which a slider sends again at each move; a noisy photo gets a lower quality, with which it takes no more
bytes: what a slow 4G line carries in a quarter of a second."""

EXAMPLE_QUALITY = 88
"""Of JPEG."""


Box = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of a photo, in pixels."""


class PhotoCountError(F2aError):
    """No photo, or too many; the message says so."""


class Viewport(NamedTuple):
    """The place on a visitor's screen where pictures are shown.

    Attributes:
        width: in the screen's own pixels.
        height: the same.
        center: of the part of the photo that is looked at closely, in shares of its width and height; None for all.
    """

    width: int = PREVIEW_SIDE
    height: int = PREVIEW_SIDE
    center: tuple[float, float] | None = None

    @property
    def bounded(self) -> tuple[int, int]:
        """Width and height, 1 to :data:`MAX_SCREEN` whatever a browser says."""
        return min(max(1, self.width), MAX_SCREEN), min(max(1, self.height), MAX_SCREEN)

    def side(self, size: tuple[int, int]) -> int:
        """The longest side, in steps of :data:`SIDE_STEP`, with which a photo of ``size`` fills the place."""
        width, height = self.bounded
        scale = min(width / size[0], height / size[1])
        return min(PREVIEW_SIDE, math.ceil(scale * max(size) / SIDE_STEP) * SIDE_STEP)

    def box(self, size: tuple[int, int]) -> Box:
        """Left, top, right and bottom of the part around the centre that fills the place pixel by pixel; of a photo
        that is smaller than that, half its width and height."""
        width, height = self.bounded
        part = min(size[0], width), min(size[1], height)
        if part == size:
            part = -(-size[0] // 2), -(-size[1] // 2)
        x, y = self.center or (0.5, 0.5)
        left = round(min(max(x * size[0] - part[0] / 2, 0), size[0] - part[0]))
        top = round(min(max(y * size[1] - part[1] / 2, 0), size[1] - part[1]))
        return left, top, left + part[0], top + part[1]


@dataclass(frozen=True)
class OpenPhoto:
    """A photo that is on the page, read and gone through the network.

    Attributes:
        file: the whole photo.
        prepared: bounded to :data:`PREVIEW_SIDE`.
        folder: of the previews of the flash photo, one for each size of screen.
        size: width and height of the whole photo.
        notes: what was left out or changed when it was read, a sentence each.
    """

    file: Path
    prepared: PhotoGain
    folder: Path
    size: tuple[int, int]
    notes: tuple[str, ...]


class Preview(NamedTuple):
    """Pictures for the screen: the flash photo, the relit one, and what changed between them.

    ``clipping`` is that of the first two, where the warning is on.
    """

    flash: Path
    relit: Path
    changes: Path
    clipping: tuple[Clipping, Clipping] | None = None


class Relit(NamedTuple):
    """The file of a relit photo, and a sentence with the time that it took and what the file could not keep."""

    file: Path
    sentence: str


class BatchResult(NamedTuple):
    """The zip of what could be relit (None if nothing could), how many those are, and what is wrong with the others."""

    archive: Path | None
    summary: str
    failed: list[PhotoError]


class RelightService:
    """One for all visitors; it holds a bounded number of previews and nothing else of them.

    Args:
        relighter: relights.
        folder: where the folders of the requests are made.
        keep_s: seconds that a photo is kept open.
    """

    def __init__(self, relighter: Relighter, folder: Path, keep_s: float = KEEP_S) -> None:
        self.relighter, self.folder = relighter, folder
        folder.mkdir(parents=True, exist_ok=True)  # Gradio writes into it too, and fails where it is not there
        self._opened: TTLCache[Path, OpenPhoto] = TTLCache(MAX_OPEN, keep_s)
        self._parts: TTLCache[Any, PhotoGain] = TTLCache(
            MAX_PART_BYTES, keep_s, getsizeof=lambda part: part.photo.nbytes
        )
        self._lock = threading.RLock()

    def new_folder(self) -> Path:
        """An empty folder with a name that nobody guesses."""
        return Path(tempfile.mkdtemp(prefix="request-", dir=self.folder))

    @cachedmethod(lambda self: self._opened, lock=lambda self: self._lock)
    def open(self, photo: Path) -> OpenPhoto:
        """Read a photo and run the network on it, if it is not open already.

        Raises:
            PhotoError: it cannot be read, or is larger than :data:`MAX_MEGAPIXELS`.
        """
        check_megapixels(photo)
        file = read_photo(photo)
        prepared = self.relighter.prepare(file.photo).preview(PREVIEW_SIDE)
        note = prepared.explain(file.metadata.flash_fired()).note
        notes = (*([note] if note else []), *map(as_sentence, file.notes))
        return OpenPhoto(photo, prepared, self.new_folder(), file.photo.size, notes)

    def preview(
        self,
        photo: OpenPhoto,
        controls: Controls,
        viewport: Viewport = Viewport(),  # noqa: B008  # a tuple
        show_clipping: bool = False,
    ) -> Preview:
        """The pictures of the relit photo; the network does not run.

        Args:
            photo: from :meth:`open`.
            controls: of the relit photo.
            viewport: where on the screen the pictures are shown.
            show_clipping: mark what is burnt or black in both pictures (:mod:`f2a.page.clipping`).

        Raises:
            PhotoError: a part of the photo is looked at closely, and the photo cannot be read any more.
        """
        folder = self.new_folder()
        photo.prepared.explain(controls=controls).picture(400).save(changes := folder / "changes.webp", method=0)
        if viewport.center:
            box = viewport.box(photo.size)
            name = "-".join(map(str, box))
            prepared = self._part(photo, box, controls.red_eyes > 0)
        else:
            name = str(side := viewport.side(photo.size))
            prepared = photo.prepared.preview(side)
        flash, relit = prepared.photo, prepared.render(controls)
        file = photo.folder / f"flash-{name}{'-clipping' if show_clipping else ''}.webp"
        if not file.exists():  # or the browser would fetch it at each move
            save_preview(flash, file, show_clipping)
        clipping = (measure_clipping(flash), measure_clipping(relit)) if show_clipping else None
        return Preview(file, save_preview(relit, folder / "relit.webp", show_clipping), changes, clipping)

    @cachedmethod(lambda self: self._parts, lambda self, photo, *look: (photo.file, *look), lambda self: self._lock)
    def _part(self, photo: OpenPhoto, box: Box, red_eyes: bool) -> PhotoGain:
        """A part of the full-size photo, to be rendered as it is in the file that would be downloaded."""
        return replace(photo.prepared, photo=read_photo(photo.file).photo).crop(box, red_eyes)

    def relight(self, photo: Path, controls: Controls, keep_location: bool) -> Relit:
        """The relit photo's file at full size, ``NAME_ambient.EXT``, byte for byte what the library writes.

        Raises:
            PhotoError: it cannot be read or written, or is larger than :data:`MAX_MEGAPIXELS`.
        """
        start = time.perf_counter()
        check_megapixels(photo)
        folder = self.new_folder()
        notes: list[str] = []
        file = relight_file(self.relighter, photo, folder, controls, keep_location=keep_location, tell=notes.append)
        seconds = time.perf_counter() - start
        line = f"{file.name}: made in {max(seconds, 0.1):.1f} s."
        return Relit(file, " ".join([line, *map(as_sentence, notes)]))

    def relight_all(
        self,
        photos: Sequence[str],
        controls: Controls,
        keep_location: bool,
        watch: Callable[[Iterable[str]], Iterable[str]] = iter,
    ) -> BatchResult:
        """All of them into one zip; a photo that fails does not stop the others.

        Args:
            photos: their files.
            controls: for all of them.
            keep_location: see :func:`f2a.relight.relighter.relight_file`.
            watch: passes the photos on one by one; it may show how far that is, and may stop before the last one.

        Raises:
            PhotoCountError: no photo, or more than :data:`MAX_PHOTOS`.
        """
        if not photos:
            raise PhotoCountError("Choose photos first.")
        if len(photos) > MAX_PHOTOS:
            raise PhotoCountError(f"Choose at most {MAX_PHOTOS} photos at a time, not {len(photos)}.")
        archive = self.new_folder() / "relit.zip"
        names: set[str] = set()
        failed: list[PhotoError] = []
        with zipfile.ZipFile(archive, "w") as relit:  # photos are compressed already
            for photo in watch(photos):
                try:
                    file = self.relight(Path(photo), controls, keep_location).file
                except PhotoError as error:
                    failed.append(error)
                    continue
                names.add(name := free_name(file.name, names))
                relit.write(file, name)
                file.unlink()
        done = f"{len(names)} of {len(photos)} photos" if len(names) < len(photos) else counted(len(names), "photo")
        summary = f"{done} relit."
        if left := len(photos) - len(names) - len(failed):
            summary += f" The page is restarting and left out {counted(left, 'photo')}; please give the rest again."
        return BatchResult(archive if names else None, summary, failed)


def sweep_folder(folder: Path, keep_s: float = KEEP_S) -> None:
    """Delete every file in it that is older than ``keep_s`` seconds, and folders that are empty by then."""
    oldest = time.time() - keep_s
    for parent, folders, files in os.walk(folder, topdown=False):  # which, unlike rglob, passes over what is gone
        for path in (Path(parent, name) for name in [*files, *folders]):
            with suppress(OSError):  # not empty, or gone already
                if path.lstat().st_ctime < oldest:
                    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def check_megapixels(photo: Path) -> None:
    """Look at the size that a photo file states, before anything is decoded.

    Raises:
        PhotoError: more than :data:`MAX_MEGAPIXELS`.
    """
    try:
        megapixels = math.prod(stated_size(photo)) / 1e6
    except PhotoError:  # what is wrong with it is said when it is read
        return
    if megapixels > MAX_MEGAPIXELS:
        limit = f"has more than the {MAX_MEGAPIXELS} megapixels that this page takes"
        raise PhotoError(photo, f"{limit}; make it smaller first, or use f2a on your own computer")


def save_preview(photo: Photo, target: Path, show_clipping: bool = False) -> Path:
    """Write what the browser shows, in sRGB, as WebP or JPEG by the suffix."""
    image = mark_clipping(photo) if show_clipping else photo.to_srgb()
    with atomic_write(target) as file:  # another slider may look for it at the same time
        if target.suffix == ".jpg":
            image.save(file, "JPEG", quality=EXAMPLE_QUALITY)
            return target
        quality = PREVIEW_QUALITY
        image.save(file, "WEBP", quality=quality, method=2)
        while quality and (size := file.stat().st_size) > MAX_PREVIEW_BYTES:
            quality = min(quality * 2 // 3, quality * MAX_PREVIEW_BYTES // size)
            image.save(file, "WEBP", quality=quality, method=2)
    return target


def as_sentence(note: str) -> str:
    """A note on a file, such as "its EXIF is damaged and was left out", as a sentence of its own."""
    return f"{note[:1].upper()}{note[1:]}."


def free_name(name: str, taken: set[str]) -> str:
    """``name``, or ``NAME (2).EXT`` and so on where that is taken."""
    path = Path(name)
    names = [name, *(f"{path.stem} ({number}){path.suffix}" for number in range(2, len(taken) + 2))]
    return next(free for free in names if free not in taken)
