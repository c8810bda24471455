"""Word searches of many people at once: the service beside bare pymilvus, with uploads beside, and for a longer time.

    python benchmarks/load_service.py --uri URI --gallery NAME [--users 50] [--seconds 60] [--soak 300] [--uploads FOLDER] [--search-processes 2]

URI is a Milvus server, the gallery one of 100,000 pictures or so. ``milvise serve`` runs as a process of its own, and ``wrk`` (Debian's package)
asks it for the default search by 500 words in turn, from as many connections as there are users. Before and after it as many threads of one
Python process ask Milvus by `MilvusClient.search` among visual vectors, for ten hits of the same fields. They ask for the vectors that milvise
makes of the same words, and once more for vectors of stored pictures: HNSW finds these at half the cost, because a picture lies among
pictures and a word does not. Printed are requests per second, the median and the 95th and 99th percentile, and the ratios of the throughputs,
after 20 s in which the service has read what it keeps.

``--uploads FOLDER`` asks again while pictures of that folder are uploaded one after the other, as fast as they are answered.
``--soak SECONDS`` asks for longer, and prints the memory, the threads and the open connections of all processes of the service before and after: the first after a
tenth of the time, when all that is kept is warm, and the last after the users have gone.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from results import leave

import milvise
from milvise.adapter import Collection
from milvise.core.arrays import Floats
from milvise.core.spaces import VISUAL
from milvise.queries.gallery_collections import GalleryCollections
from milvise.queries.plan.build import word_queries
from milvise.queries.vocabulary.gallery_words import said_in

WORDS, LIMIT = 500, 10
SETTLED_S, WARM_S = 5, 20
LUA = """
local paths = {{}}
for path in io.lines("{paths}") do paths[#paths + 1] = path end
local place = 0
function init(args) math.randomseed(tonumber(args[1] or "1")); place = math.random(#paths) end
function request() place = place % #paths + 1; return wrk.format("GET", paths[place]) end
function done(summary, latency)
  io.write(string.format("JSON {{\\"requests\\": %d, \\"us\\": %d, \\"bad\\": %d, \\"errors\\": %d, \\"p50\\": %f, \\"p95\\": %f, \\"p99\\": %f}}\\n",
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(95), latency:percentile(99)))
end
"""

Figures = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri", required=True)
    parser.add_argument("--gallery", default="default")
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--soak", type=int, default=0, help="seconds")
    parser.add_argument("--search-processes", type=int, default=2, help="as milvise serve")
    parser.add_argument("--uploads", type=Path, help="a folder of pictures that are uploaded meanwhile")
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not installed. Debian's package is called wrk.")
    with milvise.connect(given.uri) as db:
        words = searchable(db, given.gallery)
        visual = db.store.live(f"{given.gallery}_visual")
        assert visual is not None
        print(
            f"Milvus {db.store.connection.version}, {visual.count():,} pictures, {visual.manifest.index}, {given.users} users, {len(words)} words"
        )
        vectors = {"words": word_vectors(db, given.gallery, words), "pictures": picture_vectors(visual)}
    figures: Figures = {"users": given.users}
    for name, asked_for in vectors.items():
        figures[f"bare {name} before"] = told(f"bare pymilvus, {name}", bare(given, asked_for))
    with served(given.uri, given.search_processes) as (process, address), tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "words.lua")
        paths = Path(folder, "paths.txt")
        paths.write_text(
            "".join(f"/api/v1/galleries/{given.gallery}/search?words={quote(word)}&limit={LIMIT}\n" for word in words)
        )
        script.write_text(LUA.format(paths=paths))
        # Until texts and readings are kept.
        asked(address, script, WARM_S, given.users)
        figures["service"] = told("service", asked(address, script, given.seconds, given.users))
        if given.uploads:
            with uploading(address, given) as uploads:
                figures["service, uploads beside"] = told(
                    "service, uploads beside", asked(address, script, given.seconds, given.users)
                )
            print(f"{uploads['answered']} uploads were answered meanwhile, {uploads['refused']} were refused")
            figures["uploads"] = uploads
        if given.soak:
            figures["soak"] = soaked(process.pid, address, script, given)
    for name, asked_for in vectors.items():
        figures[f"bare {name} after"] = told(f"bare pymilvus, {name}", bare(given, asked_for))
        theirs = (figures[f"bare {name} before"]["per_second"] + figures[f"bare {name} after"]["per_second"]) / 2
        figures[f"ratio {name}"] = figures["service"]["per_second"] / theirs
    for name in vectors:
        print(
            f"throughput of the service by that of bare pymilvus with vectors of {name}: {figures[f'ratio {name}']:.3f}"
        )
    leave("load_service", figures)


def searchable(db: milvise.Database, gallery: str) -> list[str]:
    """Return words of all kinds: labels of pictures and frequent words, in an order that is always the same."""
    asked = db.gallery(gallery)
    found: dict[str, None] = {}
    for name in [name.split("(")[0].split(",")[0].strip().lower() for name in asked.classes()]:
        if re.fullmatch("[a-z]+", name) and db.words.read(name).unknown == ():
            found[name] = None
        if len(found) == WORDS // 2:
            break
    for hit in db.words.similar("photograph", limit=WORDS, filter="rank > 500"):
        if re.fullmatch("[a-z]{3,}", hit.word):
            found[hit.word] = None
    return list(found)[:WORDS]


def word_vectors(db: milvise.Database, gallery: str, words: list[str]) -> Floats:
    """Return the vectors (n, width) that a search by these words asks Milvus for among visual vectors."""
    parts = GalleryCollections(db.store, db.words, gallery)
    said = parts.answered(lambda now: word_queries(now, [one.known for one in said_in(now, words)], space=None))
    return np.stack([query.recipes[VISUAL].vector for query in said])


def picture_vectors(visual: Collection) -> Floats:
    """Return vectors (n, width) of stored pictures."""
    return np.asarray([row["vector"] for row in visual.query("", fields=["vector"], limit=WORDS)], dtype=np.float32)


def bare(given: argparse.Namespace, vectors: Floats) -> Figures:
    """Return the figures of bare searches for vectors by as many threads, in a process of its own."""
    script = __file__.replace("load_service", "load_bare")
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file, vectors)
        file.flush()
        command = [sys.executable, script, given.uri, given.gallery, str(given.users), str(given.seconds), file.name]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: Figures = json.loads(done.stdout)
    return figures


@contextmanager
def served(uri: str, processes: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start the service on a free port, and stop it."""
    import socket

    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port = opened.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [
        sys.executable,
        "-m",
        "milvise",
        "--uri",
        uri,
        "-q",
        "serve",
        "--port",
        str(port),
        "--search-processes",
        str(processes),
        "--requests-per-minute",
        "10000000",
    ]
    process = subprocess.Popen(command)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/readyz", timeout=5).read()
                break
            except (OSError, urllib.error.URLError):
                time.sleep(0.2)
        yield process, address
    finally:
        process.terminate()
        process.wait(30)


def asked(address: str, script: Path, seconds: int, users: int) -> Figures:
    """Return the figures of `wrk`."""
    command = ["wrk", "-t", "2", "-c", str(users), "-d", f"{seconds}s", "--timeout", "30s", "-s", str(script), address]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(re.search(r"JSON (.*)", done.stdout)[1])  # type: ignore[index]
    return {
        "per_second": found["requests"] / found["us"] * 1e6, "not_answered": found["bad"] + found["errors"],
        **{name: found[name] / 1e3 for name in ("p50", "p95", "p99")},
    }  # fmt: skip


@contextmanager
def uploading(address: str, given: argparse.Namespace) -> Iterator[dict[str, int]]:
    """Upload pictures until the block ends, from two users."""
    pictures = sorted(path for path in given.uploads.rglob("*") if path.suffix.lower() in (".jpg", ".png"))[:200]
    counts, stopped = {"answered": 0, "refused": 0}, threading.Event()

    def upload(start: int) -> None:
        place = start
        while not stopped.is_set():
            picture = pictures[place % len(pictures)]
            place += 2
            kind = "image/jpeg" if picture.suffix.lower() == ".jpg" else "image/png"
            request = urllib.request.Request(
                f"{address}/api/v1/galleries/{given.gallery}/similar", picture.read_bytes(), {"Content-Type": kind}
            )
            try:
                urllib.request.urlopen(request, timeout=60).read()
                counts["answered"] += 1
            except urllib.error.HTTPError as error:
                if error.code != 503:
                    raise
                counts["refused"] += 1

    with ThreadPoolExecutor(2) as threads:
        running = [threads.submit(upload, start) for start in (0, 1)]
        try:
            yield counts
        finally:
            stopped.set()
        for each in running:
            each.result()


def soaked(pid: int, address: str, script: Path, given: argparse.Namespace) -> Figures:
    """Ask for longer, and return what the process holds before and after."""
    asked(address, script, max(5, given.soak // 10), given.users)
    time.sleep(SETTLED_S)
    before = held(pid)
    figures = told("service, longer", asked(address, script, given.soak, given.users))
    time.sleep(SETTLED_S)
    after = held(pid)
    for name in before:
        print(f"  {name}: {before[name]:,} before, {after[name]:,} after")
    growth = after["memory MiB"] / before["memory MiB"] - 1
    print(f"  memory grew by {growth:+.1%}")
    return {**figures, "before": before, "after": after, "growth": growth}


def held(pid: int) -> dict[str, int]:
    """Return the resident memory, threads and sockets of a process and of those that it started."""
    status = Path(f"/proc/{pid}/status").read_text()
    number = {name: int(re.search(rf"{name}:\s+(\d+)", status)[1]) for name in ("VmRSS", "Threads")}  # type: ignore[index]
    sockets = sum(str(link.readlink()).startswith("socket:") for link in Path(f"/proc/{pid}/fd").iterdir())
    own = {"memory MiB": number["VmRSS"] // 1024, "threads": number["Threads"], "sockets": sockets}
    started = [held(int(one)) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return {name: value + sum(one[name] for one in started) for name, value in own.items()}


def told(what: str, figures: Figures) -> Figures:
    """Print figures and return them."""
    failed = f", {figures['not_answered']} not answered" if figures["not_answered"] else ""
    print(
        f"{what:26} {figures['per_second']:7.1f}/s  p50 {figures['p50']:6.1f} ms  p95 {figures['p95']:6.1f} ms  p99 {figures['p99']:6.1f} ms{failed}",
        flush=True,
    )
    return figures


if __name__ == "__main__":
    main()
