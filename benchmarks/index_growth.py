"""What inserting, indexing and loading cost by the number of rows and their width: where the growth in `milvise plan` comes from.

    python benchmarks/index_growth.py --uri http://localhost:19530 [--dims 100 1280] [--rows 5000 20000 80000]

Rows are those of a visual collection, with vectors around 200 centres. Collections are made for it, and dropped. ``growth`` is the power of the number of
rows by which the cost of one row grew since the line before, once `FIXED_S` are taken off, which a server needs for a collection of any size. With `--pid`, the process of a server on this machine that does nothing else, it is
the growth of the processor time of that process, which other programs disturb less.
"""

from __future__ import annotations

import argparse
import math
import os
from pathlib import Path

from results import leave

import milvise
from milvise.adapter import IndexSpec
from milvise.adapter.trial import trial
from milvise.operations.capacity.measure_files import sample_rows

KINDS = ("hnsw", "ivf_sq8")
CHUNK = 20_000
FIXED_S = 1.5


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
        f"{'dim':>5} {'rows':>9} {'insert':>9} {'kind':<9} {'index':>9} {'load':>8} {'processor':>10} {'µs a row':>9} {'growth':>7}"
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
                        used = 0.0 if arguments.pid is None else processor_s(arguments.pid)
                        seconds, loading = tried.index(spec), tried.load()
                        used = 0.0 if arguments.pid is None else processor_s(arguments.pid) - used
                        row_s, growth = (used or max(0.0, seconds - FIXED_S)) / rows, math.nan
                        if kind in before and row_s and before[kind][1]:
                            growth = math.log(row_s / before[kind][1]) / math.log(rows / before[kind][0])
                        before[kind] = rows, row_s
                        found.append({
                            "dim": dim, "rows": rows, "insert_s": inserted, "kind": kind, "index_s": seconds, "load_s": loading, "processor_s": used,
                            "growth": growth,
                        })  # fmt: skip
                        print(
                            f"{dim:>5} {rows:>9,} {inserted:>7.1f} s {kind:<9} {seconds:>7.1f} s {loading:>6.1f} s {used:>8.1f} s {1e6 * row_s:>9.1f} {growth:>7.2f}",
                            flush=True,
                        )
    leave("index_growth", {"rows": found})


def processor_s(pid: int) -> float:
    """Return the processor time that a process has used, by all its threads."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
