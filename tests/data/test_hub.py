"""Pairs from a Hub dataset: both layouts, faults in them, and pushing and reading over a loopback Hub."""

import io
import sys
import time

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, Image, Value
from PIL import Image as Photo
from pyarrow import parquet

from f2a.data.cache import DataError
from f2a.data.folder import read_pairs
from f2a.data.hub import HubSplit, pair_states, read_hub_pairs
from f2a.hub import HubError
from f2a.publish.dataset import push_dataset
from tests.support.commands import SMALL, refused, run, small_run
from tests.support.hub_stub import HubStub
from tests.support.pairs import write_pairs


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")


@pytest.fixture
def pairs(tmp_path):
    return write_pairs(tmp_path / "pairs", 3, size=(20, 16))


def a_row_each_pair(folder, target):
    """The layout that ``f2a dataset push`` writes, as a local folder of parquet files."""
    names = sorted(path.stem.removesuffix("_flash") for path in folder.glob("*_flash.png"))
    rows = {"name": names} | {h: [content(folder / f"{n}_{h}.png") for n in names] for h in ("flash", "ambient")}
    features = Features({"name": Value("string"), "flash": Image(), "ambient": Image()})
    return write_parquet(rows, features, target)


def a_row_each_photo(folder, target):
    """The layout of the FAID copy on the Hub, ambient photos first; the state is a class label."""
    photos = sorted(folder.glob("*.png"))
    halves = [("ambient", "flash").index(photo.stem.rpartition("_")[2]) for photo in photos]
    rows = {"image": [content(photo) for photo in photos], "place": [photo.stem.rpartition("_")[0] for photo in photos]}
    rows["state"] = [1 - half for half in halves]
    features = Features({"image": Image(), "place": Value("string"), "state": ClassLabel(names=["flash", "no-flash"])})
    return write_parquet(rows, features, target)


def content(path):
    return {"bytes": path.read_bytes(), "path": path.name} if path.exists() else None


def write_parquet(rows, features, target):
    target.mkdir(parents=True)
    Dataset.from_dict(rows, features).to_parquet(target / "train.parquet")
    return str(target)


@pytest.fixture
def read(tmp_path):
    def read(dataset, split="train", strict=False):
        messages = []
        return read_hub_pairs(
            HubSplit(dataset, split, pair_key="place"), tmp_path / "cache", messages.append, strict=strict
        ), messages

    return read


@pytest.mark.parametrize("layout", [a_row_each_pair, a_row_each_photo])
def test_pixels_are_those_of_the_folder(pairs, tmp_path, read, layout):
    ours, messages = read(layout(pairs, tmp_path / "hub"))
    theirs = read_pairs(pairs, tmp_path / "cache", messages.append)
    assert len(ours) == 3
    for one, other in zip(ours, theirs, strict=True):
        assert np.array_equal(one.flash, other.flash)
        assert np.array_equal(one.ambient, other.ambient)
        assert one.ambient_gain == other.ambient_gain
    assert messages[0] == f"{tmp_path / 'hub'} train: 3 pairs"


def test_photos_are_decoded_once(pairs, tmp_path, read, monkeypatch):
    dataset = a_row_each_pair(pairs, tmp_path / "hub")
    read(dataset)
    monkeypatch.setattr("f2a.data.cache.decode_pair", None)
    assert len(read(dataset)[0]) == 3


@pytest.mark.parametrize(
    ("layout", "fault"),
    [(a_row_each_pair, "'p1', ambient: is empty; copy it again from the camera"),
     (a_row_each_photo, "place 'p1': its ambient photo is missing")],
)  # fmt: skip
def test_a_pair_that_cannot_be_used_is_named_and_left_out(pairs, tmp_path, read, layout, fault):
    (pairs / "p1_ambient.png").unlink()
    dataset = layout(pairs, tmp_path / "hub")
    usable, messages = read(dataset)
    assert len(usable) == 2
    assert messages[0].startswith(f"left out: {dataset} train {fault}")
    assert messages[1:] == [f"{dataset} train: 2 pairs, 1 left out"]
    with pytest.raises(DataError, match=rf"{fault}.* \(1 unusable in .* without --strict_data they are left out"):
        read(dataset, strict=True)


def test_rows_are_paired_by_what_they_share_and_the_rest_is_named():
    source = HubSplit("user/data", pair_key="scene")
    keys = ["a", "b", "b", "a", "a", "c", None]
    rows, skipped = pair_states(keys, ["Flash", "No Flash", "flash_on", "ambient", "flash", "lamp", "flash"], source)
    assert [tuple(pair) for pair in rows] == [("user/data train scene 'a'", 0, 3), ("user/data train scene 'b'", 2, 1)]
    assert skipped == [
        "user/data train row 4: a second flash photo of scene 'a'",
        "user/data train row 5: state 'lamp' is neither flash nor ambient (or no_flash)",
        "user/data train row 6: has no scene",
    ]


def columns_of_others(folder, target):
    return write_parquet({"photo": ["a"], "text": ["b"]}, None, target)


def no_images(folder, target):
    return write_parquet({n: ["x"] for n in ("flash", "ambient")}, None, target)


def places_in_lists(folder, target):
    features = Features({"image": Image(), "place": [Value("string")], "state": Value("string")})
    return write_parquet({"image": [None], "place": [["a"]], "state": ["flash"]}, features, target)


NEEDED = "it needs flash and ambient, or image, state and place"


@pytest.mark.parametrize(
    ("layout", "split", "sentence"),
    [
        (columns_of_others, "train", f"has the columns photo, text; {NEEDED}"),
        (no_images, "train", "column flash holds Value('string'); it must hold images"),
        (places_in_lists, "train", "it must hold text or numbers"),
        (a_row_each_pair, "soup", "Unknown split \"soup\". Should be one of ['train']"),
    ],
)
def test_another_layout_or_split_is_described(pairs, tmp_path, read, layout, split, sentence):
    with pytest.raises(DataError) as error:
        read(layout(pairs, tmp_path / "hub"), split=split)
    assert sentence in str(error.value)


