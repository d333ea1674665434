"""The systems to be measured: the flash photo itself, relighters, classic methods, and pictures in files."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from f2a.data.cache import HALVES, DataError
from f2a.data.folder import PairFiles
from f2a.evaluation.baselines import BASELINES, Baseline
from f2a.evaluation.scores import FLASH, System, rgb8
from f2a.files import is_same_file
from f2a.images import to_image, to_picture
from f2a.photo import is_hidden, is_photo, open_photo
from f2a.relight.relighter import Relighter

PREDICTION_ENDS = ("", "_ambient", "_flash_ambient")
"""What may follow a scene's name in a file name: as in other programs, the pairs and ``f2a relight``."""


def collect_systems(
    pairs: Sequence[PairFiles], relighters: Mapping[str, Relighter], predictions: Sequence[Path], *, baselines: bool
) -> dict[str, System]:
    """Return all systems by name, the flash photo first.

    Args:
        relighters: by the name of their row.
        predictions: folders, each with another system's pictures, named after the scenes (:data:`PREDICTION_ENDS`).
        baselines: whether to add the classic methods.

    Raises:
        DataError: a folder of predictions does not exist or has none for these pairs.
    """
    systems: dict[str, System] = {FLASH: lambda scene: scene.flash}
    systems |= {name: relighter_system(relighter) for name, relighter in relighters.items()}
    if baselines:
        systems |= {name: baseline_system(baseline) for name, baseline in BASELINES.items()}
    for label, files in find_pictures_beside_pairs(pairs).items():
        systems[f"{label} (file)" if label in systems else label] = picture_files(files)
    for folder in predictions:
        systems[str(folder) if folder.name in systems else folder.name] = picture_files(find_predictions(folder, pairs))
    return systems


def relighter_system(relighter: Relighter) -> System:
    """Return a system that relights the flash photo."""
    return lambda scene: relighter(scene.flash)


def baseline_system(baseline: Baseline) -> System:
    """Return a system that applies a classic method to the flash photo in 8-bit sRGB."""
    return lambda scene: to_picture(baseline(to_image(rgb8(scene.flash))))


def picture_files(files: Mapping[str, Path]) -> System:
    """Return a system whose pictures are the ``files``, by scene."""
    return lambda scene: open_photo(files[scene.name]) if scene.name in files else None


def find_pictures_beside_pairs(pairs: Sequence[PairFiles]) -> dict[str, dict[str, Path]]:
    """Find ``NAME_LABEL.*`` in the folder of the pair ``NAME``: files by label, then scene; the longest NAME wins."""
    pictures: dict[str, dict[str, Path]] = {}
    for folder in dict.fromkeys(pair.flash.parent for pair in pairs):
        names = {Path(pair.name).name: pair.name for pair in pairs if pair.flash.parent == folder}
        longest_first = sorted(names, key=len, reverse=True)
        for path in sorted(folder.iterdir()):
            owner = next((name for name in longest_first if path.stem.startswith(f"{name}_")), None)
            label = path.stem.removeprefix(f"{owner}_")
            if owner and is_photo(path) and label.lower() not in HALVES:
                pictures.setdefault(label, {})[names[owner]] = path
    return pictures


def find_predictions(folder: Path, pairs: Sequence[PairFiles]) -> dict[str, Path]:
    """Return the pictures in a folder of predictions, by scene.

    Raises:
        DataError: the folder does not exist, or contains no picture of these scenes.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder of predictions")
    photos = {
        str(path.relative_to(folder).with_suffix("")): path
        for path in sorted(folder.rglob("*"))
        if is_photo(path) and not is_hidden(path.relative_to(folder))
    }
    predictions = {}
    for pair in pairs:
        stems = [f"{name}{end}" for name in (pair.name, Path(pair.name).name) for end in PREDICTION_ENDS]
        path = next((photos[stem] for stem in stems if stem in photos), None)
        if path and not is_same_file(path, pair.ambient):
            predictions[pair.name] = path
    if not predictions:
        name = pairs[0].name
        raise DataError(f"{folder}: has no picture of these scenes; name them like {name}.png or {name}_ambient.png")
    return predictions
