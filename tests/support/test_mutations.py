"""The faults of tests/support/mutations.py can still be planted; that they are caught is a run of its own."""

import shutil

import pytest

from tests.support.mutations import FAULTS, ROOT, plant


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.file)
def test_every_fault_has_its_place_and_its_test(fault, tmp_path):
    (tmp_path / fault.file).parent.mkdir(parents=True)
    shutil.copy(ROOT / fault.file, tmp_path / fault.file)
    plant(fault, tmp_path)
    file, _, name = fault.test.partition("::")
    assert f"\ndef {name}(" in (ROOT / "tests" / file).read_text(encoding="utf-8")
