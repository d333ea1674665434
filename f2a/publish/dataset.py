"""``python -m f2a dataset push``: a folder of pairs as a dataset on the Hub, photos byte for byte as they are."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from f2a.data.cache import DataError, EncodedPair, EncodedPhoto, decode_photos
from f2a.data.folder import PairFiles, find_pairs
from f2a.hub import HubError, hub_errors
from f2a.photo import read_photo

if TYPE_CHECKING:
    from huggingface_hub import HfApi

SPLITS = ("train", "val", "test")
CARD = """---
license: {license}
task_categories:
- image-to-image
tags:
- relighting
- flash-photography
pretty_name: {title}
---
# {title}

Photographs taken twice from one place: with flash, and by ambient light alone. Each row is a pair: `name`, and the
photos `flash` and `ambient` of the same size, byte for byte as they were in their files.

| split | pairs |
|---|---|
{counts}

Licence: `{license}`.{license_note}

## Train f2a from it

```
accelerate launch train_accelerate.py --dataset_name {repo_id} --dataset_split {first}{validation}
```

## Load it

```python
from datasets import load_dataset

pair = load_dataset("{repo_id}", split="{first}")[0]
pair["flash"], pair["ambient"]  # PIL images
```
"""


def push_dataset(
    folder: Path, repo_id: str, report: Callable[[str], None], *, private: bool = False, license: str = "other"
) -> str:
    """Make the dataset ``repo_id`` from a folder of pairs, a split for each of train/, val/ and test/; its address.

    Without such sub-folders everything is ``train``. Pairs that cannot be used are named through ``report``, left out.

    Raises:
        DataError: no pair is usable.
        HubError: no token, the Hub refused or was not reached, or a photo tells a public where it was taken.
    """
    from huggingface_hub import HfApi, get_token

    if not get_token():
        raise HubError(f"{repo_id}: writing to the Hub needs a token: run hf auth login, or set HF_TOKEN")
    if not folder.is_dir():
        raise HubError(f"{folder}: no such folder of pairs")
    folders = [name for name in SPLITS if (folder / name).is_dir()]
    splits = {name: usable_pairs(folder / name if folders else folder, report) for name in folders or SPLITS[:1]}
    if not private:
        _refuse_positions(splits)
    remedy = "check name, token and connection, then run this again; photos that arrived are not sent twice"
    with hub_errors(f"{repo_id}: the Hub did not take it", remedy):
        api = HfApi()
        address = api.create_repo(repo_id, repo_type="dataset", private=private or None, exist_ok=True)
        if private and not api.dataset_info(repo_id).private:
            raise HubError(f"{repo_id}: is there already and public; make it private on its page, or choose another")
        _upload(api, repo_id, splits, license)
    return str(address)


def usable_pairs(folder: Path, report: Callable[[str], None]) -> list[PairFiles]:
    """The pairs of a folder that training can use; each one that it cannot is named through ``report``.

    Raises:
        DataError: none is usable.
    """
    index = find_pairs(folder)
    usable, skipped = [], list(index.skipped)
    for pair in index.files:
        try:
            decode_photos(EncodedPair(*(EncodedPhoto(str(path), path) for path in (pair.flash, pair.ambient))))
            usable.append(pair)
        except DataError as error:
            skipped.append(str(error))
    for sentence in skipped:
        report(f"left out: {sentence}")
    if not usable:
        raise DataError(f"{folder}: none of {len(index.files)} pairs can be used; the first: {skipped[0]}")
    report(f"{folder}: {len(usable)} pairs" + (f", {len(skipped)} left out" if skipped else ""))
    return usable


def _refuse_positions(splits: dict[str, list[PairFiles]]) -> None:
    for path in (path for pairs in splits.values() for pair in pairs for path in (pair.flash, pair.ambient)):
        if read_photo(path, keep_location=True).metadata.has_position():
            remedy = "remove it (exiftool -gps:all=), or push with --private"
            raise HubError(f"{path}: tells where it was taken (GPS), which everybody could read; {remedy}")


def _upload(api: "HfApi", repo_id: str, splits: dict[str, list[PairFiles]], license: str) -> None:
    """The card first, so that no photo is ever there without its licence; then the photos."""
    from datasets import Dataset, DatasetDict, Features, Image, Value

    card = write_card(repo_id, {name: len(pairs) for name, pairs in splits.items()}, license)
    api.upload_file(
        path_or_fileobj=card.encode(), path_in_repo="README.md", repo_id=repo_id, repo_type="dataset",
        commit_message="Say what this is",
    )  # fmt: skip
    features = Features({"name": Value("string"), "flash": Image(), "ambient": Image()})
    tables: dict[str, Any] = {name: Dataset.from_dict(_columns(pairs), features) for name, pairs in splits.items()}
    DatasetDict(tables).push_to_hub(repo_id, commit_message="Add pairs with f2a")


def _columns(pairs: list[PairFiles]) -> dict[str, list[str]]:
    flash, ambient = ([str(path) for path in paths] for paths in zip(*(pair[1:] for pair in pairs), strict=True))
    return {"name": [pair.name for pair in pairs], "flash": flash, "ambient": ambient}


def write_card(repo_id: str, counts: dict[str, int], license: str) -> str:
    """The dataset card: license, pairs per split, and the commands that use them."""
    validation = next((name for name in counts if name != next(iter(counts))), None)
    return CARD.format(
        repo_id=repo_id,
        title=repo_id.rpartition("/")[2],
        license=license,
        license_note=" Ask the photographers before you use them." if license == "other" else "",
        counts="\n".join(f"| {name} | {count} |" for name, count in counts.items()),
        first=next(iter(counts)),
        validation=f" --validation_split {validation}" if validation else "",
    )
