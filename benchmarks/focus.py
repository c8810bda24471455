"""How much of the exact focused top 10 is found over the unchanged index, on a gallery that stands in Milvus.

    python benchmarks/focus.py --gallery c [--uri URI]

200 random pairs of a stored picture and a class. The exact answer is ``cos(w*q, w*x)`` over all stored vectors, computed
with numpy; a hit as similar as the exact tenth (to 1e-5) counts as right. ``plain`` is what the same search finds
without re-ranking, among its first 10 candidates.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from results import leave

import milvise
from milvise.queries.focus.weights import CANDIDATES, focused_query, focused_similarity

K = 10
PAIRS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri")
    parser.add_argument("--gallery", default="default")
    arguments = parser.parse_args()
    with milvise.connect(arguments.uri) as db:
        gallery = db.gallery(arguments.gallery)
        visual = db.store.live(f"{arguments.gallery}_visual")
        assert visual is not None
        rows = list(visual.scan(["id", "vector"]))
        ids = [row["id"] for row in rows]
        vectors = np.asarray([row["vector"] for row in rows], dtype=np.float32)
        classes = db.store.live(f"classes_{visual.manifest.fingerprint['backbone']}")
        assert classes is not None
        names = gallery.classes()
        weights = classes.vectors(names)
        random = np.random.default_rng(0)
        found, plain, focused_s, similar_s = [], [], [], []
        for _ in range(PAIRS):
            place, name = int(random.integers(len(ids))), names[int(random.integers(len(names)))]
            exact = focused_similarity(vectors[place], weights[name], vectors)
            exact[place] = -np.inf
            tenth = np.sort(exact)[-K]
            started = time.perf_counter()
            hits = gallery.similar(ids[place], focus=name, limit=K)
            middle = time.perf_counter()
            gallery.similar(ids[place], limit=K)
            similar_s.append(time.perf_counter() - middle)
            focused_s.append(middle - started)
            found.append(sum(hit.similarity >= tenth - 1e-5 for hit in hits) / K)
            query = focused_query(vectors[place], weights[name])
            candidates = visual.search(query[np.newaxis], limit=K + 1, fields=["id"])[0]
            score = dict(zip(ids, exact, strict=True))
            plain.append(sum(score[row["id"]] >= tenth - 1e-5 for row, _ in candidates) / K)
        print(f"Milvus {db.store.connection.version}, {len(ids):,} pictures, {visual.manifest.index}, {PAIRS} pairs")
        print(f"recall@10 re-ranked among {CANDIDATES} or more: {np.mean(found):.4f} (worst {min(found):.2f})")
        print(f"recall@10 without re-ranking: {np.mean(plain):.4f}")
        ratio = np.median(focused_s) / np.median(similar_s)
        print(
            f"p50 focused {1e3 * np.median(focused_s):.1f} ms, plain {1e3 * np.median(similar_s):.1f} ms, ratio {ratio:.2f}"
        )
        leave(
            f"focus-{'lite' if db.store.connection.is_lite else 'server'}",
            {"recall": float(np.mean(found)), "ratio": float(ratio)},
        )


if __name__ == "__main__":
    main()
