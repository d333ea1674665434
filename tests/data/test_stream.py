"""Pairs read while training: their order, how many a process keeps, and resuming over a loopback Hub."""

import io
import time
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import HfApi
from PIL import Image as Photo
from pyarrow import Table, parquet
from safetensors.torch import load_file

from f2a.data import stream
from f2a.data.cache import DataError
from f2a.data.hub import HubSplit
from f2a.data.sampling import MixtureSampler, WeightedSource
from f2a.data.stream import WINDOW, RowGroup, StreamedPairs, read_streamed_once
from tests.support.commands import SMALL, refused, run
from tests.support.pairs import write_pairs

ROWS = 3
"""Number of rows in each group in these tests."""


def encoded(folder):
    names = sorted(path.stem.removesuffix("_flash") for path in folder.glob("*_flash.png"))
    files = ({half: folder / f"{name}_{half}.png" for half in ("flash", "ambient")} for name in names)
    return [{half: {"bytes": path.read_bytes()} for half, path in both.items()} for both in files]


@pytest.fixture
def streamed(tmp_path, monkeypatch):
    """``streamed(groups)`` returns that many groups of three pairs from disk, the groups fetched, and the messages."""

    def make(groups, rows=None, strict=False):
        rows = rows or encoded(write_pairs(tmp_path / "pairs", groups * ROWS, size=(7, 5)))
        fetched, messages = [], []

        def fetch(group, source):
            fetched.append(group.number)
            return rows[group.first : group.first + group.rows]

        row_groups = [RowGroup("url", number, number * ROWS, ROWS) for number in range(groups)]
        monkeypatch.setattr(stream, "_groups", lambda source: row_groups)
        monkeypatch.setattr(stream, "_fetch", fetch)
        return StreamedPairs(HubSplit("user/data"), messages.append, strict=strict), fetched, messages

    return make


def test_an_epoch_has_every_pair_once_and_fetches_every_group_once(streamed):
    pairs, fetched, messages = streamed(2 * WINDOW + 1)
    assert messages == [f"user/data train: {len(pairs)} pairs in 9 row groups, read while training"]
    draws = MixtureSampler([WeightedSource(pairs, 1.0)], seed=3)
    files = [draws[draw].file for draw in range(2 * len(pairs))]
    assert sorted(files[: len(pairs)]) == sorted(f"user/data train row {row}, flash" for row in range(len(pairs)))
    assert files[: len(pairs)] != files[len(pairs) :]
    assert len(fetched) <= 2 * 9
    assert pairs.fetch.cache_info().currsize <= WINDOW


def test_a_draw_does_not_depend_on_those_before_it(streamed):
    pairs, _, _ = streamed(6)
    through = [MixtureSampler([WeightedSource(pairs, 1.0)], seed=1)[draw].file for draw in range(40)]
    pairs, fetched, _ = streamed(6)
    assert [MixtureSampler([WeightedSource(pairs, 1.0)], seed=1)[draw].file for draw in range(30, 40)] == through[30:]
    assert len(fetched) <= 2 * WINDOW
    assert [MixtureSampler([WeightedSource(pairs, 1.0)], seed=2)[draw].file for draw in range(40)] != through


def test_a_broken_pair_is_named_once_and_the_next_takes_its_place(streamed, tmp_path):
    rows = encoded(write_pairs(tmp_path / "more", ROWS, size=(7, 5)))
    rows[1]["ambient"] = None
    pairs, _, messages = streamed(1, rows)
    assert [pairs[row].file for row in (1, 1, 2)] == ["user/data train row 2, flash"] * 3
    named = "user/data train row 1, ambient: is empty; copy it again from the camera"
    assert [sentence for sentence in messages if named in sentence] == messages[1:]
    assert len(messages) == 2
    with pytest.raises(DataError, match="row 1, ambient: is empty"):
        streamed(1, rows, strict=True)[0][1]
    with pytest.raises(DataError, match="none of the rows from 0 on can be used"):
        streamed(1, [{"flash": None, "ambient": None}] * ROWS)[0][0]


