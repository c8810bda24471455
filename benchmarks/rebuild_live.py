"""A gallery is rebuilt while four threads search it and a follower writes to it; then it goes back.

    python benchmarks/rebuild_live.py [--pictures 1000]

A Milvus server, Debian's redis-server, pictures of noise and two small networks. A storm of events runs all the while. A rebuild whose gate cannot
hold is tried first, then one that goes live, then a rollback. Searches are for pictures that the storm leaves alone: each answer must be, with all its
similarities, that of one of the two versions. In the end both versions are compared with galleries that are loaded anew. Printed are the counts, and the
seconds from the rollback's start until searches were answered from the version before.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from follow_storm import GALLERY, _RedisEvents, _World
from results import leave
from storms import Storm

import milvise
from milvise.errors import MilviseError
from milvise.operations.gates import read_gates

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from milvus_server import milvus_server
from redis_server import redis_server
from small_world import paint, save_net

SEARCHERS, STILL = 4, 200
WORDS = ("cat", "dog", "table", "queen")
PACE_S = 0.1

Answer = tuple[tuple[str, float], ...]


class _Searchers:
    """Threads that search until they are stopped, each with a connection of its own."""

    def __init__(self, uri: str) -> None:
        self.answers: dict[str, set[Answer]] = {word: set() for word in WORDS}
        self.failed: list[str] = []
        self.count = 0
        self._uri = uri
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._search) for _ in range(SEARCHERS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _search(self) -> None:
        with milvise.connect(self._uri) as db:
            while not self._stop.is_set():
                for word in WORDS:
                    try:
                        self.answers[word].add(_answer(db, word))
                    except MilviseError as error:
                        self.failed.append(f"{type(error).__name__}: {error}")
                    self.count += 1


def _answer(db: milvise.Database, word: str) -> Answer:
    hits = db.gallery(GALLERY).search(word, limit=5, filter='label == "still"')
    return tuple((hit.uri, round(hit.similarity, 3)) for hit in hits)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=1_000)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        milvus_server(Path(name, "milvus")) as uri,
        redis_server(Path(name)) as server,
    ):
        folder = Path(name)
        world = _World(folder, uri)
        other = save_net(folder / "other.keras", 2)
        for number in range(STILL):
            paint(world.root / "still" / f"{number}.png", number)
        storm, stop = Storm(world.root), threading.Event()
        storm._number = 1_000_000
        for _ in range(given.pictures):
            storm.create()
        events = _RedisEvents(server)
        with milvise.connect(uri) as db:
            db.ingest_images(world.root, gallery=GALLERY, **world._how())
            gallery = db.gallery(GALLERY)
            first = {word: _answer(db, word) for word in WORDS}
            follower = world.start(events.address, "follower.log")

            def publish() -> None:
                for body in storm.events(1_000_000, is_over=stop.is_set):
                    events.write(body)
                    time.sleep(PACE_S)

            publisher = threading.Thread(target=publish)
            publisher.start()
            searchers = _Searchers(uri)
            time.sleep(10)
            how: dict[str, Any] = {
                "backbone": f"{other}:features",
                "classes": world.classes,
                "engine": "keras",
                "out": folder / "reports",
            }
            how |= {"accept_worse": True, "prune": True}
            refused = gallery.rebuild(**how, gates=read_gates(["zero_shot.p@10=1.1"]))
            print(f"gate that fails: live {refused.is_live}, {refused.why_not}", flush=True)
            time.sleep(3)
            assert {word: _answer(db, word) for word in WORDS} == first
            done = gallery.rebuild(**how)
            print(
                f"rebuilt: live {done.is_live}, {done.rows:,} pictures, {done.embedded:,} embedded in {done.seconds:.1f} s",
                flush=True,
            )
            time.sleep(15)
            second = {word: _answer(db, word) for word in WORDS}
            assert first != second
            stop.set()
            publisher.join()
            _await_answered(events)
            differences = _differences(db, world, other)
            print(
                f"new version: {len(differences)} pictures differ from those of a load with its backbone {differences[:5]}",
                flush=True,
            )
            stop.clear()
            publisher = threading.Thread(target=publish)
            publisher.start()
            time.sleep(10)
            back = gallery.rollback(engine="keras")
            print(
                f"rolled back: searched after {back.switched_s:.2f} s, {back.carried_over:,} brought over in {back.seconds:.1f} s",
                flush=True,
            )
            time.sleep(10)
            stop.set()
            publisher.join()
            _await_answered(events)
            searchers.end()
            follower.send_signal(signal.SIGTERM)
            ended = follower.wait(60)
            lost = world.differences()
            print(f"version before: {len(lost)} differences from a load with its backbone {lost[:5]}")
            mixed = sum(len(found - {first[word], second[word]}) for word, found in searchers.answers.items())
            seen = sum(second[word] in found for word, found in searchers.answers.items())
            print(
                f"{searchers.count:,} searches by {SEARCHERS} threads: {len(searchers.failed)} failed, {mixed} mixed answers {searchers.failed[:3]}"
            )
    leave(
        "rebuild_live",
        {
            "searches": searchers.count, "failed": len(searchers.failed), "mixed": mixed, "differences": len(differences), "lost": len(lost),
            "switched_s": back.switched_s, "rebuilt_s": done.seconds,
        },
    )  # fmt: skip
    bad = (
        searchers.failed
        or mixed
        or differences
        or lost
        or refused.is_live
        or not done.is_live
        or not seen
        or ended
        or back.switched_s > 5
    )
    sys.exit(1 if bad else 0)


def _await_answered(events: _RedisEvents) -> None:
    until = time.monotonic() + 120
    while not events.is_answered():
        assert time.monotonic() < until, "not all events were answered"
        time.sleep(0.5)


def _differences(db: milvise.Database, world: _World, backbone: Path) -> list[str]:
    """Return where the gallery differs from one that is loaded anew with a backbone."""
    db.ingest_images(world.root, gallery="other", **{**world._how(), "backbone": f"{backbone}:features"})
    ours, theirs = (world._rows(db, f"{gallery}_visual") for gallery in (GALLERY, "other"))
    found = [f"{theirs[key]['uri']} is missing" for key in theirs.keys() - ours.keys()]
    found += [f"{ours[key]['uri']} should be gone" for key in ours.keys() - theirs.keys()]
    found += [
        ours[key]["uri"]
        for key in ours.keys() & theirs.keys()
        if ours[key]["sha256"] != theirs[key]["sha256"]
        or np.abs(np.subtract(ours[key]["vector"], theirs[key]["vector"])).max() > 1e-6
    ]
    db.drop("other")
    return found


if __name__ == "__main__":
    main()
