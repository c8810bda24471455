"""What a change costs: start, search and ingest of two commits, by turns in one run on the same files.

For each commit a wheel is built, which goes into a folder of its own. Every turn asks both, each in a process of its own, and the one
that begins changes from turn to turn. Printed is the median of the ratios (the second commit by the first) with its quartiles.

    python benchmarks/commits.py aa33a03 HEAD             # some ten minutes
    python benchmarks/commits.py aa33a03 HEAD --turns 5 --pictures 200

The photos are those that the packages of ``milvise demo`` carry, cut at different places. Backbone and words are those of the demo.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from results import leave

sys.path.append(str(Path(__file__).parent.parent / "scripts"))
from wheels import build, call

ROUNDS = 40
STARTS = 5
"""A process is started as often in a turn, and the median counts: one start in ten is a quarter slower."""
SEARCHES = f"""
import json, sys, time, milvise
assert milvise.__file__.startswith(sys.argv[1]), milvise.__file__
found = {{}}
with milvise.connect("milvise.db") as db:
    gallery = db.gallery("default")
    picture = gallery.search("dog", limit=1)[0].id
    for name, ask in (
        ("known word, by meaning", lambda: gallery.search("dog", by="meaning")),
        ("guessed word, by meaning", lambda: gallery.search("sea", by="meaning")),
        ("known word, by both", lambda: gallery.search("dog")),
        ("stored picture", lambda: gallery.similar(picture)),
    ):
        ask()
        times = []
        for _ in range({ROUNDS}):
            start = time.perf_counter()
            ask()
            times.append(time.perf_counter() - start)
        found[name] = sorted(times)[len(times) // 2]
print(json.dumps(found))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--pictures", type=int, default=600)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="milvise-commits-") as temporary:
        folder = Path(temporary)
        photos = _photos(folder / "photos", given.pictures)
        versions = [
            _Version(name, folder / str(place), photos) for place, name in enumerate((given.before, given.after))
        ]
        ratios: dict[str, list[float]] = {}
        load = os.getloadavg()[0]
        for turn in range(given.turns):
            order = versions if turn % 2 else versions[::-1]
            measured = {version: version.measure() for version in order}
            for name in measured[versions[0]]:
                ratios.setdefault(name, []).append(measured[versions[1]][name] / measured[versions[0]][name])
    print(
        f"{given.after} by {given.before}, {given.turns} turns, {given.pictures} pictures, load {load:.1f} at the start\n"
    )
    figures = {}
    for name, values in ratios.items():
        low, middle, high = statistics.quantiles(values, n=4)
        figures[name] = {"low": low, "median": middle, "high": high}
        print(f"{name:32} {middle:.3f}  ({low:.3f} to {high:.3f})")
    leave("commits", {"before": given.before, "after": given.after, "load": load, "ratios": figures})


class _Version:
    """One commit's milvise with a database and a cache of its own."""

    def __init__(self, commit: str, folder: Path, photos: Path) -> None:
        self._site, self._folder, self._photos = build(commit, folder / "wheel"), folder, photos
        self._milvise("ingest", "words", "glove-6b-50d", "--limit", "40000")
        # The first load exports the backbone, once for ever.
        self._milvise("ingest", "images", str(photos))
        self._milvise("search", "images", "dog")

    def measure(self) -> dict[str, float]:
        """Return the seconds of each thing that is measured."""
        found = {
            "process: --version": self._timed(lambda: self._milvise("--version"), STARTS),
            "process: search images dog": self._timed(lambda: self._milvise("search", "images", "dog"), STARTS),
        }
        printed = self._python("-c", SEARCHES, str(self._site))
        found |= {f"search: {name}": seconds for name, seconds in json.loads(printed).items()}
        if "again" in self._milvise("status"):
            self._milvise("drop", "--gallery", "again", "--yes")
        found["ingest"] = self._timed(
            lambda: self._milvise("ingest", "images", str(self._photos), "--gallery", "again")
        )
        return found

    def _milvise(self, *command: str) -> str:
        return self._python("-m", "milvise", *command)

    def _python(self, *command: str) -> str:
        variables = {
            "PYTHONPATH": str(self._site),
            "MILVISE_URI": "milvise.db",
            "MILVISE_CACHE": str(self._folder / "cache"),
        }
        return call(sys.executable, *command, cwd=self._folder, **variables)

    @staticmethod
    def _timed(run: Callable[[], str], times: int = 1) -> float:
        seconds = []
        for _ in range(times):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds)


def _photos(folder: Path, count: int) -> Path:
    """Write photos, each another cut of one that a package carries."""
    folder.mkdir()
    data = Path(str(importlib.util.find_spec("foolbox").origin)).parent / "data"  # type: ignore[union-attr]
    carried = [Image.open(path).convert("RGB") for path in sorted(data.glob("imagenet_*.jpg"))]
    random = np.random.default_rng(0)
    for number in range(count):
        photo = carried[number % len(carried)]
        left, top = (int(random.integers(0, side // 4 + 1)) for side in photo.size)
        photo.crop((left, top, left + photo.width * 3 // 4, top + photo.height * 3 // 4)).resize((500, 375)).save(
            folder / f"{number:04d}.jpg"
        )
    return folder


if __name__ == "__main__":
    main()
