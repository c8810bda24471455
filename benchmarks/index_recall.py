"""Recall@10 of each index kind against exact search, on a gallery that stands in Milvus.

    milvise ingest images FOLDER --gallery c
    python benchmarks/index_recall.py --gallery c [--uri URI]

The index of both collections is rebuilt for each kind, and the one that stood is put back at the end. Queries: the words
of the gallery's labels in the joint collection, and 200 of its pictures in the visual one. The exact answer is computed
with numpy from the stored vectors; a hit whose similarity equals that of the exact tenth (to 1e-5) counts as right.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import milvise
from milvise.adapter import Collection, IndexSpec
from milvise.core.arrays import unit
from milvise.errors import UnknownWordError

K = 10
PICTURES = 200
KINDS = ("flat", "hnsw", "ivf_flat", "ivf_sq8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri")
    parser.add_argument("--gallery", default="default")
    arguments = parser.parse_args()
    with milvise.connect(arguments.uri) as db:
        print(f"Milvus {db.store.connection.version}")
        print(f"{'collection':<12} {'rows':>7} {'dim':>5} {'queries':>8} {'index':<40} {'recall@10':>9} {'worst':>6}")
        for room in ("joint", "visual"):
            collection = db.store.live(f"{arguments.gallery}_{room}")
            assert collection is not None
            rows = list(collection.scan(["id", "label", "vector"]))
            vectors = unit(np.asarray([row["vector"] for row in rows], dtype=np.float32))
            queries = words(db, rows) if room == "joint" else pictures(vectors)
            for kind in KINDS:
                finished = db.store.finish(collection, IndexSpec(kind))
                recalls = [recall(finished, query, vectors) for query in queries]
                print(
                    f"{room:<12} {len(rows):>7} {vectors.shape[1]:>5} {len(queries):>8} {finished.manifest.index:<40}"
                    f" {np.mean(recalls):>9.4f} {min(recalls):>6.2f}"
                )
                collection = finished
            db.store.finish(collection, IndexSpec("auto"))


def words(db: milvise.Database, rows: list[dict[str, Any]]) -> list[Any]:
    found = []
    for label in sorted({row["label"] for row in rows}):
        try:
            found.append(db.words.vector(f'"{label}"'))
        except UnknownWordError:
            continue
    return found


def pictures(vectors: Any) -> list[Any]:
    chosen = np.random.default_rng(0).choice(len(vectors), min(PICTURES, len(vectors)), replace=False)
    return list(vectors[chosen])


def recall(collection: Collection, query: Any, vectors: Any) -> float:
    exact = np.sort(vectors @ query)[::-1][:K]
    hits = collection.search(query[np.newaxis], limit=K, fields=[collection.room.key])[0]
    return sum(score >= exact[-1] - 1e-5 for _, score in hits) / len(exact)


if __name__ == "__main__":
    main()