@pytest.fixture
def hub(hub, tmp_path):
    """``user/data`` with six pairs in three row groups of train and two in val; ``user/photos`` in another layout;
    ``user/empty`` without rows; ``user/texts`` without pictures."""
    for repo, split, table, size in (
        ("data", "train", Table.from_pylist(encoded(write_pairs(tmp_path / "a", 6))), 2),
        ("data", "val", Table.from_pylist(encoded(write_pairs(tmp_path / "b", 2))), 2),
        ("photos", "train", Table.from_pylist([{"image": None, "scene": "a", "state": "flash"}]), 1),
        ("empty", "train", Table.from_pylist(encoded(tmp_path / "b")).slice(0, 0), 1),
        ("texts", "train", Table.from_pydict({"flash": ["a"], "ambient": ["b"]}), 1),
    ):
        file = io.BytesIO()
        parquet.write_table(table, file, row_group_size=size)
        HfApi().create_repo(f"user/{repo}", repo_type="dataset", exist_ok=True)
        target = {"repo_id": f"user/{repo}", "repo_type": "dataset", "path_in_repo": f"data/{split}-0.parquet"}
        HfApi().upload_file(path_or_fileobj=file.getvalue(), **target)
    return hub


def test_a_streamed_run_goes_on_bit_for_bit_and_keeps_nothing(hub, tmp_path):
    data = ("--dataset_name", "user/data", "--streaming", "--validation_split", "validation", *SMALL)
    kept = ("--max_train_steps", "4", "--checkpointing_steps", "2", "--checkpoints_total_limit", "0")
    through, on = tmp_path / "through", tmp_path / "on"
    assert run("train", *data, *kept, "--output_dir", through).status == 0
    from_2 = ("--resume_from_checkpoint", through / "checkpoint-000002")
    assert run("train", *data, "--max_train_steps", "4", *from_2, "--output_dir", on).status == 0
    one, other = (load_file(run / "last" / "model.safetensors") for run in (through, on))
    assert all(tensor.equal(other[name]) for name, tensor in one.items())
    (cached,) = (through / "cache").glob("*.u8")
    assert cached.stat().st_size == 2 * 2 * 96 * 80 * 3  # of val alone
    assert not list(Path(hub.home.name).rglob("*.arrow"))


def test_rows_come_over_the_line_a_group_at_a_time(hub, tmp_path):
    lines = []
    pairs = StreamedPairs(HubSplit("user/data"), lines.append)
    assert [pairs[row].flash.shape for row in (5, 0)] == [(80, 96, 3)] * 2
    kept = read_streamed_once(HubSplit("user/data", "validation"), tmp_path / "cache", lines.append)
    for source, name in ((pairs, "a"), (kept, "b")):
        assert np.array_equal(source[0].flash, np.asarray(Photo.open(tmp_path / name / "p0_flash.png")))
    assert pairs.fetch.cache_info().currsize == 2
    assert lines == ["user/data train: 6 pairs in 3 row groups, read while training", "user/data validation: 2 pairs"]


def test_what_cannot_be_streamed_is_one_sentence_and_status_2(hub, tmp_path):
    stream = ("train", "--streaming", "--output_dir", tmp_path / "run", "--dataset_name")
    soup = (*stream, "user/data", "--dataset_split", "soup")
    names = ("photos", "texts", "none", "empty")
    layout, texts, nobody, empty, split = refused(*((*stream, f"user/{name}") for name in names), soup)
    assert "has the columns image, scene, state; --streaming needs flash and ambient in one row" in layout
    assert texts.endswith("user/texts train: column flash holds string; it must hold images")
    assert "'user/none' doesn't exist" in nobody
    assert empty.endswith("user/empty train: no rows; the dataset has the splits train")
    assert "user/data soup: no rows; the dataset has the splits train, validation" in split


def test_a_stream_that_breaks_says_how_to_go_on(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # the client's pauses between two attempts
    fault = hub.fail("train-0", method="GET", status=500)
    (line,) = refused(("train", "--streaming", "--dataset_name", "user/data", "--output_dir", tmp_path / "run", *SMALL))
    assert fault.hits
    assert "could not be read" in line
