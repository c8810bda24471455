"""What Milvus Lite holds in memory of a collection, and of one that was searched, beside what milvise says that it takes.

    python benchmarks/lite_memory.py [--rows 20000] [--dims 50 128 512 1280]

For each width a database is made; a process of its own opens it, makes ten searches, and prints the largest resident set. What a process
that opens an empty database takes is subtracted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from results import leave

import milvise
from milvise.adapter import IndexSpec, Manifest
from milvise.adapter.lite_memory import lite_bytes

_SEARCH = """
import resource, sys
import numpy as np
import milvise
with milvise.connect(sys.argv[1]) as db:
    for manifest in db.store.manifests():
        found = db.store.find(manifest)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for seed in range(10):
            found.search(np.random.default_rng(seed).random((1, manifest.dim)), limit=100, fields=["id", "uri"])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--dims", type=int, nargs="+", default=[50, 128, 512, 1280])
    given = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        empty = peak(made(Path(folder, "empty.db"), 100, 8))
        print(f"a small database: {empty / 2**20:,.0f} MiB")
        for dim in given.dims:
            taken = peak(made(Path(folder, f"{dim}.db"), given.rows, dim)) - empty
            said = lite_bytes(given.rows, dim)
            found[dim] = {"taken": taken, "said": said}
            print(
                f"{given.rows:,} rows of width {dim}: {taken / 2**20:,.0f} MiB, {taken / given.rows:,.0f} bytes each; said {said / 2**20:,.0f} MiB, {said / taken:.2f}"
            )
    leave("lite-memory", {"rows": given.rows, "dims": found})


def made(path: Path, rows: int, dim: int) -> Path:
    """Return a database with one collection of pictures."""
    draw = np.random.default_rng(0)
    with milvise.connect(path, create=True) as db:
        collection = db.store.build(
            Manifest("memory_visual", "visual", dim, {"made": "for its size"}, top_classes=True)
        )
        for start in range(0, rows, 1_000):
            collection.upsert(
                {
                    "id": f"{number:032x}", "uri": f"folder/{number % 100}/{number}.jpg", "label": f"label {number % 50}",
                    "sha256": f"{number:064x}", "width": 640, "height": 480, "meta": {"caption": f"a picture of thing {number}"},
                    "top_classes": "A" * 160, "sketch": "A" * 256, "vector": vector,
                }
                for number, vector in enumerate(draw.random((min(1_000, rows - start), dim)).astype(np.float32), start)
            )  # fmt: skip
        db.store.publish(db.store.finish(collection, IndexSpec("flat")))
    return path


def peak(path: Path) -> int:
    """Return the largest resident set, in bytes, of a process that searches all of a database."""
    done = subprocess.run([sys.executable, "-c", _SEARCH, str(path)], check=True, capture_output=True, text=True)
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
