"""What the page does with a visitor's photos, without Gradio.

Each request writes to its own randomly named folder, and everything is deleted within an hour.
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
"""Longest side, in pixels, of a photo kept in memory; pictures sent are no larger than their place on the screen. In
the largest place this is 1.5 pixels per CSS pixel; more would hardly be seen, for half as many bytes again."""

SIDE_STEP = 100
"""Step, in pixels, of a preview's longest side, so that resizing the window makes only a few sizes."""

MAX_MEGAPIXELS = 64
MAX_PHOTOS = 20
MAX_OPEN = 24
"""Number of photos kept in memory for the sliders, about 8 MB each; any other is read again when a slider moves."""

MAX_SCREEN = 4096
"""Maximum side, in pixels, of a place on the screen; larger values, which no real browser sends, are capped."""

MAX_PART_BYTES = 100_000_000
"""Maximum total size, in bytes, of the full-size crops kept in memory for zooming, some 2 to 14 MB each."""

KEEP_S, SWEEP_S = 3000, 300
"""Seconds for which a file is kept, and seconds between two sweeps: within an hour everything is deleted."""

PREVIEW_QUALITY, MAX_PREVIEW_BYTES = 70, 45_000
"""WebP quality and maximum bytes of the preview that each move of a slider sends. A noisy photo gets a lower quality to
stay within these bytes, which a slow 4G line carries in a quarter of a second."""

EXAMPLE_QUALITY = 88
"""JPEG quality of the examples' previews."""


Box = tuple[int, int, int, int]
"""Left, top, right and bottom of a crop, in pixels."""


class PhotoCountError(F2aError):
    """No photo, or too many; the message says so."""


class Viewport(NamedTuple):
    """The place on a visitor's screen where pictures are shown.

    Attributes:
        width: in device pixels.
        height: in device pixels.
        center: centre of the zoomed part, as fractions of the photo's width and height; None for the whole photo.
    """

    width: int = PREVIEW_SIDE
    height: int = PREVIEW_SIDE
    center: tuple[float, float] | None = None

    @property
    def bounded(self) -> tuple[int, int]:
        """Width and height, clamped to 1 to :data:`MAX_SCREEN`."""
        return min(max(1, self.width), MAX_SCREEN), min(max(1, self.height), MAX_SCREEN)

    def side(self, size: tuple[int, int]) -> int:
        """Longest side, in steps of :data:`SIDE_STEP`, at which a photo of ``size`` fills the place."""
        width, height = self.bounded
        scale = min(width / size[0], height / size[1])
        return min(PREVIEW_SIDE, math.ceil(scale * max(size) / SIDE_STEP) * SIDE_STEP)

    def box(self, size: tuple[int, int]) -> Box:
        """Crop around the centre that fills the place at 100 %; if the whole photo fits, half its width and height."""
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
    """A photo on the page, read and run through the network.

    Attributes:
        file: the whole photo.
        prepared: the photo and its gain, bounded to :data:`PREVIEW_SIDE`.
        folder: folder for the previews of the flash photo, one for each screen size.
        size: width and height of the whole photo.
        notes: sentences on what was left out or changed when it was read.
    """

    file: Path
    prepared: PhotoGain
    folder: Path
    size: tuple[int, int]
    notes: tuple[str, ...]


class Preview(NamedTuple):
    """Pictures for the screen: the flash photo, the relit one, and what changed between them.

    ``clipping`` describes the first two; None if the warning is off.
    """

    flash: Path
    relit: Path
    changes: Path
    clipping: tuple[Clipping, Clipping] | None = None


class Relit(NamedTuple):
    """The file of a relit photo, and text that says how long it took and what the file could not keep."""

    file: Path
    sentence: str


class BatchResult(NamedTuple):
    """The zip of relit photos (None if there are none), a sentence with their number, and the errors of the others."""

    archive: Path | None
    summary: str
    failed: list[PhotoError]


