"""How fast this machine lists pictures, and writes rows into the files of shards."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import numpy as np

from milvise.adapter import Manifest
from milvise.core.records import Row
from milvise.core.spaces import JOINT, VISUAL
from milvise.ingest.rows import RowBatch
from milvise.ingest.shards.folder import ShardFolder, ShardsManifest
from milvise.ingest.shards.listing import write_listing
from milvise.ingest.shards.rows_file import RowsFile
from milvise.ingest.sources import open_source
from milvise.operations.capacity.figures import HERE, Cost, Figure, fitted

LISTED = 5_000
FEW, MANY, WIDE = 1_000, 20_000, 4_000
"""Narrow rows, a few and many of them, and wide ones."""


def measure_listing(folder: Path, *, count: int = LISTED) -> Figure:
    """List a folder of empty files as `milvise embed` does.

    Parameters
    ----------
    folder : Path
        For files that are not needed afterwards.
    """
    listed = folder / "listed"
    for number in range(count):
        path = listed / f"{number // 500}" / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = write_listing([open_source(str(listed))], ShardFolder(folder / "listing"), shard_rows=count)
    return Figure(count / found.seconds, "files/s", f"{HERE}: a folder of {count:,} files")


def measure_writing(
    spaces: Mapping[str, int], narrow: int, folder: Path, *, rows: tuple[int, int, int] = (FEW, MANY, WIDE)
) -> tuple[Cost, Figure]:
    """Write rows into files as a worker does.

    Parameters
    ----------
    spaces : mapping of str to int
        The width of each collection.
    narrow : int
        A width that is smaller than that of the visual vectors, to be measured too.
    folder : Path
        For files that are not needed afterwards.
    rows : tuple of int
        A few and many narrow rows, and wide ones.

    Returns
    -------
    cost : Cost
        Of the rows of one collection.
    bytes : Figure
        Of one picture in the files of all collections.
    """
    few, many, some = rows
    wide = spaces[VISUAL]
    sizes = ((few, narrow), (many, narrow), (some, wide))
    taken = {(count, dim): _written({VISUAL: dim}, count, folder)[0] for count, dim in sizes}
    source = f"{HERE}: {many:,} rows of {narrow} values and {some:,} of {wide}, Parquet"
    _, size = _written(spaces, some, folder)
    return fitted(taken, source=source), Figure(size / some, "bytes", f"{HERE}: Parquet, both collections")


def _written(spaces: Mapping[str, int], count: int, folder: Path) -> tuple[float, int]:
    """Write rows of a width for each space; return the seconds, and the bytes of the files."""
    made = {name: Manifest(f"calibration_{name}", name, dim, {}) for name, dim in spaces.items()}
    shards = ShardFolder(folder / f"written-{count}-{'-'.join(map(str, spaces.values()))}")
    manifest = ShardsManifest(made[VISUAL], made.get(JOINT), 1, count, 0, count, ())
    rows = tuple(sample_rows(spaces[VISUAL], count))
    joint = None if JOINT not in spaces else np.stack([row["vector"] for row in sample_rows(spaces[JOINT], count)])
    with closing(RowsFile(shards, 0, manifest, None)) as file:
        started = time.perf_counter()
        file.write(RowBatch(rows, joint))
        file.finish()
        seconds = time.perf_counter() - started
    return seconds, sum(shards.rows(name, 0).stat().st_size for name in spaces)


def sample_rows(dim: int, count: int, *, first: int = 0) -> list[Row]:
    """Return rows as a gallery holds them, with vectors of length one around some hundred centres."""
    random = np.random.default_rng(first)
    centres = np.random.default_rng(7).normal(size=(200, dim))
    vectors = centres[random.integers(0, len(centres), count)] + 0.6 * random.normal(size=(count, dim))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return [
        {
            "id": f"{first + number:032x}", "uri": f"folder/{first + number:09d}.jpg", "label": f"label {number % 100}",
            "sha256": f"{first + number:064x}", "width": 500, "height": 375, "meta": {}, "vector": vector,
        }
        for number, vector in enumerate(vectors)
    ]  # fmt: skip
