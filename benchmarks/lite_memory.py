"""What Milvus Lite holds in memory of a collection, and of one that was searched, beside what milvise says that it takes.

    python benchmarks/lite_memory.py [--rows 20000] [--dims 50 128 512 1280] [--words 400000]

For each width a database of pictures is made, and one of words of width 50; a process of its own opens it, makes ten searches, and prints the largest resident set. What a process
that opens an empty database takes is subtracted.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

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
        for seed in range(10):
            found.search(np.random.default_rng(seed).random((1, manifest.dim)), limit=100, fields=[found.room.key])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--dims", type=int, nargs="+", default=[50, 128, 512, 1280])
    parser.add_argument("--words", type=int, default=400_000)
    given = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        empty = peak(made(Path(folder, "empty.db"), 100, 8))
        print(f"a small database: {empty / 2**20:,.0f} MiB")
        for room, rows, dim in [*(("visual", given.rows, dim) for dim in given.dims), ("words", given.words, 50)]:
            taken = peak(made(Path(folder, f"{room}{dim}.db"), rows, dim, room)) - empty
            said = lite_bytes(rows, dim, room)
            found[f"{room} {dim}"] = {"rows": rows, "taken": taken, "said": said}
            print(
                f"{rows:,} rows of width {dim}, {room}: {taken / 2**20:,.0f} MiB, {taken / rows:,.0f} bytes each; said {said / 2**20:,.0f} MiB, {said / taken:.2f}"
            )
    leave("lite-memory", found)


def made(path: Path, rows: int, dim: int, room: str = "visual") -> Path:
    """Return a database with one collection."""
    draw = np.random.default_rng(0)
    with milvise.connect(str(path), create=True) as db:
        is_visual = room == "visual"
        manifest = Manifest(f"memory_{room}", room, dim, {"made": "for its size"}, top_classes=is_visual)
        collection = db.store.build(manifest)
        for start in range(0, rows, 1_000):
            vectors = draw.random((min(1_000, rows - start), dim)).astype(np.float32)
            row = picture if is_visual else word
            collection.upsert({**row(number), "vector": vector} for number, vector in enumerate(vectors, start))
        db.store.publish(db.store.finish(collection, IndexSpec("flat")))
    return path


def picture(number: int) -> dict[str, Any]:
    return {
        "id": f"{number:032x}", "uri": f"folder/{number % 100}/{number}.jpg", "label": f"label {number % 50}", "sha256": f"{number:064x}", "width": 640,
        "height": 480, "meta": {"caption": f"a picture of thing {number}"}, "top_classes": "A" * 160, "sketch": "A" * 256,
    }  # fmt: skip


def word(number: int) -> dict[str, Any]:
    return {"word": f"word{number}", "rank": number}


def peak(path: Path) -> int:
    """Return the largest resident set, in bytes, of a process that searches all of a database."""
    done = subprocess.run([sys.executable, "-c", _SEARCH, str(path)], check=True, capture_output=True, text=True)
    return int(done.stdout) * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