class RelightService:
    """Relights photos for all visitors, and keeps nothing of theirs in memory but a bounded number of previews.

    Args:
        relighter: runs the network.
        folder: where each request's folder is made.
        keep_s: seconds for which a photo is kept open.
    """

    def __init__(self, relighter: Relighter, folder: Path, keep_s: float = KEEP_S) -> None:
        self.relighter, self.folder = relighter, folder
        folder.mkdir(parents=True, exist_ok=True)  # Gradio writes into it too, and fails if it is missing
        self._opened: TTLCache[Path, OpenPhoto] = TTLCache(MAX_OPEN, keep_s)
        self._parts: TTLCache[Any, PhotoGain] = TTLCache(
            MAX_PART_BYTES, keep_s, getsizeof=lambda part: part.photo.nbytes
        )
        self._lock = threading.RLock()

    def new_folder(self) -> Path:
        """Make an empty folder with a name that nobody can guess."""
        return Path(tempfile.mkdtemp(prefix="request-", dir=self.folder))

    @cachedmethod(lambda self: self._opened, lock=lambda self: self._lock)
    def open(self, photo: Path) -> OpenPhoto:
        """Read a photo and run the network on it, unless it is open already.

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
        """Render the pictures for the screen without running the network.

        Args:
            photo: from :meth:`open`.
            controls: settings of the relit photo.
            viewport: where on the screen the pictures are shown.
            show_clipping: mark burnt and black pixels in both pictures (:mod:`f2a.page.clipping`).

        Raises:
            PhotoError: the viewport is zoomed in, and the photo can no longer be read.
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
        if not file.exists():  # the same file each time, or the browser would fetch it at each move
            save_preview(flash, file, show_clipping)
        clipping = (measure_clipping(flash), measure_clipping(relit)) if show_clipping else None
        return Preview(file, save_preview(relit, folder / "relit.webp", show_clipping), changes, clipping)

    @cachedmethod(lambda self: self._parts, lambda self, photo, *look: (photo.file, *look), lambda self: self._lock)
    def _part(self, photo: OpenPhoto, box: Box, red_eyes: bool) -> PhotoGain:
        """Crop the full-size photo, so that it is rendered as in the file to download."""
        return replace(photo.prepared, photo=read_photo(photo.file).photo).crop(box, red_eyes)

    def relight(self, photo: Path, controls: Controls, keep_location: bool) -> Relit:
        """Relight a photo at full size into ``NAME_ambient.EXT``, byte for byte the file that the library writes.

        Raises:
            PhotoError: it cannot be read or written, or is larger than :data:`MAX_MEGAPIXELS`.
        """
        start = time.perf_counter()
        check_megapixels(photo)
        folder = self.new_folder()
        notes: list[str] = []
        file = relight_file(self.relighter, photo, folder, controls, keep_location=keep_location, report=notes.append)
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
        """Relight photos into one zip; a photo that fails does not stop the others.

        Args:
            photos: photo files.
            controls: settings of all of them.
            keep_location: see :func:`f2a.relight.relighter.relight_file`.
            watch: yields the photos one by one; it may report progress, and may stop before the last one.

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
        with zipfile.ZipFile(archive, "w") as relit:  # stored only: photos are compressed already
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
            summary += f" The page is restarting and left out {counted(left, 'photo')}; please add the rest again."
        return BatchResult(archive if names else None, summary, failed)


def sweep_folder(folder: Path, keep_s: float = KEEP_S) -> None:
    """Delete the files in ``folder`` that are older than ``keep_s`` seconds, and subfolders as old that are empty."""
    oldest = time.time() - keep_s
    for parent, folders, files in os.walk(folder, topdown=False):  # unlike rglob, skips what is gone
        for path in (Path(parent, name) for name in [*files, *folders]):
            with suppress(OSError):  # not empty, or gone already
                if path.lstat().st_ctime < oldest:
                    path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def check_megapixels(photo: Path) -> None:
    """Check the size that a photo file states, before anything is decoded.

    Raises:
        PhotoError: the photo has more than :data:`MAX_MEGAPIXELS`.
    """
    try:
        megapixels = math.prod(stated_size(photo)) / 1e6
    except PhotoError:  # reading the photo reports what is wrong with it
        return
    if megapixels > MAX_MEGAPIXELS:
        limit = f"has more than the {MAX_MEGAPIXELS} megapixels that this page accepts"
        raise PhotoError(photo, f"{limit}; make it smaller first, or use f2a on your own computer")


def save_preview(photo: Photo, target: Path, show_clipping: bool = False) -> Path:
    """Write a photo for the browser, in sRGB, as JPEG or WebP depending on the suffix."""
    image = mark_clipping(photo) if show_clipping else photo.to_srgb()
    with atomic_write(target) as file:  # another slider's request may read it at the same time
        if target.suffix == ".jpg":
            image.save(file, "JPEG", quality=EXAMPLE_QUALITY)
            return target
        image, quality = photo.with_alpha(image), PREVIEW_QUALITY
        image.save(file, "WEBP", quality=quality, method=2)
        while quality and (size := file.stat().st_size) > MAX_PREVIEW_BYTES:
            quality = min(quality * 2 // 3, quality * MAX_PREVIEW_BYTES // size)
            image.save(file, "WEBP", quality=quality, alpha_quality=quality, method=2)
    return target


def as_sentence(note: str) -> str:
    """Turn a note on a file, such as "its EXIF is damaged and was left out", into a sentence."""
    return f"{note[:1].upper()}{note[1:]}."


def free_name(name: str, taken: set[str]) -> str:
    """``name``, or if that is taken, ``NAME (2).EXT`` and so on."""
    path = Path(name)
    names = [name, *(f"{path.stem} ({number}){path.suffix}" for number in range(2, len(taken) + 2))]
    return next(free for free in names if free not in taken)
