"""How fresh a gallery is that follows a stream, and the rate at which it saturates, beside the rate of a bulk load.

    python benchmarks/follow_speed.py --pictures FOLDER [--count 2400] [--turns 3] [--rate 5] [--seconds 60]

Debian's redis-server, Milvus Lite, EfficientNet-Lite0. Saturation: all pictures are published at once and followed into an empty gallery; by
turns the same pictures are loaded into another one. Compared are pictures per second from the first picture that is received to the last that is
settled, and those of the whole load, which also opens and settles its collections (half a second or so). Networks are made before.
Freshness: pictures are published at a fixed rate, and each is asked for by search (`similar` of itself, in the same process) until it is found.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from results import leave

import milvise
from milvise.operations.progress import Event, Rate

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from redis_server import RedisServer, redis_server

KINDS = (".jpg", ".jpeg", ".png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--count", type=int, default=2_400)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rate", type=float, default=5.0, help="events a second")
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, redis_server(Path(name)) as server:
        folder = Path(name)
        root = folder / "pictures"
        uris = _copied(given.pictures, root, given.count)
        with milvise.connect(f"{name}/m.db", create=True) as db:
            db.ingest_words("glove-6b-50d", limit=20_000)
            # The first load exports the backbone, once for ever.
            db.ingest_images(_some(root, folder / "few", uris[:40]), gallery="warm")
            ratios = [_turn(db, server, root, uris, turn) for turn in range(given.turns)]
            found = _freshness(db, server, root, folder, uris, given)
    share = statistics.median(ratios)
    print(f"saturated: {share:.3f} of the rate of a load ({min(ratios):.3f} to {max(ratios):.3f}, {given.turns} turns)")
    p50, p95 = np.percentile(found, (50, 95))
    print(
        f"{len(found)} pictures at {given.rate:g} a second: found after {p50:.2f} s (median), {p95:.2f} s (95 %), {max(found):.2f} s (most)"
    )
    leave(
        "follow_speed",
        {"count": given.count, "ratios": ratios, "rate": given.rate, "p50_s": p50, "p95_s": p95, "most_s": max(found)},
    )


def _copied(source: Path, root: Path, count: int) -> list[str]:
    """Copy pictures, and return their URIs."""
    found = sorted(path for path in source.rglob("*") if path.suffix.lower() in KINDS)
    found = found[:: max(1, len(found) // count)][:count]
    uris = []
    for number, path in enumerate(found):
        uris.append(f"{number % 10}/{number}{path.suffix.lower()}")
        (root / uris[-1]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / uris[-1])
    return uris


def _some(root: Path, target: Path, uris: list[str]) -> Path:
    for uri in uris:
        (target / uri).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / uri, target / uri)
    return target


def _published(server: RedisServer, stream: str, uri: str) -> None:
    now = datetime.now(UTC).isoformat()
    fixed = {
        "specversion": "1.0",
        "id": uuid.uuid4().hex,
        "source": "/speed",
        "type": "picture.created",
        "subject": uri,
        "time": now,
    }
    server.client().xadd(stream, {"event": json.dumps(fixed)})


def _turn(db: milvise.Database, server: RedisServer, root: Path, uris: list[str], turn: int) -> float:
    """Return the rate of a follower by that of a load."""
    rates: dict[str, float] = {}

    def load() -> None:
        loaded = db.ingest_images(root, gallery=f"loaded{turn}", index="flat")
        rates["load"] = loaded.embedded / loaded.seconds

    def follow() -> None:
        for uri in uris:
            _published(server, f"turn{turn}", uri)
        times: list[float] = []

        def note(event: Event) -> None:
            if isinstance(event, Rate) and event.followed.received and (not times or event.followed.settled > seen[0]):
                seen[0] = event.followed.settled
                times.append(time.monotonic())

        seen = [0]
        done = db.follow(
            f"{server.address}/turn{turn}", root=root, gallery=f"followed{turn}", index="flat", progress=note,
            is_over=lambda: seen[0] >= len(uris),
        )  # fmt: skip
        assert done.followed.counts.embedded == len(uris), done.to_json()
        rates["follow"] = len(uris) / (times[-1] - times[0])

    steps: list[Callable[[], None]] = [load, follow]
    for step in steps if turn % 2 else reversed(steps):
        step()
    for gallery in (f"loaded{turn}", f"followed{turn}"):
        db.drop(gallery)
    print(f"turn {turn + 1}: load {rates['load']:.1f} pictures/s, follow {rates['follow']:.1f}", flush=True)
    return rates["follow"] / rates["load"]


def _freshness(
    db: milvise.Database, server: RedisServer, root: Path, folder: Path, uris: list[str], given: argparse.Namespace
) -> list[float]:
    """Return the seconds from each event until a search found its picture."""
    stop, found, waiting = threading.Event(), [], {}
    few = _some(root, folder / "fresh", uris[:100])
    db.ingest_images(few, gallery="fresh")
    follower = threading.Thread(
        target=lambda: db.follow(f"{server.address}/fresh", root=few, gallery="fresh", is_over=stop.is_set)
    )
    follower.start()
    time.sleep(10)

    def look() -> None:
        gallery: Any = db.gallery("fresh")
        while not stop.is_set() or waiting:
            for uri, at in list(waiting.items()):
                try:
                    gallery.similar(milvise.StoredPicture(uri), limit=1)
                except milvise.errors.NotFoundError:
                    continue
                found.append(time.time() - at)
                del waiting[uri]
            time.sleep(0.05)

    looker = threading.Thread(target=look)
    looker.start()
    for number in range(int(given.rate * given.seconds)):
        uri = uris[100 + number % (len(uris) - 100)]
        if (few / uri).exists():
            break
        (few / uri).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / uri, few / uri)
        waiting[uri] = time.time()
        _published(server, "fresh", uri)
        time.sleep(1 / given.rate)
    until = time.monotonic() + 60
    while waiting and time.monotonic() < until:
        time.sleep(0.1)
    assert not waiting, f"{len(waiting)} pictures were never found"
    stop.set()
    looker.join()
    follower.join()
    return found


if __name__ == "__main__":
    main()
