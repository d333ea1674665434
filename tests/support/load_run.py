"""Two hours of visitors in ten minutes.

``python -m tests.support.load_run [--minutes 10] [--visits 600] [--folder FOLDER]``

A visit is the page, two examples, and a photo that is relit and fetched: half of the photos have 0.3 megapixels, a
third 2, the others 12. Beside the visits come, each at a random time: a batch of three photos (1 visit in 20), an
upload that is aborted (1 in 4), one that drips for twenty seconds and never ends (1 in 10), a page that is left open
for thirty seconds (1 in 4) and a hostile file of ``tests.support.corpus`` (1 in 5). Files are kept for a twelfth of the
usual time, so that they come and go as often as in two hours; at the end the run waits until the last of them is swept.
"""

import argparse
import json
import random
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from f2a.page.service import KEEP_S
from tests.support import corpus
from tests.support.load import (
    Footprint,
    abort_uploads,
    answer,
    ask,
    footprint,
    given,
    half_an_upload,
    open_pages,
    page,
    relight,
    save_photo,
    upload,
)  # fmt: skip

TWO_HOURS_MIN = 120
SIZES = [(640, 480)] * 10 + [(1600, 1200)] * 7 + [(4000, 3000)] * 3


class Crowd:
    """Everybody who comes; ``times`` holds seconds by kind, ``counts`` how things went."""

    def __init__(self, url: str, photos: list[Path], hostile: list[Path]) -> None:
        self.url, self.photos, self.hostile = url, photos, hostile
        self.times: dict[str, list[float]] = {}
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, kind: str, outcome: str, seconds: float) -> None:
        with self._lock:
            self.times.setdefault(kind, []).append(seconds)
            self.counts[f"{kind}: {outcome}"] += 1

    def timed(self, kind: str, act: Callable[[], str]) -> None:
        began = time.monotonic()
        try:
            outcome = act()
        except Exception as error:  # whatever a visitor meets belongs in the table
            outcome = f"FAILED {error!r:.80}"
        self.note(kind, outcome, time.monotonic() - began)

    def visit(self, dice: random.Random) -> None:
        photo = dice.choice(self.photos)
        with httpx.Client(base_url=self.url, timeout=120) as http:
            self.timed("page", lambda: str(http.get("/").status_code))
            for number in dice.sample(range(1, 5), 2):
                self.timed("example", lambda n=number: outcome(answer(http, ask(http, "examples", number=n))))
            self.timed(f"photo of {photo.stem}", lambda: self.relit(http, photo))

    def relit(self, http: httpx.Client, photo: Path) -> str:
        event, data = relight(http, upload(http, photo))
        if event == "complete":
            assert http.get(data[0]["url"]).raise_for_status().content[:2] == b"\xff\xd8"
        return outcome((event, data))

    def batch(self, dice: random.Random) -> None:
        with httpx.Client(base_url=self.url, timeout=120) as http:
            asked = [given(upload(http, photo)) for photo in dice.sample(self.photos, 3)]
            self.timed("batch of 3", lambda: outcome(answer(http, ask(http, "relight_batch", photos=asked))))

    def hostility(self, dice: random.Random) -> None:
        with httpx.Client(base_url=self.url, timeout=120) as http:
            path = upload(http, dice.choice(self.hostile))
            self.timed("hostile file", lambda: "answered" if relight(http, path) else "")

    def abort(self, dice: random.Random) -> None:
        self.timed("aborted upload", lambda: str(abort_uploads(self.url, 1) or "done"))

    def drip(self, dice: random.Random) -> None:
        with half_an_upload(self.url, sent=10) as connection:
            for _ in range(20):
                time.sleep(1)
                connection.sendall(b"\xff")
        self.note("dripping upload", "done", 20)

    def stay(self, dice: random.Random) -> None:
        with open_pages(self.url, 1):
            time.sleep(30)
        self.note("page left open", "done", 30)


def outcome(answered: tuple[str, Any]) -> str:
    """``complete``, or the kind of the sentence."""
    event, data = answered
    said = "" if event == "complete" else str(data.get("error"))
    return "told to come back" if "waiting already" in said else f"{event} {said:.60}".strip()


def schedule(crowd: Crowd, visits: int, seconds: float) -> list[tuple[float, Callable[[random.Random], None]]]:
    """When who comes, in order; the same at each run."""
    dice = random.Random(7)
    shares = ((crowd.visit, 1.0), (crowd.batch, 0.05), (crowd.abort, 0.25), (crowd.drip, 0.1), (crowd.stay, 0.25),
              (crowd.hostility, 0.2))  # fmt: skip
    coming = [(dice.uniform(0, seconds), act) for act, share in shares for _ in range(round(visits * share))]
    return sorted(coming, key=lambda item: item[0])


def watch(process: Any, folder: Path, done: threading.Event, show: Callable[[str], None]) -> list[Footprint]:
    """The footprint every ten seconds."""
    began, found = time.monotonic(), []
    while not done.wait(10):
        found.append(now := footprint(process, folder))
        memory, descriptors, threads, files = now
        passed = time.monotonic() - began
        show(f"{passed:5.0f} s  {memory:6.0f} MB {descriptors:4} fds {threads:3} threads {files:5} files")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--visits", type=int, default=600)
    parser.add_argument("--folder", type=Path, help="where the figures go too, as load.json")
    flags = parser.parse_args()
    keep_s = max(10, round(KEEP_S * flags.minutes / TWO_HOURS_MIN))
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        photos = [save_photo(work / f"{size[0]}x{size[1]}.jpg", size, seed) for seed, size in enumerate(SIZES)]
        (work / "corpus").mkdir()
        hostile = [path for path in corpus.make(work / "corpus") if path.is_file() and not path.is_symlink()]
        with page(work / "page", F2A_KEEP_S=str(keep_s)) as (url, process):
            figures = held(Crowd(url, photos, hostile), process, work / "page", flags, keep_s)
        errors = (work / "page" / "errors.txt").read_text(errors="replace")
    figures["tracebacks"] = errors.count("Traceback")
    figures["exit"] = process.returncode
    print(text := json.dumps(figures, indent=1))
    if flags.folder:
        flags.folder.mkdir(parents=True, exist_ok=True)
        (flags.folder / "load.json").write_text(text)
        (flags.folder / "errors.txt").write_text(errors)


def held(crowd: Crowd, process: Any, folder: Path, flags: argparse.Namespace, keep_s: int) -> dict[str, Any]:
    """Let everybody come, and wait until the last file is swept."""
    crowd.visit(random.Random(0))  # the first visitor's examples are made once for all
    before, done = footprint(process, folder), threading.Event()
    with ThreadPoolExecutor(200) as pool:
        watched = pool.submit(watch, process, folder, done, lambda line: print(line, flush=True))
        began = time.monotonic()
        for number, (when, act) in enumerate(schedule(crowd, flags.visits, 60 * flags.minutes)):
            time.sleep(max(0, began + when - time.monotonic()))
            pool.submit(act, random.Random(number))
        time.sleep(max(0, began + 60 * flags.minutes - time.monotonic()))
        time.sleep(keep_s * 1.25 + 20)
        done.set()
        found = watched.result()
    times = {kind: summary(seconds) for kind, seconds in sorted(crowd.times.items())}
    return {"before": before, "each": found, "after": footprint(process, folder), "times": times, "went": crowd.counts}


def summary(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{len(ordered)} times, p50 {statistics.median(ordered):.2f} s, p95 {p95:.2f} s, longest {ordered[-1]:.2f} s"


if __name__ == "__main__":
    main()
