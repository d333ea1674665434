"""``f2a dataset push``: uploads a folder of pairs as a Hub dataset, with the photos' files unchanged."""

from pathlib import Path
from typing import Any

from huggingface_hub import HfApi

from f2a.data.cache import DataError, EncodedPair, decode_pair, report_skipped
from f2a.data.folder import PairFiles, find_pairs
from f2a.errors import Report, counted
from f2a.hub import HubError, create_repo, hub_errors, require_token
from f2a.photo import read_photo

SPLITS = ("train", "val", "test")
"""Sub-folders that become splits."""
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

Photographs of the same view, taken with flash and by ambient light alone. Each row is a pair: `name`, and the photos
`flash` and `ambient` of the same size, unchanged byte for byte.

| split | pairs |
|---|---|
{counts}

Licence: `{license}`.{license_note}

## Train f2a on it

```
python train_accelerate.py --dataset_name {repo_id} --dataset_split {first}{validation}
```

## Load it

```python
from datasets import load_dataset

pair = load_dataset("{repo_id}", split="{first}")[0]
pair["flash"], pair["ambient"]  # PIL images
```
"""
"""The dataset's card; :func:`dataset_card` fills it in."""


def push_dataset(folder: Path, repo_id: str, report: Report, *, private: bool = False, license: str = "other") -> str:
    """Push a folder of pairs as a dataset, with a split for each of train/, val/ and test/, and return its address.

    Without such sub-folders, all pairs form the split ``train``. Unusable pairs are named through ``report``.

    Raises:
        DataError: there is no such folder, or a split has no usable pair.
        HubError: no token, the Hub refuses or cannot be reached, or a photo of a public dataset has a GPS position.
    """
    require_token(repo_id)
    folders = [name for name in SPLITS if (folder / name).is_dir()]
    splits = {name: usable_pairs(folder / name if folders else folder, report) for name in folders or SPLITS[:1]}
    if not private:
        _check_positions(splits)
    remedy = "check name, token and connection, then run this again; photos that were uploaded are not sent again"
    with hub_errors(f"{repo_id}: the Hub did not accept it", remedy):
        address = create_repo(repo_id, "dataset", private=private)
        _upload(repo_id, splits, license)
    return address


def usable_pairs(folder: Path, report: Report) -> list[PairFiles]:
    """Return the pairs of a folder that training can use and report the others; :class:`DataError` if none is left."""
    index = find_pairs(folder)
    usable, skipped = [], list(index.skipped)
    for pair in index.files:
        try:
            decode_pair(EncodedPair.from_files(pair.flash, pair.ambient))
            usable.append(pair)
        except DataError as error:
            skipped.append(str(error))
    report_skipped(str(folder), len(usable), skipped, report)
    if not usable:
        raise DataError(f"{folder}: none of {counted(len(index.files), 'pair')} can be used; the first: {skipped[0]}")
    return usable


def _check_positions(splits: dict[str, list[PairFiles]]) -> None:
    for path in (path for pairs in splits.values() for pair in pairs for path in (pair.flash, pair.ambient)):
        if read_photo(path, keep_location=True).metadata.has_position():
            remedy = "remove it (exiftool -gps:all=), or push with --private"
            raise HubError(f"{path}: says where it was taken (GPS), which anybody could read; {remedy}")


def _upload(repo_id: str, splits: dict[str, list[PairFiles]], license: str) -> None:
    """Upload the card, then the photos, so that no photo is ever on the Hub without its licence."""
    from datasets import Dataset, DatasetDict, Features, Image, Value

    card = dataset_card(repo_id, {name: len(pairs) for name, pairs in splits.items()}, license)
    HfApi().upload_file(
        path_or_fileobj=card.encode(), path_in_repo="README.md", repo_id=repo_id, repo_type="dataset",
        commit_message="Add the dataset card",
    )  # fmt: skip
    features = Features({"name": Value("string"), "flash": Image(), "ambient": Image()})
    rows = {
        name: [dict(zip(features, map(str, pair), strict=True)) for pair in pairs] for name, pairs in splits.items()
    }
    tables: Any = {name: Dataset.from_list(pairs, features) for name, pairs in rows.items()}
    DatasetDict(tables).push_to_hub(repo_id, commit_message="Add pairs with f2a")


def dataset_card(repo_id: str, counts: dict[str, int], license: str) -> str:
    """Return the dataset card: licence, number of pairs per split, and how to use the dataset."""
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
