"""What inserting, indexing and loading cost by the number of rows and their width: where the growth in `milvise plan` comes from.

    python benchmarks/index_growth.py --uri http://localhost:19530 [--dims 100 1280] [--rows 5000 20000 80000]

Rows are those of a visual collection, with vectors around 200 centres. Collections are made for it, and dropped. With `--pid` of a server that does nothing else, the
memory that loading a collection adds to the process is printed too, in bytes a row, after the index was built and the collection was loaded twice.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

from results import leave

import milvise
from milvise.adapter import IndexSpec
from milvise.adapter.trial import trial
from milvise.operations.capacity.measure_embedding import sample_rows

KINDS = ("hnsw", "ivf_sq8")
CHUNK = 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uri", required=True)
    parser.add_argument("--dims", type=int, nargs="+", default=[100, 1280])
    parser.add_argument("--rows", type=int, nargs="+", default=[5_000, 20_000, 80_000])
    parser.add_argument("--kinds", nargs="+", default=list(KINDS))
    parser.add_argument("--pid", type=int)
    arguments = parser.parse_args()
    found = []
    print(
        f"{'dim':>5} {'rows':>9} {'insert':>9} {'kind':<9} {'index':>9} {'load':>8} {'µs a row':>9} {'growth':>7} {'bytes/row':>9}"
    )
    with milvise.connect(arguments.uri, create=True) as db:
        for dim in arguments.dims:
            before: dict[str, tuple[int, float]] = {}
            for rows in arguments.rows:
                with trial(db.store, room="visual", dim=dim) as tried:
                    inserted = sum(
                        tried.insert(sample_rows(dim, min(CHUNK, rows - first), first=first))
                        for first in range(0, rows, CHUNK)
                    )
                    tried.settle()
                    for kind in arguments.kinds:
                        spec = IndexSpec.parse(kind).resolve(rows=rows, dim=dim, is_lite=db.store.connection.is_lite)
                        seconds, loading = tried.index(spec), tried.load()
                        row_s, growth = seconds / rows, math.nan
                        if kind in before:
                            growth = math.log(row_s / before[kind][1]) / math.log(rows / before[kind][0])
                        before[kind] = rows, row_s
                        memory = math.nan if arguments.pid is None else tried_memory(tried, arguments.pid) / rows
                        found.append({
                            "dim": dim, "rows": rows, "insert_s": inserted, "kind": kind, "index_s": seconds, "load_s": loading, "growth": growth,
                            "bytes_a_row": memory,
                        })  # fmt: skip
                        print(
                            f"{dim:>5} {rows:>9,} {inserted:>7.1f} s {kind:<9} {seconds:>7.1f} s {loading:>6.1f} s {1e6 * row_s:>9.1f} {growth:>7.2f} {memory:>9.0f}",
                            flush=True,
                        )
    leave("index_growth", {"rows": found})


def tried_memory(tried, pid: int) -> float:
    """Return the bytes that loading a collection adds to a process."""
    tried.release()
    time.sleep(5)
    without = resident(pid)
    tried.load()
    time.sleep(2)
    return resident(pid) - without


def resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"the process {pid} does not say how much memory it has")


if __name__ == "__main__":
    main()
