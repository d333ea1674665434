"""All cases, and the document that lists them."""

import tempfile
from pathlib import Path

from f2a.relight.relighter import Relighter
from tests.conftest import brightening_checkpoint
from tests.photo.faults import colors, folders, jpegs, losses, private, strength, tiffs, training
from tests.photo.faults.case import Bench, Case

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "photo_faults.md"
COMMAND = "python -m tests.photo.faults"
KINDS = {
    private: "Privacy: judged by what a name means, not by a list",
    training: "Training and relighting read files alike",
    colors: "Colours are stated and kept",
    folders: "What counts as a photo in a folder",
    tiffs: "What a TIFF's numbers mean",
    jpegs: "Every JPEG that is read can be written",
    losses: "Losses are noted",
    strength: "One path for every strength",
}
CASES: list[Case] = [case for module in KINDS for case in module.CASES]


def row(case: Case, result: str) -> str:
    right = "yes" if result == case.right else f"no; right is: {case.right}"
    return f"| {case.kind} | {case.name} | {case.made_with} | {result} | {right} |"


def document(rows: list[str], right: int) -> str:
    kinds = "\n".join(f"{number}. {words}" for number, words in enumerate(KINDS.values(), 1))
    return f"""# Photo files with eight kinds of faults

Written by `{COMMAND}`, which makes the files, relights them and describes the results:
{right} of {len(rows)} results are right. `tests/photo/test_photo_faults.py` checks each row. "Given" files come from
public reports and are stored next to the checkout. "Looks as it was" means a mean difference of at most 3 of 255 levels
after relighting with strength 0, as decoded by a reader other than f2a's. exiftool tells which metadata are left.

Another 1,900 files were made and checked once: 240 TIFFs; 190 PNGs, PPMs, BMPs, GIFs and JPEG 2000s; 1,000 JPEGs of
small random sizes in eight codings (none is refused any more); 270 other JPEGs, complete and cut; 130 AVIFs, HEICs,
PNGs and TIFFs with stated colours, most of them written in six formats; 75 with further parts; and 40 with private
data. Some limits remain. PAM, PFM in colour, and TIFFs of RGB with one bit per colour, of signed integers, of 24-bit
floats with differences and of CMYK with alpha are refused with a correct reason. If an end marker follows a cut in a
JPEG, a loss within the last block is not noticed. Linear light of 8 bits stays as coarse as it is. A user's name in a
file path, in a text, is kept.

{kinds}

| kind | file | made with | result | right? |
|---|---|---|---|---|
{chr(10).join(rows)}
"""


def write_document(kinds: set[int]) -> None:
    """Try every case of these kinds; the document is left unchanged if one of them cannot be made here.

    The rows of the other kinds are kept.
    """
    written = DOCUMENT.read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as name:
        weights = Path(name, "weights")
        brightening_checkpoint().save(weights)
        bench = Bench(Relighter.from_pretrained(weights, device="cpu"), weights)
        rows: list[str] = []
        for kind in range(1, len(KINDS) + 1):
            if kind not in kinds:
                rows += [line for line in written if line.startswith(f"| {kind} |")]
                continue
            for number, case in enumerate(case for case in CASES if case.kind == kind):
                folder = Path(name, f"{kind}-{number}")
                folder.mkdir()
                rows.append(row(case, case.result(bench, folder / case.file_name)))
                print(rows[-1], flush=True)
    DOCUMENT.write_text(document(rows, sum(row.endswith("| yes |") for row in rows)), encoding="utf-8")
