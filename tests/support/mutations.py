"""Ten faults planted into a copy of the project, one at a time; for each, the test that must fail and says what broke.

``python -m tests.support.mutations`` plants them, and prints which were caught.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Fault(NamedTuple):
    """``right`` stands once in ``file`` and becomes ``wrong``; ``test`` must fail then."""

    file: str
    right: str
    wrong: str
    test: str


FAULTS = [
    Fault(
        "f2a/training/attention.py",
        "return 1 - (flash - ambient).abs()",
        "return 1 - (flash - ambient)",
        "training/test_attention.py::test_it_is_the_same_both_ways_and_inside_0_and_1",
    ),
    Fault(
        "f2a/training/losses.py",
        "judge(relit.detach() * attention), judge(ambient",
        "judge(relit * attention), judge(ambient",
        "training/test_losses.py::test_the_discriminators_loss_gives_the_generator_no_gradient_and_its_judgement_does",
    ),
    Fault(
        "f2a/color.py",
        "counts) < mean * image.numel():",
        "counts) > mean * image.numel():",
        "test_color.py::test_exposure_is_brought_to_the_wanted_mean",
    ),
    Fault(
        "f2a/relight/render.py",
        "self.slope[below] - self.slope[above]",
        "self.slope[above] - self.slope[above]",
        "relight/test_gain.py::test_slope_and_offset_are_enlarged_bilinearly",
    ),
    Fault(
        "f2a/photo/metadata/exif.py",
        "(set() if keep_private else PRIVATE)",
        "(set() if not keep_private else PRIVATE)",
        "photo/test_metadata.py::test_place_serial_numbers_thumbnail_and_orientation_are_taken_out_of_exif",
    ),
    Fault(
        "f2a/photo/limits.py",
        "* bytes_per_pixel > MAX_BYTES:",
        "> MAX_BYTES:",
        "photo/test_photo.py::test_more_pixels_than_memory_should_hold_are_refused_before_they_are_decoded",
    ),
    Fault(
        "f2a/relight/batch.py",
        "elif os.path.exists(target) and not overwrite and",
        "elif os.path.exists(target) and overwrite and",
        "relight/test_batch.py::test_a_run_that_was_stopped_goes_on_where_it_was",
    ),
    Fault(
        "f2a/data/folder.py",
        "random_of(self.seed, origin, epoch)",
        "random_of(self.seed, origin)",
        "data/test_data.py::test_an_epoch_has_every_pair_once_and_the_next_another_order",
    ),
    Fault(
        "f2a/training/checkpoint.py",
        "if _digest(folder / name) != digest:",
        "if not (folder / name).exists():",
        "training/test_training.py::test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken",
    ),
    Fault(
        "f2a/page/text.py",
        "{html.escape(sentence)}</p>",
        "{sentence}</p>",
        "page/test_service.py::test_what_is_said_is_text_and_never_markup",
    ),
]


def plant(fault: Fault, root: Path) -> None:
    path = root / fault.file
    text = path.read_text(encoding="utf-8")
    assert text.count(fault.right) == 1, f"{fault.file} has no single {fault.right!r}"
    path.write_text(text.replace(fault.right, fault.wrong), encoding="utf-8")


def is_caught(fault: Fault, root: Path) -> bool:
    """Whether the test passes without the fault in ``root`` and fails with it; ``root`` is as before afterwards."""
    path, before = root / fault.file, (root / fault.file).read_bytes()
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", f"tests/{fault.test}"]
    passed = subprocess.run(command, cwd=root, capture_output=True).returncode == 0
    plant(fault, root)
    failed = subprocess.run(command, cwd=root, capture_output=True).returncode == 1
    path.write_bytes(before)
    return passed and failed


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "f2a"
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(".git", ".*cache", "__pycache__", "runs"))
        missed = 0
        for fault in FAULTS:
            caught = is_caught(fault, root)
            missed += not caught
            print(f"{'caught' if caught else 'MISSED'}  {fault.file}: {fault.wrong}\n        {fault.test}", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
