"""Measurement of each system's pictures against the truth, scene by scene."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from f2a.color import expose
from f2a.data.cache import DataError
from f2a.data.folder import PairFiles
from f2a.errors import Report, counted, first_line
from f2a.images import to_image, to_picture
from f2a.metrics import aligned_psnr, black_point, burnt_share, lit_psnr, lit_ssim, psnr, sharpness, ssim, tint
from f2a.photo import Photo, PhotoError, open_photo

FLASH = "flash"
"""Name of the system that all others are compared with: the photo as taken by the camera."""
TRUTH = "truth"
"""Name of the ambient photo, as a reference of metrics and in reports."""

MIN_SIDE = 7
"""Smallest side, in pixels, of a photo that can be measured: the side of the SSIM window."""


class Metric(NamedTuple):
    """A measure of a picture against the truth or the flash photo, each ``(1, 3, H, W)`` sRGB in [0, 1]."""

    name: str
    title: str
    measure: Callable[[Tensor, Tensor], float]
    digits: int
    best: str
    reference: str = TRUTH


METRICS = (
    Metric("psnr", "PSNR dB", psnr, 2, "higher is better"),
    Metric("ssim", "SSIM", ssim, 3, "higher is better"),
    Metric("lit_psnr", "lit dB", lit_psnr, 2, "higher is better; brought to the truth's mean first"),
    Metric("lit_ssim", "lit SSIM", lit_ssim, 3, "higher is better; brought to the truth's mean first"),
    Metric("aligned_psnr", "aligned dB", aligned_psnr, 2, "higher is better; exposure and colour are fitted"),
    Metric("sharpness", "sharpness", sharpness, 2, "1 is as sharp as the truth"),
    Metric(
        "black",
        "black",
        lambda image, truth: black_point(image) - black_point(truth),
        3,
        "0 is right; 1st percentile of luma, minus the truth's",
    ),
    Metric(
        "clip",
        "clip",
        lambda image, flash: burnt_share(image) - burnt_share(flash),
        3,
        "0 or less is right; burnt share of the pixels, minus the flash photo's",
        FLASH,
    ),
    Metric(
        "tint",
        "tint",
        lambda image, flash: float((tint(image) - tint(flash)).norm()),
        1,
        "distance of the mean a*b* from the flash photo's",
        FLASH,
    ),
)
"""All metrics but LPIPS, in the order of the table's columns."""


class Scene(NamedTuple):
    """An upright pair; ``truth`` is the ambient photo in 8-bit sRGB."""

    name: str
    flash: Image.Image
    truth: Image.Image


System = Callable[[Scene], Image.Image | None]
"""A function that returns its picture of a scene, or None if it has none."""

OnScene = Callable[[Scene, dict[str, Image.Image]], None]
"""A function that receives each scene and its pictures by system."""


class Score(NamedTuple):
    """The values of the metrics, by name, for one system's picture of one scene."""

    scene: str
    system: str
    values: dict[str, float]


def lpips_metric(report: Report) -> Metric | None:
    """Return LPIPS (arXiv 1801.03924, AlexNet), or None if ``lpips`` is missing or (with a report) cannot be loaded."""
    try:
        distance: Any = importlib.import_module("lpips").LPIPS(net="alex", verbose=False).eval()
    except ImportError:
        return None
    except Exception as error:  # it downloads its weights, which can fail in many ways
        report(f"LPIPS is left out: its weights could not be downloaded ({first_line(error)})")
        return None

    @torch.inference_mode()
    def measure(image: Tensor, truth: Tensor) -> float:
        return float(distance(image * 2 - 1, truth * 2 - 1))

    return Metric("lpips", "LPIPS", measure, 3, "lower is better")


def score_scenes(
    pairs: Sequence[PairFiles],
    systems: Mapping[str, System],
    metrics: Sequence[Metric],
    report: Report,
    on_scene: OnScene | None = None,
    *,
    normalize_exposure: bool = False,
) -> list[Score]:
    """Measure every system on every pair, with one scene in memory at a time.

    Args:
        report: called with a sentence about each pair or picture that cannot be used and is left out.
        on_scene: called with each scene and its pictures by system, all of the truth's size.
        normalize_exposure: bring the truth to the standard exposure first, as training validates.

    Raises:
        DataError: no pair can be used.
    """
    scores: list[Score] = []
    for pair in tqdm(pairs, unit="scene", leave=False, disable=None):  # shown on a terminal only
        try:
            scene = read_scene(pair, normalize_exposure)
        except (PhotoError, DataError) as error:
            report(f"left out: {error}")
            continue
        pictures = {name: picture for name, system in systems.items() if (picture := _picture(system, scene, report))}
        references = {TRUTH: to_image(scene.truth), FLASH: to_image(rgb8(scene.flash))}
        for name, picture in pictures.items():
            image = to_image(picture)
            values = {metric.name: metric.measure(image, references[metric.reference]) for metric in metrics}
            scores.append(Score(scene.name, name, values))
        if on_scene:
            on_scene(scene, pictures)
    if not scores:
        raise DataError(f"none of {counted(len(pairs), 'pair')} can be used; the sentences above say why")
    return scores


def read_scene(pair: PairFiles, normalize_exposure: bool) -> Scene:
    """Read both photos of a pair.

    Raises:
        PhotoError: one of them cannot be read.
        DataError: they differ in size or are too small to compare.
    """
    flash, ambient = open_photo(pair.flash), rgb8(open_photo(pair.ambient))
    sizes = " and ".join(f"{photo.width}x{photo.height}" for photo in (flash, ambient))
    if flash.size != ambient.size:
        raise DataError(f"{pair.flash}: flash and ambient differ in size ({sizes}); crop them to the same view")
    if min(flash.size) < MIN_SIDE:
        raise DataError(f"{pair.flash}: too small to be compared ({sizes}); give sides of at least {MIN_SIDE}")
    if normalize_exposure:
        ambient = to_picture(expose(to_image(ambient)))
    return Scene(pair.name, flash, ambient)


def _picture(system: System, scene: Scene, report: Report) -> Image.Image | None:
    """Return the system's picture in 8-bit sRGB at the truth's size, or None if there is none."""
    try:
        photo = system(scene)
    except PhotoError as error:
        report(f"left out: {error}")
        return None
    if photo is None or photo.size == scene.truth.size:
        return photo and rgb8(photo)
    sizes = f"{photo.width}x{photo.height} and not {scene.truth.width}x{scene.truth.height}"
    report(f"{scene.name}: the picture of another system is {sizes}; it was resized to be measured")
    return rgb8(photo).resize(scene.truth.size, Image.Resampling.BICUBIC)


def rgb8(photo: Image.Image) -> Image.Image:
    """Convert a photo of any mode and profile to 8-bit sRGB."""
    return Photo.from_pil(photo).to_srgb()
