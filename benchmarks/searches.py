"""What a search costs beside what Milvus takes for it, on a gallery that stands.

    python benchmarks/searches.py --uri URI --gallery NAME [--word dog] [--guessed puppy]

``search`` is ``gallery.search`` in the joint space against ``MilvusClient.search`` with the same vector, limit, fields, search
parameters and consistency, by turns; ``default`` is the default search for a word that classes are kinds of and for one that is guessed,
by meaning alone and by text too, against one ``MilvusClient.search`` among visual vectors and one among joint vectors: the slower of these, and
their sum. ``many`` is ``gallery.search_many`` of 100 words against 100 single calls, and the same of pymilvus with as many hits as are ranked. ``process`` is ``milvise search images WORD``
against a Python process that opens the same Milvus with pymilvus, and against one that also makes one bare search, by turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from results import leave

import milvise
from milvise.adapter import IndexSpec
from milvise.queries.ranking.search import CANDIDATES

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
        figures: dict[str, Any] = described(db, arguments.gallery)
        figures |= single(db, arguments.gallery, arguments.word)
        figures |= default(db, arguments.gallery, words) | many(db, arguments.gallery)
        is_lite = db.store.connection.is_lite
        visual = db.store.live(f"{arguments.gallery}_visual")
        assert visual is not None
    figures |= process(arguments, visual.name, visual.manifest.dim)
    head = "" if figures["head"] == "conse" else "-trained"
    leave(f"search-{'lite' if is_lite else 'server'}{head}", figures)


def described(db: milvise.Database, name: str) -> dict[str, Any]:
    """Return what is searched."""
    visual, joint = (db.store.live(f"{name}_{space}") for space in ("visual", "joint"))
    assert visual is not None
    assert joint is not None
    return {
        "milvus": db.store.connection.version.replace("milvus_lite-", "Lite "), "pictures": visual.count(), "index": visual.manifest.index,
        "head": Path(joint.manifest.recipe.get("head", "conse")).stem,
    }  # fmt: skip


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
    """Compare the default search, by both and by meaning, with bare searches among visual and among joint vectors."""
    gallery = db.gallery(name)
    key = gallery.search(next(iter(words)), limit=1)[0].id
    bare = [_bare(db, f"{name}_{space}", key) for space in ("visual", "joint")]
    figures = {}
    for word, kind in words.items():
        for by in ("meaning", "both"):
            ours, *theirs = by_turns_of(
                [lambda word=word, by=by: gallery.search(word, limit=LIMIT, by=by), *bare], ROUNDS
            )
            slower, both = ours / max(theirs), ours / sum(theirs)
            print(
                f"{kind} ({word}), by {by}: p50 {1e3 * ours:.2f} ms, bare {1e3 * theirs[0]:.2f} and {1e3 * theirs[1]:.2f} ms, ratio to the slower"
                f" {slower:.3f}, to their sum {both:.3f}"
            )
            figures |= {
                f"default_{kind}_{by}_p50_ms": 1e3 * ours, f"default_{kind}_{by}_to_slower": slower, f"default_{kind}_{by}_to_sum": both,
            }  # fmt: skip
    return figures


def _bare(db: milvise.Database, alias: str, key: str) -> Callable[[], Any]:
    """Return a search of pymilvus with the vector of a picture."""
    live, client = db.store.live(alias), db.store.connection.client
    assert live is not None
    vector = live.vectors([key])[key]
    params = {"metric_type": "COSINE", "params": IndexSpec.parse(live.manifest.index).search_params(LIMIT)}
    return lambda: client.search(
        live.name,
        [vector],
        limit=LIMIT,
        output_fields=["uri", "label", "meta"],
        search_params=params,
        consistency_level="Bounded",
    )


def many(db: milvise.Database, name: str) -> dict[str, float]:
    gallery = db.gallery(name)
    words = [hit.word for hit in db.words.similar("dog", limit=100)]
    gallery.search_many(words, limit=LIMIT, by="meaning")

    def one_by_one() -> None:
        for word in words:
            gallery.search(word, limit=LIMIT, by="meaning")

    visual, client = db.store.live(f"{name}_visual"), db.store.connection.client
    assert visual is not None
    params = {"metric_type": "COSINE", "params": IndexSpec.parse(visual.manifest.index).search_params(CANDIDATES)}
    vectors = np.random.default_rng(0).random((len(words), visual.manifest.dim)).tolist()

    def bare(some: Sequence[Any]) -> None:
        client.search(
            visual.name, list(some), limit=CANDIDATES, output_fields=["id"], search_params=params, consistency_level="Bounded"
        )  # fmt: skip

    together, single, bare_together, bare_single = by_turns_of(
        [
            lambda: gallery.search_many(words, limit=LIMIT, by="meaning"), one_by_one, lambda: bare(vectors),
            lambda: [bare([vector]) for vector in vectors],
        ],
        7,
    )  # fmt: skip
    print(
        f"100 words: at once {1e3 * together:.0f} ms, one by one {1e3 * single:.0f} ms, throughput {single / together:.1f}; pymilvus, {CANDIDATES} hits each,"
        f" at once {1e3 * bare_together:.0f} ms, one by one {1e3 * bare_single:.0f} ms, throughput {bare_single / bare_together:.1f}"
    )
    return {"many_throughput": single / together, "bare_many_throughput": bare_single / bare_together}


def process(arguments: argparse.Namespace, visual: str, dim: int) -> dict[str, float]:
    """Compare a process that searches with one that opens the same Milvus with pymilvus, and with one that also searches once."""
    milvise = [sys.executable, "-m", "milvise", "--uri", arguments.uri, "search", "images", arguments.word]
    ours = [*milvise, "--gallery", arguments.gallery]
    opening = f"from pymilvus import MilvusClient; client = MilvusClient({arguments.uri!r})"
    searching = f"{opening}; client.load_collection({visual!r}); client.search({visual!r}, [[1.0] * {dim}], limit=10, output_fields=['uri'])"
    bare = [sys.executable, "-c", opening]
    mine, opened, searched = by_turns_of(
        [lambda: run(ours), lambda: run(bare), lambda: run([sys.executable, "-c", searching])], 9
    )
    print(
        f"process p50 {mine:.2f} s, opening it with pymilvus {opened:.2f} s, and a search {searched:.2f} s, ratios {mine / opened:.3f}, {mine / searched:.3f}"
    )
    return {"process": mine / opened, "process_to_searched": mine / searched}


def run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def by_turns(one: Callable[[], Any], other: Callable[[], Any], rounds: int) -> tuple[float, float]:
    """Return the median seconds of two calls, made by turns."""
    mine, theirs = by_turns_of([one, other], rounds)
    return mine, theirs


def by_turns_of(calls: Sequence[Callable[[], Any]], rounds: int) -> list[float]:
    """Return the median seconds of several calls, made by turns."""
    times: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 2):
        for call, into in zip(calls, times, strict=True):
            started = time.perf_counter()
            call()
            if number >= 2:
                into.append(time.perf_counter() - started)
    return [float(np.median(each)) for each in times]


if __name__ == "__main__":
    main()
