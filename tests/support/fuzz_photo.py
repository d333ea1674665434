"""Looks for photo files that raise anything but a PhotoError, led by the lines of f2a.photo that they reach.

Not collected by pytest. Needs ``pip install atheris``; begins with the sound files of the corpus and stops at the first
finding, which it leaves beside ``FOLDER``:

    python -m tests.support.fuzz_photo FOLDER -max_total_time=600 -timeout=10 -rss_limit_mb=1500 -max_len=60000
"""

import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["f2a.photo"]):
    from f2a.photo import PhotoError, output_name, read_photo, write_photo

from tests.support import corpus

WORK = Path(tempfile.mkdtemp())
PHOTO = WORK / "photo.jpg"


def one(content: bytes) -> None:
    PHOTO.write_bytes(content)
    try:
        file = read_photo(PHOTO)
        write_photo(file.photo, WORK / output_name(file.path, file.format), file, overwrite=True)
    except PhotoError as error:
        if not str(error).isprintable():
            raise


def main() -> None:
    warnings.simplefilter("ignore")
    seeds = Path(sys.argv[1])
    seeds.mkdir(parents=True, exist_ok=True)
    for kind in (corpus.extremes, corpus.metadata):
        for number, file in enumerate(kind()):
            if len(file.content) < 20_000:
                (seeds / f"{kind.__name__}-{number}").write_bytes(file.content)
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
