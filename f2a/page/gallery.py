"""Example pairs as the page shows them: flash, ours and truth, with scores, computed once for all visitors."""

import shutil
import tempfile
import threading
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from f2a.data.cache import DataError
from f2a.images import to_image
from f2a.metrics import psnr, ssim
from f2a.page.examples import ExamplePairs, by_category
from f2a.page.service import PREVIEW_SIDE, save_preview
from f2a.photo import Photo, PhotoError, read_photo
from f2a.relight.relighter import Relighter

MAX_PREVIEWS = 200
"""Number of examples whose previews are kept, about half a megabyte each."""

THUMBNAIL_SIDE = 200


class PairScore(NamedTuple):
    """Scores of a picture against the truth, at the size shown."""

    psnr_db: float
    ssim: float


class PairPreview(NamedTuple):
    """Previews of flash, ours and truth at the same size, the scores of the first two, and a map of what changed."""

    name: str
    flash: Path
    ours: Path
    truth: Path
    flash_score: PairScore
    our_score: PairScore
    changes: Path


class Gallery:
    """Makes the previews and scores of example pairs.

    Args:
        pairs: the pairs to show.
        relighter: relights their flash photos.
    """

    def __init__(self, pairs: ExamplePairs, relighter: Relighter) -> None:
        self.pairs, self.relighter, self.categories = pairs, relighter, by_category(pairs.names)
        self._temporary = tempfile.TemporaryDirectory(prefix="f2a-examples-")  # the visitors' folder is swept
        self.folder = Path(self._temporary.name)
        self._preview_once = lru_cache(MAX_PREVIEWS)(self._preview)
        self._one_at_a_time = threading.Lock()

    def show(self, name: str) -> PairPreview:
        """Return one example, which is relit for the first visitor who asks for it.

        Raises:
            DataError: it cannot be fetched at the moment, or is not a usable pair.
        """
        with self._one_at_a_time:
            return self._preview_once(name)

    def _preview(self, name: str) -> PairPreview:
        files = self.pairs.photos(name)
        try:
            flash, truth = read_photo(files.flash), read_photo(files.ambient)
        except PhotoError as error:
            raise DataError(f"{name}: {error.reason}") from error
        if flash.photo.size != truth.photo.size or min(flash.photo.size) < 7:
            raise DataError(f"{name}: its two photos differ in size, or are too small")
        prepared = self.relighter.prepare(flash.photo).preview(PREVIEW_SIDE)
        pictures = [prepared.photo, prepared.render(), truth.photo.fit_within(PREVIEW_SIDE)]
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        names = ("flash.jpg", "ours.jpg", "truth.jpg")
        saved = [save_preview(photo, folder / file) for photo, file in zip(pictures, names, strict=True)]
        scores = [measure(photo, pictures[2]) for photo in pictures[:2]]
        prepared.explain().picture(400).save(changes := folder / "changes.webp")
        return PairPreview(name, saved[0], saved[1], saved[2], scores[0], scores[1], changes)

    def thumbnails(self) -> list[tuple[str, Path]]:
        """Name and flash photo of each pair, with a longest side of :data:`THUMBNAIL_SIDE` pixels."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        flash = {name: read_photo(self.pairs.photos(name).flash).photo for name in self.pairs.names}
        small = {name: photo.fit_within(THUMBNAIL_SIDE) for name, photo in flash.items()}
        return [(name, save_preview(photo, folder / f"{name}.webp")) for name, photo in small.items()]

    def copy_flash(self, name: str, folder: Path) -> Path:
        """Copy an example's flash photo into ``folder``, under the example's name."""
        with self._one_at_a_time:
            flash = self.pairs.photos(name).flash
        return Path(shutil.copy(flash, folder / f"{Path(name).name}{flash.suffix}"))


def measure(picture: Photo, truth: Photo) -> PairScore:
    """Measure a picture's PSNR in dB and its SSIM against the truth, both in sRGB."""
    image, expected = to_image(picture.to_srgb()), to_image(truth.to_srgb())
    return PairScore(psnr(image, expected), ssim(image, expected))
