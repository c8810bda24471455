"""What requests that scan a gallery keep in memory, by its size: each in a process of its own, on a server.

    python benchmarks/large_scans.py --uri URI [--rows 50000 200000] [--dim 64] [--only REQUEST ...]

Synthetic pictures around centres, three of them nearly the same each, are written straight to Milvus, with words and the classes of a backbone that
nobody needs. From 50,000 rows on, pages of a scan have their full length. For each request and size it prints seconds and the largest resident set of the process, and what a further row adds to it. The
last lines are ratios of one run: searches with a filter in a partitioned gallery beside one that is not, and the pages of a scan beside ones of
1,000 rows.

On a server, because Milvus Lite holds all rows in the process itself.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from results import leave

import milvise
from milvise.adapter import Collection, IndexSpec, Manifest, Store, pages
from milvise.core.arrays import Floats, unit
from milvise.core.records import record_id
from milvise.embeddings.devise.classes import Classes

WORDS, CLASSES, WIDTH, LABELS, OWNERS, ALIKE = 2_000, 100, 32, 200, 100, 3
BACKBONE = {"backbone": "large_scans", "weights": "none"}
SEARCHES = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri", required=True)
    parser.add_argument("--rows", type=int, nargs=2, default=[50_000, 200_000])
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--only", nargs="*", default=list(REQUESTS))
    given = parser.parse_args()
    figures: dict[str, Any] = {"rows": given.rows, "dim": given.dim, "requests": {}}
    with milvise.connect(given.uri, create=True) as db:
        centres = put_words_and_classes(db.store, given.dim)
        for count in given.rows:
            put_gallery(db.store, name_of(count), count, centres)
        idle = ask(given.uri, ["search", "words", "w1"])[1]
        print(
            f"{'request':<34}" + "".join(f"{f'{count:,} rows':>20}" for count in given.rows) + f"{'a further row':>16}"
        )
        for request in given.only:
            took = [ask(given.uri, filled(request, count)) for count in given.rows]
            grown = (took[1][1] - took[0][1]) * 2**20 / (given.rows[1] - given.rows[0])
            print(
                f"{request:<34}" + "".join(f"{s:>9.1f} s {m:>5.0f} MiB" for s, m in took) + f"{grown:>14.0f} B",
                flush=True,
            )
            figures["requests"][request] = {
                "seconds": [s for s, _ in took],
                "mib": [m for _, m in took],
                "bytes": grown,
            }
        print(f"{'a search for words, for comparison':<34}{idle:>13.0f} MiB")
        figures["idle_mib"] = idle
        large = live(db.store, name_of(given.rows[1]))
        figures["pages"] = compare_pages(large)
        put_gallery(db.store, "scans_parted", given.rows[1], centres, partition="owner")
        figures["partition"] = compare_searches(large, live(db.store, "scans_parted"))
        for name in (*map(name_of, given.rows), "scans_parted"):
            db.drop(name)
        for alias in ("words", f"classes_{BACKBONE['backbone']}", f"hierarchy_{BACKBONE['backbone']}"):
            db.store.drop(alias)
    leave("large_scans", figures)


REQUESTS: dict[str, list[str]] = {
    "project --head conse": ["project", "--head", "conse"],
    "project again": ["project", "--head", "conse"],
    "verify": ["verify"],
    "export manifest": ["export", "manifest", "--out", "{folder}/m.jsonl"],
    "export projector --limit 1000": ["export", "projector", "--out", "{folder}/p", "--limit", "1000"],
    "duplicates": ["duplicates"],
    "export duplicates --kind visual": ["export", "duplicates", "--kind", "visual", "--similarity", "0.99", "--out", "{folder}/v.jsonl"],
    "search rank --filter": ["search", "rank", "--picture", "{uri}", "--space", "visual", "--limit", "100", "--filter", "width >= 1"],
    "search owners": ["search", "owners", "--picture", "{uri}", "--space", "visual"],
    "evaluate accuracy": ["evaluate", "accuracy", "--tagged", "200", "--similar", "50", "--out", "{folder}/a"],
    "evaluate index": ["evaluate", "index", "--queries", "50", "--out", "{folder}/i"],
}  # fmt: skip


def name_of(count: int) -> str:
    return f"scans_{count}"


def filled(request: str, count: int) -> list[str]:
    return [*(part.replace("{uri}", uri_of(0)) for part in REQUESTS[request]), "--gallery", name_of(count)]


def ask(uri: str, command: list[str]) -> tuple[float, float]:
    """Run a command; return its seconds and its largest resident set in MiB."""
    with tempfile.TemporaryDirectory() as folder:
        asked = [part.replace("{folder}", folder) for part in command]
        started = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "milvise", "--uri", uri, "-q", *asked], stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    return seconds, usage.ru_maxrss / 1024


def put_words_and_classes(store: Store, dim: int) -> Floats:
    """Load words and classes; return the centres of the labels' pictures."""
    random = np.random.default_rng(0)
    words = unit(random.normal(size=(WORDS, WIDTH)).astype(np.float32))
    listed = ({"word": f"w{number}", "rank": number, "vector": vector} for number, vector in enumerate(words))
    put(store, Manifest("words", "words", WIDTH, {"words": "large scans", "count": WORDS}), listed)
    centres = random.normal(size=(LABELS, dim)).astype(np.float32)
    names, weights = tuple(f"w{number}" for number in range(CLASSES)), centres[:CLASSES] / dim**0.5
    classifier = Classes(names, weights, np.zeros(CLASSES, np.float32)).content_hash()
    rows = (
        {"name": name, "index": number, "bias": 0.0, "vector": weights[number]} for number, name in enumerate(names)
    )
    made = {"visual": BACKBONE, "classifier": classifier}
    put(store, Manifest(f"classes_{BACKBONE['backbone']}", "classes", dim, made), rows)
    return centres


