"""Millions of rows through lists, shards and bulk import, beside plain inserts of the same rows; killed five times on the way.

Rows are clustered vectors, 128 wide, that no network made: what is measured is everything but embedding.

    python benchmarks/shard_rows.py                       # 2,000,000 rows, some 25 minutes on two cores
    python benchmarks/shard_rows.py --rows 200000

It starts a Milvus server of its own (the package ``milvus``). Each step runs in a process of its own, whose memory is watched. Printed are rows a second
of import and of inserts, without and with the index, and what the kills did.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
from results import leave

import milvise
from milvise.adapter import IndexSpec, Manifest
from milvise.core.chunks import chunks
from milvise.core.records import record_id
from milvise.core.spaces import VISUAL
from milvise.ingest.rows import RowBatch
from milvise.ingest.shards.folder import ShardFolder, ShardLedger, ShardsManifest
from milvise.ingest.shards.listing import read_listing, write_listing
from milvise.ingest.shards.rows_file import RowsFile
from milvise.ingest.sources.content import LocalFile
from milvise.ingest.sources.item import Item

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from milvus_server import milvus_server

DIM, CLUSTERS, SHARD, BATCH, KILLS = 128, 500, 100_000, 5_000, 5
FINGERPRINT = {"backbone": "clusters", "weights": "none", "layer": "none"}


class Numbered:
    """A source of pictures that nobody reads."""

    location = "/numbered"

    def __init__(self, count: int) -> None:
        self._count = count

    def __iter__(self) -> Iterator[Item]:
        for number in range(self._count):
            yield Item(f"{number:09d}.jpg", LocalFile(Path(f"/numbered/{number:09d}.jpg")), f"label{number % 50}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--index", default="ivf_sq8")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--step", choices=["list", "write", "insert"], help=argparse.SUPPRESS)
    parser.add_argument("--uri", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step is not None:
        step(given.step, given.folder, given.rows, given.uri, given.index)
        return
    with tempfile.TemporaryDirectory() as own:
        folder = given.folder or Path(own)
        figures = measured(folder, given.rows, given.index)
    print(json.dumps(figures, indent=2))
    leave("shard_rows", figures)


def measured(folder: Path, rows: int, index: str) -> dict[str, Any]:
    """Run all steps; return seconds, rows a second, memory, and what came of the kills."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Path(tempfile.mkdtemp(dir=folder))
    itself = [sys.executable, __file__, "--rows", str(rows), "--folder", str(folder), "--index", index]
    listed = run([*itself, "--step", "list"])
    written = run([*itself, "--step", "write"])
    with milvus_server(server) as uri:
        load = [
            sys.executable,
            "-m",
            "milvise",
            "--uri",
            uri,
            "--json",
            "-q",
            "load",
            str(folder / "shards"),
            "--index",
            index,
        ]
        whole = run([*load, "--gallery", "whole"])
        inserted = run([*itself, "--step", "insert", "--uri", uri])
        killed = run_killed([*load, "--gallery", "killed"], whole["wall_s"])
        with milvise.connect(uri) as db:
            wrong = {gallery: wrong_ids(db, gallery, rows) for gallery in ("whole", "killed")}
    ours, theirs = whole["answer"]["steps"], inserted["answer"]
    imported = rows / ours["import"]
    with_index = rows / (ours["import"] + ours["index"] + ours["load"])
    return {
        "pictures": rows, "dim": DIM, "joint_dim": 0, "shard_rows": SHARD, "top_classes": False,
        "index": index, "built": whole["answer"]["index"],
        "steps": {"list": listed["answer"]["seconds"], "write": written["answer"]["seconds"], **ours},
        "inserts": theirs,
        "import_rows_per_s": round(imported), "insert_rows_per_s": round(rows / theirs["insert"]),
        "before_indexing": round(imported * theirs["insert"] / rows, 3),
        "with_index": round(with_index * (theirs["insert"] + theirs["index"] + theirs["load"]) / rows, 3),
        "memory_mib": {
            "list": listed["peak_mib"], "write": written["peak_mib"], "load": whole["peak_mib"], "killed": killed["peak_mib"],
        },
        "kills": killed["kills"], "wrong_ids": wrong,
    }  # fmt: skip


def run(command: list[str]) -> dict[str, Any]:
    """Run a command to its end, and watch its memory."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    peak = Peak(process.pid)
    text = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return {"answer": json.loads(text), "wall_s": round(time.monotonic() - began, 2), "peak_mib": peak.end()}


def run_killed(command: list[str], whole_s: float) -> dict[str, Any]:
    """Run a command that is killed at five moments, and started again each time."""
    dice, kills, most = random.Random(1), [], 0
    for number in range(KILLS):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        peak = Peak(process.pid)
        # Early in the first run, later in later ones: within each of the steps.
        wait = (0.05 + 0.2 * number + dice.uniform(0, 0.1)) * whole_s / 2
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait)
        if process.poll() is None:
            process.kill()
            kills.append(round(wait, 1))
        process.wait()
        most = max(most, peak.end())
        if process.returncode == 0:
            return {"kills": kills, "peak_mib": most}
    last = run(command)
    return {"kills": kills, "peak_mib": max(most, last["peak_mib"])}


class Peak:
    """The most memory that a process and its children had at a time, in MiB."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._most = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def end(self) -> int:
        """Stop watching."""
        self._stop.set()
        self._thread.join()
        return self._most // 1024

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            with suppress(OSError, StopIteration, ValueError):
                lines = Path(f"/proc/{self._process}/status").read_text().splitlines()
                held = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
                self._most = max(self._most, held)


