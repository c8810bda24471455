"""Bare pymilvus under load: so many threads search among visual vectors; prints figures as JSON. `load_service.py` runs it.

python benchmarks/load_bare.py URI GALLERY THREADS SECONDS VECTORS.npy
"""

from __future__ import annotations

import json
import sys
import threading
import time

import numpy as np
from load_service import LIMIT

import milvise
from milvise.adapter import IndexSpec


def main() -> None:
    uri, gallery, threads, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    vectors = np.load(sys.argv[5]).tolist()
    with milvise.connect(uri) as db:
        visual = db.store.live(f"{gallery}_visual")
        assert visual is not None
        params = {"metric_type": "COSINE", "params": IndexSpec.parse(visual.manifest.index).search_params(LIMIT)}
        client = db.store.connection.client
        ends = time.perf_counter() + seconds
        times: list[list[float]] = [[] for _ in range(threads)]

        def ask(number: int) -> None:
            place = number * len(vectors) // threads
            while (started := time.perf_counter()) < ends:
                client.search(
                    visual.name, [vectors[place % len(vectors)]], limit=LIMIT, output_fields=["uri", "label", "meta"],
                    search_params=params, consistency_level="Bounded",
                )  # fmt: skip
                times[number].append(time.perf_counter() - started)
                place += 1

        started = time.perf_counter()
        running = [threading.Thread(target=ask, args=(number,)) for number in range(threads)]
        for one in running:
            one.start()
        for one in running:
            one.join()
        took = time.perf_counter() - started
    together = np.concatenate([np.asarray(one) for one in times]) * 1e3
    p50, p95, p99 = np.percentile(together, (50, 95, 99))
    print(json.dumps({"per_second": together.size / took, "p50": p50, "p95": p95, "p99": p99, "not_answered": 0}))


if __name__ == "__main__":
    main()