def put_gallery(store: Store, name: str, count: int, centres: Floats, partition: str = "") -> None:
    manifest = Manifest(f"{name}_visual", "visual", centres.shape[1], BACKBONE, partition=partition)
    # A run that was stopped may have left it.
    store.drop(f"{name}_joint")
    put(store, manifest, pictures(count, centres), "hnsw")


def put(store: Store, manifest: Manifest, rows: Iterator[dict[str, Any]], index: str = "flat") -> None:
    store = store.patient()
    store.drop(manifest.alias)
    made = store.build(manifest)
    made.upsert(rows)
    store.publish(store.finish(made, IndexSpec.parse(index)))


def uri_of(number: int) -> str:
    return f"w{number % LABELS}/{number}.jpg"


def pictures(count: int, centres: Floats) -> Iterator[dict[str, Any]]:
    random = np.random.default_rng(1)
    for first in range(0, count, ALIKE):
        like = centres[first % LABELS] + random.standard_normal(centres.shape[1], dtype=np.float32)
        for number in range(first, min(count, first + ALIKE)):
            uri = uri_of(number)
            yield {
                "id": record_id(uri), "uri": uri, "label": f"w{first % LABELS}", "sha256": record_id(uri) * 2, "width": 640, "height": 480,
                "meta": {"owner": f"owner {number % OWNERS}", "camera": f"camera {number % 7}"},
                "vector": like + 0.01 * random.standard_normal(len(like), dtype=np.float32),
            }  # fmt: skip


def live(store: Store, gallery: str) -> Collection:
    found = store.live(f"{gallery}_visual")
    assert found is not None
    return found


def compare_pages(visual: Collection) -> dict[str, float]:
    """Print how long scans take with pages of 1,000 rows and with those that are used."""
    ratios = {}
    used = pages.MOST_ROWS
    for what, fields in (("ids", ["id"]), ("rows without vectors", ["uri", "label", "meta"]), ("vectors", ["vector"])):
        seconds = {}
        for most in (1_000, used):
            pages.MOST_ROWS = most
            started = time.perf_counter()
            rows = sum(1 for _ in visual.scan(fields))
            seconds[most] = time.perf_counter() - started
        ratios[what] = seconds[1_000] / seconds[used]
        print(
            f"scan of {rows:,} {what}: {seconds[used]:.1f} s, {ratios[what]:.2f} times as fast as with pages of 1,000"
        )
    pages.MOST_ROWS = used
    return ratios


def compare_searches(plain: Collection, parted: Collection) -> dict[str, float]:
    """Print how much faster searches with a filter on the owner are where owners are partitions, taken in turn."""
    random = np.random.default_rng(2)
    queries = random.normal(size=(SEARCHES, plain.manifest.dim)).astype(np.float32)
    seconds: dict[str, list[float]] = {"plain": [], "parted": []}
    same = 0
    for number, query in enumerate(queries):
        owned = f'meta["owner"] == "owner {number % OWNERS}"'
        found = {}
        for name, collection in (("plain", plain), ("parted", parted)):
            started = time.perf_counter()
            found[name] = collection.search_keys(query[np.newaxis], limit=10, filter=owned)[0]
            seconds[name].append(time.perf_counter() - started)
        same += len(found["plain"].keys() & found["parted"].keys())
    ratio = float(np.median(seconds["plain"]) / np.median(seconds["parted"]))
    shared = same / (10 * SEARCHES)
    print(
        f"searches with a filter on one of {OWNERS} owners: {1000 * np.median(seconds['parted']):.1f} ms where owners are partitions,"
        f" {ratio:.2f} times as fast as where they are not; {shared:.1%} of the hits are the same"
    )
    return {"ratio": ratio, "same": shared}


if __name__ == "__main__":
    main()
