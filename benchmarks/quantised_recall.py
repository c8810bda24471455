"""What is lost when vectors are kept as bytes or bits: recall@10 of the codes of Milvus' indexes, with Faiss, on vectors of one's own pictures.

    milvise ingest images FOLDER --gallery c
    python benchmarks/quantised_recall.py --gallery c [--uri URI] [--rows 20000]

Milvus' own library builds on Faiss: SQ8 and SQ6 are its scalar quantisers, RaBitQ its binary one. Each index probes all its clusters, or has a wide beam, so that what is
lost is lost by the codes. Queries are 500 of the vectors, each of which is left out of its own answer. This says which code is good enough; how fast an index
is, and what a server of one's own finds, says ``milvise evaluate index --kind KIND``.
"""

from __future__ import annotations

import argparse

import faiss
import numpy as np
from results import leave

import milvise
from milvise.core.arrays import Floats, unit

K, QUERIES = 10, 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri")
    parser.add_argument("--gallery", default="default")
    parser.add_argument("--rows", type=int, default=20_000)
    arguments = parser.parse_args()
    found = []
    print(f"{'collection':<11} {'rows':>7} {'dim':>5} {'code':<28} {'recall@10':>9}")
    with milvise.connect(arguments.uri) as db:
        for room in ("visual", "joint"):
            collection = db.store.live(f"{arguments.gallery}_{room}")
            if collection is None:
                continue
            rows = [row["vector"] for row, _ in zip(collection.scan(["vector"]), range(arguments.rows), strict=False)]
            vectors = unit(np.asarray(rows, np.float32))
            for name, value in recalls(vectors).items():
                found.append(
                    {"collection": room, "rows": len(vectors), "dim": vectors.shape[1], "code": name, "recall": value}
                )
                print(f"{room:<11} {len(vectors):>7,} {vectors.shape[1]:>5} {name:<28} {value:>9.4f}", flush=True)
    leave("quantised_recall", {"rows": found})


def recalls(vectors: Floats) -> dict[str, float]:
    """Return recall@10 of each code."""
    queries = vectors[np.random.default_rng(0).choice(len(vectors), min(QUERIES, len(vectors)), replace=False)]
    exact = nearest(built(faiss.IndexFlatIP(vectors.shape[1]), vectors), queries)
    return {name: shared(nearest(index, queries), exact) for name, index in indexes(vectors)}


def indexes(vectors: Floats):
    dim, lists = vectors.shape[1], max(1, min(4 * int(np.sqrt(len(vectors))), len(vectors) // 39))
    metric = faiss.METRIC_INNER_PRODUCT
    quantiser = faiss.ScalarQuantizer
    graph = faiss.IndexHNSWSQ(dim, quantiser.QT_8bit, 16, metric)
    graph.hnsw.efConstruction, graph.hnsw.efSearch = 200, 512
    yield "hnsw_sq8", built(graph, vectors)
    bytes_ = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(dim), dim, lists, quantiser.QT_8bit, metric)
    yield "ivf_sq8", all_probed(built(bytes_, vectors), lists)
    coarse = faiss.IndexIVFRaBitQ(faiss.IndexFlatIP(dim), dim, lists, metric)
    coarse.nprobe = lists
    # Bits are of vectors that are turned at random first, as Milvus does it.
    bits = built(faiss.IndexPreTransform(faiss.RandomRotationMatrix(dim, dim), coarse), vectors)
    yield "bits alone", bits
    for name, kind in (("SQ6", quantiser.QT_6bit), ("SQ8", quantiser.QT_8bit)):
        fine = built(faiss.IndexScalarQuantizer(dim, kind, metric), vectors)
        for factor in (2, 4, 8, 16):
            refined = faiss.IndexRefine(bits, fine)
            refined.k_factor = factor
            yield f"bits, refined {name}, k * {factor}", refined


def built(index, vectors: Floats):
    index.train(vectors)
    index.add(vectors)
    return index


def all_probed(index, lists: int):
    index.nprobe = lists
    return index


def nearest(index, queries: Floats) -> list[set[int]]:
    _, found = index.search(queries, K + 1)
    return [set(row.tolist()) for row in found]


def shared(found: list[set[int]], exact: list[set[int]]) -> float:
    # One of the hits is the query itself.
    return float(np.mean([(len(one & other) - 1) / K for one, other in zip(found, exact, strict=True)]))


if __name__ == "__main__":
    main()
