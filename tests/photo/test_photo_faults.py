"""Each row of docs/photo_faults.md: the file is made and relit again, and the result is right."""

import re

import pytest

from tests.photo.faults.case import Bench
from tests.photo.faults.table import CASES, DOCUMENT, row


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind} {case.made_with} {case.name}")
def test_what_comes_out_is_right(tmp_path, relighter, weights, case):
    result = case.result(Bench(relighter, weights), tmp_path / case.file_name)
    assert result == case.right
    assert row(case, result) in DOCUMENT.read_text(encoding="utf-8")


def test_the_document_has_these_rows_and_no_others():
    rows = [line for line in DOCUMENT.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d \|", line)]
    assert rows == [row(case, case.right) for case in CASES]
    assert len(rows) >= 60
    assert {case.kind for case in CASES} == set(range(1, 9))
