"""exiftool, as the judge of what a file still reveals about the place and the individual camera."""

import json
import re
import shutil
import subprocess
from functools import cache

import pytest

PLANTED = "zanzibarian"
"""Value that tests plant under invented names."""

JUDGE = re.compile(
    "gps|latitude|longi?t|altitude|elevation|location|position|place|city|country|county|state|province|district"
    "|address|postal|street|serial|(?<!Image)region$|(?<!Copyright)ownername|cellid|imei",
    re.IGNORECASE,
)
"""Pattern of exiftool's names for private tags, written independently of the product's rule."""
ORDINARY = re.compile(
    "Opacity|Authors|SamplePosition|Positioning|[Cc]omposition|Disposition|Placed|Placement|Statement|ElevationAngle|SpeedLatitude"
)


def is_a_place(name):
    return JUDGE.search(name) and not ORDINARY.search(name)


@cache
def started():
    """Start an exiftool that accepts one command after another: starting it takes longer than most commands."""
    if not shutil.which("exiftool"):
        pytest.skip("exiftool is not installed")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    # exiftool does not end when its input does, so it would outlive a killed test run. ``exec`` leaves no shell around
    # it, which would keep its output open if it died, so that the tests would wait for ever.
    until_closed = "exec exiftool -stay_open True -@ <(cat; printf '%s\\n' -stay_open False)"
    return subprocess.Popen(["bash", "-c", until_closed], **pipes)


def exiftool(*words):
    """Return what exiftool prints."""
    process, said, end = started(), "", "{done}\n"
    process.stdin.write("\n".join([*map(str, words), "-echo3", end.strip(), "-execute\n"]))
    process.stdin.flush()
    while process.poll() is None and not said.endswith(end):
        said += process.stdout.readline().replace("{ready}\n", "")
    return said.removesuffix(end)


def judged(*paths):
    """Return all tags that exiftool finds, by file, then by name."""
    return {tags["SourceFile"]: tags for tags in json.loads(exiftool("-json", "-a", "-G1", "-u", "-ee", *paths))}


def private_tags(*paths):
    """Return the values that reveal the place or the individual camera."""
    return [
        f"{name}={value}"
        for tags in judged(*paths).values()
        for name, value in tags.items()
        if (is_a_place(name.rpartition(":")[2]) or PLANTED in str(value)) and name not in ("SourceFile", "Directory")
    ]
