"""What a search costs beside what Milvus takes for it, on a gallery that stands.

    python benchmarks/searches.py --uri URI --gallery NAME [--word dog] [--guessed puppy]

``search`` is ``gallery.search`` in the joint space against ``MilvusClient.search`` with the same vector, limit, fields, search
parameters and consistency, by turns; ``default`` is the default search for a word that classes are kinds of and for one that is guessed,
by meaning alone and by text too, against one ``MilvusClient.search`` among visual vectors. ``many`` is ``gallery.search_many`` of 100 words against 100 single calls. ``process`` (Milvus Lite
only) is ``milvise search images WORD`` against a Python process that opens the same file with pymilvus, by turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from results import leave

import milvise
from milvise.adapter import IndexSpec

ROUNDS = 200
LIMIT = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri", required=True)
    parser.add_argument("--gallery", default="default")
    parser.add_argument("--word", default="dog", help="a word of which classes are kinds")
    parser.add_argument("--guessed", default="puppy", help="one of which none is")
    arguments = parser.parse_args()
    with milvise.connect(arguments.uri) as db:
        words = {arguments.word: "known", arguments.guessed: "guessed"}
        figures = single(db, arguments.gallery, arguments.word)
        figures |= default(db, arguments.gallery, words) | many(db, arguments.gallery)
        is_lite = db.store.connection.is_lite
    if is_lite:
        figures["process"] = process(arguments)
    leave(f"search-{'lite' if is_lite else 'server'}", figures)


def single(db: milvise.Database, name: str, word: str) -> dict[str, float]:
    gallery, client = db.gallery(name), db.store.connection.client
    joint = db.store.live(f"{name}_joint")
    assert joint is not None
    vector = db.words.vector(word)
    params = {"metric_type": "COSINE", "params": IndexSpec.parse(joint.manifest.index).search_params(LIMIT)}

    def bare() -> Any:
        return client.search(
            joint.name, [vector], limit=LIMIT, output_fields=["uri", "label", "meta"], search_params=params,
            consistency_level="Bounded",
        )  # fmt: skip

    ours, theirs = by_turns(lambda: gallery.search(word, space="joint", limit=LIMIT, by="meaning"), bare, ROUNDS)
    print(f"Milvus {db.store.connection.version}, {joint.count():,} pictures, {joint.manifest.index}")
    print(f"search p50 {1e3 * ours:.2f} ms, MilvusClient.search {1e3 * theirs:.2f} ms, ratio {ours / theirs:.3f}")
    return {"search_ratio": ours / theirs, "search_p50_ms": 1e3 * ours}


def default(db: milvise.Database, name: str, words: dict[str, str]) -> dict[str, float]:
    """Compare the default search, by both and by meaning, with one bare search among visual vectors."""
    gallery, client = db.gallery(name), db.store.connection.client
    visual = db.store.live(f"{name}_visual")
    assert visual is not None
    vector = visual.vectors([gallery.search(next(iter(words)), limit=1)[0].id]).popitem()[1]
    params = {"metric_type": "COSINE", "params": IndexSpec.parse(visual.manifest.index).search_params(LIMIT)}

    def bare() -> Any:
        return client.search(
            visual.name, [vector], limit=LIMIT, output_fields=["uri", "label", "meta"], search_params=params,
            consistency_level="Bounded",
        )  # fmt: skip

    figures = {}
    for word, kind in words.items():
        for by in ("meaning", "both"):
            ours, theirs = by_turns(lambda word=word, by=by: gallery.search(word, limit=LIMIT, by=by), bare, ROUNDS)
            ratio = ours / theirs
            print(f"{kind} ({word}), by {by}: p50 {1e3 * ours:.2f} ms, bare {1e3 * theirs:.2f} ms, ratio {ratio:.3f}")
            figures |= {f"default_{kind}_{by}_ratio": ratio, f"default_{kind}_{by}_p50_ms": 1e3 * ours}
    return figures


def many(db: milvise.Database, name: str) -> dict[str, float]:
    gallery = db.gallery(name)
    words = [hit.word for hit in db.words.similar("dog", limit=100)]
    gallery.search_many(words, limit=LIMIT, by="meaning")

    def one_by_one() -> None:
        for word in words:
            gallery.search(word, limit=LIMIT, by="meaning")

    together, single = by_turns(lambda: gallery.search_many(words, limit=LIMIT, by="meaning"), one_by_one, 7)
    print(
        f"100 words: at once {1e3 * together:.0f} ms, one by one {1e3 * single:.0f} ms, throughput {single / together:.1f}"
    )
    return {"many_throughput": single / together}


def process(arguments: argparse.Namespace) -> float:
    milvise = [sys.executable, "-m", "milvise", "--uri", arguments.uri, "search", "images", arguments.word]
    ours = [*milvise, "--gallery", arguments.gallery]
    bare = [sys.executable, "-c", f"from pymilvus import MilvusClient; MilvusClient({arguments.uri!r})"]
    mine, theirs = by_turns(lambda: run(ours), lambda: run(bare), 9)
    print(f"process p50 {mine:.2f} s, opening the file with pymilvus {theirs:.2f} s, ratio {mine / theirs:.3f}")
    return mine / theirs


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def by_turns(one: Callable[[], Any], other: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Return the median seconds of two calls, made by turns."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 2):
        for call, into in zip((one, other), times, strict=True):
            started = time.perf_counter()
            call()
            if number >= 2:
                into.append(time.perf_counter() - started)
    return float(np.median(times[0])), float(np.median(times[1]))


if __name__ == "__main__":
    main()
