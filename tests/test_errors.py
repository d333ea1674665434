"""Errors as users see them: one printable sentence."""

import pytest
from huggingface_hub.errors import HFValidationError

from f2a.data.cache import DataError
from f2a.errors import F2aError, counted, first_line
from f2a.hub import HubError, hub_errors, parse_repo_id
from f2a.photo import PhotoError


@pytest.mark.parametrize("kind", [F2aError, DataError, HubError])
def test_what_cannot_be_printed_is_spelled_out(kind):
    assert str(kind("a\nb\x1b[31m\udcff: é")) == "a\\nb\\x1b[31m\\udcff: é"
    assert str(PhotoError("a\nb.jpg", "is bad")) == "a\\nb.jpg: is bad"


def test_a_number_is_told_with_what_it_counts():
    assert [counted(number, "photo") for number in (0, 1, 20_000)] == ["0 photos", "1 photo", "20000 photos"]
    assert [counted(minutes, "minute") for minutes in (1.0, 0.5)] == ["1 minute", "0.5 minutes"]


def test_the_first_line_of_an_error():
    assert first_line(RuntimeError("it broke.\nTry this\nor that")) == "it broke"
    assert first_line(OSError(28, "No space left on device", "/srv/file")) == "No space left on device"
    assert first_line(KeyError()) == "KeyError"


def test_a_repository_and_its_revision():
    assert parse_repo_id("user/model") == ("user/model", None)
    assert parse_repo_id("user/model@v1.0") == ("user/model", "v1.0")
    assert parse_repo_id("user/model@") == ("user/model", None)


def test_the_hubs_errors_become_one_sentence_and_ours_pass():
    with pytest.raises(DataError, match=r"^user/data: not read \(bad name\); look again$"):  # noqa: SIM117
        with hub_errors("user/data: not read", "look again", DataError):
            raise HFValidationError("bad name.\nmore")
    with pytest.raises(DataError, match=r"^ours$"), hub_errors("user/data: not read"):
        raise DataError("ours")