def step(name: str, folder: Path, rows: int, uri: str, index: str) -> None:
    """Do one step in this process; print what it took as JSON."""
    shards = ShardFolder(folder / "shards")
    if name == "list":
        made = write_listing([Numbered(rows)], shards, shard_rows=SHARD)
        visual = Manifest("whole_visual", VISUAL, DIM, FINGERPRINT, recipe={"backbone": "clusters"})
        shards.write_manifest(ShardsManifest(visual, None, made.shards, made.pictures, 0, SHARD, ("/numbered",)))
        print(json.dumps({"seconds": round(made.seconds, 2)}))
    elif name == "write":
        seconds = sum(write(shards, number) for number in range(shards.manifest().shards))
        print(json.dumps({"seconds": round(seconds, 2)}))
    else:
        print(json.dumps(insert(uri, rows, index)))


def write(shards: ShardFolder, number: int) -> float:
    """Write the rows of one shard; return the seconds that its files took, without what makes the rows."""
    spent = 0.0
    with closing(RowsFile(shards, number, shards.manifest(), None)) as file:
        for items in chunks(read_listing(shards, number), 1_000):
            batch = RowBatch(tuple(with_vectors([row(item.uri, item.label) for item in items])), None)
            started = time.monotonic()
            file.write(batch)
            spent += time.monotonic() - started
        started = time.monotonic()
        done = file.finish()
        shards.note_done(ShardLedger(number, done, 0, file.hashes()))
    return spent + time.monotonic() - started


def insert(uri: str, rows: int, index: str) -> dict[str, float]:
    """Insert the same rows as pymilvus does, then build the index and load; return seconds of each."""
    spent: dict[str, float] = {}
    with milvise.connect(uri) as db:
        made = Manifest("inserted_visual", VISUAL, DIM, FINGERPRINT)
        collection = db.store.build(made)
        client = db.store.connection.client
        for begin in range(0, rows, BATCH):
            numbers = range(begin, min(rows, begin + BATCH))
            batch = with_vectors([row(f"{number:09d}.jpg", f"label{number % 50}") for number in numbers])
            started = time.monotonic()
            client.insert(collection.name, batch)
            spent["insert"] = spent.get("insert", 0.0) + time.monotonic() - started
        started = time.monotonic()
        client.flush(collection.name)
        spent["insert"] += time.monotonic() - started
        started = time.monotonic()
        wanted = IndexSpec.parse(index).resolve(rows=rows, dim=DIM, is_lite=False)
        db.store.indexes.rebuild(collection.name, wanted)
        spent["index"] = time.monotonic() - started
        started = time.monotonic()
        collection.load()
        while collection.count() < rows:
            time.sleep(0.5)
        spent["load"] = time.monotonic() - started
        db.store.discard(made)
    return {name: round(seconds, 2) for name, seconds in spent.items()}


def row(uri: str, label: str) -> dict[str, Any]:
    return {"id": record_id(uri), "uri": uri, "label": label, "sha256": "0" * 64, "width": 1, "height": 1, "meta": {}}


def with_vectors(batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with vectors, which follow from the first uri."""
    if not batch:
        return []
    centres = np.random.default_rng(0).standard_normal((CLUSTERS, DIM)).astype(np.float32)
    dice = np.random.default_rng(int(batch[0]["uri"][:9]))
    vectors = centres[dice.integers(0, CLUSTERS, len(batch))] + 0.3 * dice.standard_normal((len(batch), DIM)).astype(
        np.float32
    )
    return [{**one, "vector": vector} for one, vector in zip(batch, vectors, strict=True)]


def wrong_ids(db: milvise.Database, gallery: str, rows: int) -> int:
    """Return how many of 20,000 ids are not there exactly once; the count of all rows must agree too."""
    live = db.store.live(f"{gallery}_visual")
    assert live is not None
    dice = random.Random(2)
    wrong = abs(live.count() - rows)
    for _ in range(20):
        keys = [record_id(f"{dice.randrange(rows):09d}.jpg") for _ in range(1_000)]
        asked = sorted(set(keys))
        listed = ", ".join(f'"{key}"' for key in asked)
        wrong += abs(live.count(f"id in [{listed}]") - len(asked))
    return wrong


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    main()
