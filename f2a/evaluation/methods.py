"""Whose pictures are measured: the flash photo itself, ours, classic methods, and anybody's files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from f2a.data.folder import HALVES, DataError, PairFiles
from f2a.evaluation.baselines import BASELINES, Baseline
from f2a.evaluation.scores import FLASH, Scene, System, rgb8
from f2a.images import to_image, to_picture
from f2a.photo import is_hidden, is_photo, open_photo
from f2a.relight.relighter import Relighter

PREDICTION_ENDS = ("", "_ambient", "_flash_ambient")
"""After a scene's name: another program's way, the pairs' way, and that of ``python -m f2a relight``."""


def collect_systems(
    pairs: Sequence[PairFiles], relighters: Mapping[str, Relighter], predictions: Sequence[Path], *, baselines: bool
) -> dict[str, System]:
    """Every system by its name, the flash photo first.

    Args:
        relighters: our weights, by the name of their row.
        predictions: folders of another system's pictures, named as the scenes are (:data:`PREDICTION_ENDS`).
        baselines: the classic methods too.

    Raises:
        DataError: a folder of predictions has none for these pairs.
    """
    systems: dict[str, System] = {FLASH: lambda scene: scene.flash}
    systems |= {name: ours(relighter) for name, relighter in relighters.items()}
    if baselines:
        systems |= {name: classic(baseline) for name, baseline in BASELINES.items()}
    for label, files in pictures_beside(pairs).items():
        systems[f"{label} (file)" if label in systems else label] = from_files(files)
    for folder in predictions:
        systems[str(folder) if folder.name in systems else folder.name] = from_files(predicted(folder, pairs))
    return systems


def ours(relighter: Relighter) -> System:
    return lambda scene: relighter(scene.flash)


def classic(baseline: Baseline) -> System:
    return lambda scene: to_picture(baseline(to_image(rgb8(scene.flash))))


def from_files(files: Mapping[str, Path]) -> System:
    """A system that left its pictures in ``files``, by scene."""

    def picture(scene: Scene) -> Image.Image | None:
        path = files.get(scene.name)
        return open_photo(path) if path else None

    return picture


def pictures_beside(pairs: Sequence[PairFiles]) -> dict[str, dict[str, Path]]:
    """``NAME_LABEL.*`` beside the pair ``NAME``: label to scene to file. The longest name that fits owns a file."""
    found: dict[str, dict[str, Path]] = {}
    for folder in dict.fromkeys(pair.flash.parent for pair in pairs):
        names = {Path(pair.name).name: pair.name for pair in pairs if pair.flash.parent == folder}
        longest_first = sorted(names, key=len, reverse=True)
        for path in sorted(folder.iterdir()):
            owner = next((name for name in longest_first if path.stem.startswith(f"{name}_")), None)
            label = path.stem.removeprefix(f"{owner}_")
            if owner and is_photo(path) and label.lower() not in HALVES:
                found.setdefault(label, {})[names[owner]] = path
    return found


def predicted(folder: Path, pairs: Sequence[PairFiles]) -> dict[str, Path]:
    """Scene to the picture of it in a folder of predictions.

    Raises:
        DataError: no such folder, or no picture of these scenes in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of predictions")
    photos = {
        str(path.relative_to(folder).with_suffix("")): path
        for path in sorted(folder.rglob("*"))
        if is_photo(path) and not is_hidden(path.relative_to(folder))
    }
    found = {}
    for pair in pairs:
        stems = [f"{name}{end}" for name in (pair.name, Path(pair.name).name) for end in PREDICTION_ENDS]
        path = next((photos[stem] for stem in stems if stem in photos), None)
        if path and path.resolve() != pair.ambient.resolve():
            found[pair.name] = path
    if not found:
        name = pairs[0].name
        raise DataError(f"{folder}: no picture of these scenes in it; name them like {name}.png or {name}_ambient.png")
    return found
