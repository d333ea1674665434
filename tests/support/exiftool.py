"""exiftool as the judge of what a file still says about where and with which very camera it was taken."""

import json
import re
import shutil
import subprocess
from functools import cache

import pytest

PLANTED = "zanzibarian"
"""What tests plant under names of their own."""

JUDGE = re.compile(
    "gps|latitude|longi?t|altitude|elevation|location|position|place|city|country|county|state|province|district"
    "|address|postal|street|serial|(?<!Image)region$|(?<!Copyright)ownername|cellid|imei",
    re.IGNORECASE,
)
"""Of exiftool's names, written down apart from the product's rule."""
ORDINARY = re.compile(
    "Opacity|Authors|SamplePosition|Positioning|[Cc]omposition|Disposition|Placed|Placement|Statement|ElevationAngle|SpeedLatitude"
)


def is_a_place(name):
    return JUDGE.search(name) and not ORDINARY.search(name)


@cache
def started():
    """exiftool as it takes one command after the other: to start it takes longer than most of them."""
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is not installed")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    # The end of its input alone does not end it, and a test run that is killed would leave it behind. No shell stays
    # around it, which would keep its output open if it died, and the tests would wait for ever.
    until_closed = "exec exiftool -stay_open True -@ <(cat; printf '%s\\n' -stay_open False)"
    return subprocess.Popen(["bash", "-c", until_closed], **pipes)


def exiftool(*words):
    """What it prints."""
    process, said, end = started(), "", "{done}\n"
    process.stdin.write("\n".join([*map(str, words), "-echo3", end.strip(), "-execute\n"]))
    process.stdin.flush()
    while process.poll() is None and not said.endswith(end):
        said += process.stdout.readline().replace("{ready}\n", "")
    return said.removesuffix(end)


def judged(*paths):
    """All that exiftool finds, by file and name."""
    return {tags["SourceFile"]: tags for tags in json.loads(exiftool("-json", "-a", "-G1", "-u", "-ee", *paths))}


def private_tags(*paths):
    """Those that say where, or with which very camera."""
    return [
        f"{name}={value}"
        for tags in judged(*paths).values()
        for name, value in tags.items()
        if (is_a_place(name.rpartition(":")[2]) or PLANTED in str(value)) and name not in ("SourceFile", "Directory")
    ]