# Over HTTP, through the real client libraries


@pytest.fixture(scope="module")
def hub():
    with HubStub() as running:
        yield running


@pytest.fixture
def client(hub, monkeypatch):
    """Let the client libraries use ``hub``, without pauses between attempts."""
    hub.in_process(monkeypatch)
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four pairs for training, one without its partner, and one for validation."""
    root = tmp_path_factory.mktemp("data")
    write_pairs(root / "train", 4)
    (root / "train" / "p3_ambient.png").unlink()
    write_pairs(root / "val", 1)
    return root


@pytest.fixture(scope="module")
def pushed(hub, folder):
    with pytest.MonkeyPatch.context() as patch:
        hub.in_process(patch)
        done = run("f2a", "dataset", "push", folder, "user/data", "--private")
    assert done.status == 0, done.err
    return done


def test_a_pushed_dataset_is_trained_from(hub, client, pushed, tmp_path):
    assert pushed.out == f"{hub.endpoint}/datasets/user/data\n"
    assert "p3_flash.png: its partner p3_ambient.* is missing" in pushed.err
    repo = hub.repo("user/data", "dataset")
    assert repo.private
    card = repo.files()["README.md"].decode()
    assert card.startswith("---\nlicense: other\n")
    assert "| train | 3 |\n| val | 1 |" in card
    assert "--dataset_name user/data --dataset_split train --validation_split val" in card
    flags = ("--dataset_name", "user/data", "--validation_split", "val", "--output_dir", tmp_path / "run", *SMALL)
    done = run("train", *flags)
    assert done.status == 0, done.err
    assert done.out.splitlines()[:2] == ["user/data train: 3 pairs", "user/data val: 1 pair"]
    assert (tmp_path / "run" / "best" / "model.safetensors").exists()


def test_the_photos_are_pushed_byte_for_byte(hub, pushed, folder):
    files = hub.repo("user/data", "dataset").files()
    (row,) = parquet.read_table(io.BytesIO(files["data/val-00000-of-00001.parquet"])).to_pylist()
    assert row["flash"]["bytes"] == (folder / "val" / "p0_flash.png").read_bytes()
    assert row["name"] == "p0"


def test_what_the_hub_refuses_is_one_sentence_and_status_2(client, pushed, tmp_path):
    train = ("train", "--output_dir", tmp_path / "run", "--dataset_name")
    sentences = refused(
        (*train, "user/none"),
        (*train, "user/data", "--dataset_revision", "none"),
        (*train, "user/data", "--dataset_split", "none"),
        (*train, "no such name"),
    )
    reasons = ("user/none train:", "Revision 'none'", 'split "none"', "no such name")
    for message, reason in zip(sentences, reasons, strict=True):
        assert message.startswith("train_accelerate.py: ")
        assert reason in message


def test_without_a_token_a_private_dataset_is_not_there_and_none_is_pushed(hub, pushed, folder, tmp_path, monkeypatch):
    hub.in_process(monkeypatch, home=tmp_path / "stranger")
    monkeypatch.delenv("HF_TOKEN")
    train = ("train", "--output_dir", tmp_path / "run", "--dataset_name", "user/data")
    reading, writing = refused(train, ("f2a", "dataset", "push", folder, "user/second"))
    assert "a private one needs hf auth login or --hub_token" in reading
    assert writing == "f2a: user/second: writing to the Hub needs a token: run hf auth login, or set HF_TOKEN"


def test_a_line_that_breaks_is_one_sentence_and_status_2(hub, client, pushed, folder, tmp_path, monkeypatch):
    hub.in_process(monkeypatch, home=tmp_path / "afresh")
    fault = hub.fail("train-00000|/storage/", method="GET|PUT", cut=0.5)
    train = ("train", "--output_dir", tmp_path / "run", "--dataset_name", "user/data")
    reading, writing = refused(train, ("f2a", "dataset", "push", folder, "user/third"))
    hub.faults.clear()
    assert fault.hits
    assert "user/data train: could not be read from the Hub (" in reading
    assert "user/third: the Hub did not accept it (" in writing


def test_a_public_dataset_that_is_there_is_not_taken_for_private(hub, client, folder):
    hub.add_repo("user/public", "dataset")
    hub.add_repo("other/data", "dataset")
    public, foreign, missing = refused(
        ("f2a", "dataset", "push", folder, "user/public", "--private"),
        ("f2a", "dataset", "push", folder, "other/data"),
        ("f2a", "dataset", "push", folder / "none", "user/data"),
    )
    assert "exists already and is public" in public
    assert "403" in foreign
    assert "no such folder of pairs" in missing
    assert list(hub.repo("user/public", "dataset").files()) == [".gitattributes"]


def test_a_photo_that_tells_where_it_was_taken_is_not_made_public(tmp_path, monkeypatch):
    folder = write_pairs(tmp_path / "pairs", 1)
    exif = Photo.Exif()
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 0.0)}
    Photo.open(folder / "p0_flash.png").save(folder / "p0_flash.jpg", exif=exif)
    (folder / "p0_flash.png").unlink()
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    with pytest.raises(HubError, match=r"p0_flash\.jpg: says where it was taken .* or push with --private"):
        push_dataset(folder, "user/data", lambda sentence: None)


def test_training_from_a_folder_never_imports_datasets(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)  # importing it is an error
    assert run("train", *small_run(write_pairs(tmp_path / "pairs", 2), tmp_path / "run", *SMALL)).status == 0
