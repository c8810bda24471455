"""How fast this machine lists pictures, and writes rows into the files of shards."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np

from milvise.adapter import Manifest
from milvise.adapter.schema import SKETCH, TOP_CLASSES
from milvise.core.records import Row, record_id
from milvise.core.spaces import JOINT, VISUAL
from milvise.embeddings.devise.sketches import sketch
from milvise.embeddings.devise.top_classes import KEPT, encode
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
    spaces: Mapping[str, int],
    narrow: int,
    folder: Path,
    *,
    top_classes: bool = True,
    rows: tuple[int, int, int] = (FEW, MANY, WIDE),
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
    top_classes : bool
        Whether visual rows hold what a backbone saw.
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
    holding = rows_hold(spaces, top_classes=top_classes)
    taken = {(count, dim): _written({VISUAL: dim}, count, folder, top_classes=holding(dim))[0] for count, dim in sizes}
    source = f"{HERE}: {many:,} rows of {narrow} values and {some:,} of {wide}, Parquet"
    _, size = _written(spaces, some, folder, top_classes=top_classes)
    return fitted(taken, source=source), Figure(size / some, "bytes", f"{HERE}: Parquet, both collections")


def rows_hold(spaces: Mapping[str, int], *, top_classes: bool) -> Callable[[int], bool]:
    """Return the function that tells whether rows of a width hold what a backbone saw: visual ones do, joint ones do not."""
    return lambda dim: top_classes and (JOINT not in spaces or dim == spaces[VISUAL])


def _written(spaces: Mapping[str, int], count: int, folder: Path, *, top_classes: bool) -> tuple[float, int]:
    """Write rows of a width for each space; return the seconds, and the bytes of the files."""
    made = {
        name: Manifest(f"calibration_{name}", name, dim, {}, top_classes=top_classes and name == VISUAL)
        for name, dim in spaces.items()
    }
    shards = ShardFolder(folder / f"written-{count}-{'-'.join(map(str, spaces.values()))}")
    manifest = ShardsManifest(made[VISUAL], made.get(JOINT), 1, count, 0, count, ())
    rows = tuple(sample_rows(spaces[VISUAL], count, top_classes=top_classes))
    joint = None if JOINT not in spaces else np.stack([row["vector"] for row in sample_rows(spaces[JOINT], count)])
    with closing(RowsFile(shards, 0, manifest, None)) as file:
        started = time.perf_counter()
        file.write(RowBatch(rows, joint))
        file.finish()
        seconds = time.perf_counter() - started
    return seconds, sum(shards.rows(name, 0).stat().st_size for name in spaces)


def sample_rows(dim: int, count: int, *, first: int = 0, top_classes: bool = False) -> list[Row]:
    """Return rows as a gallery holds them, with vectors of length one around some hundred centres. A server reads and compresses them as real ones.

    Parameters
    ----------
    first : int
        The number of the first row.
    top_classes : bool
        Whether they hold what a backbone saw, and its vectors, of which nearly half the values are zero.
    """
    random = np.random.default_rng(first)
    centres = np.random.default_rng(7).normal(size=(200, dim))
    vectors = centres[random.integers(0, len(centres), count)] + 0.6 * random.normal(size=(count, dim))
    vectors = np.maximum(vectors, 0.0) if top_classes else vectors
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    uris = [f"folder/{number:09d}.jpg" for number in range(first, first + count)]
    texts = _texts(count, random) if top_classes else [{}] * count
    return [
        {
            **texts[number],
            "id": record_id(uri), "uri": uri, "label": f"label {number % 100}", "sha256": 2 * record_id(f"content of {uri}"), "width": 500, "height": 375, "meta": {}, "vector": vector,
        }
        for number, (uri, vector) in enumerate(zip(uris, vectors, strict=True))
    ]  # fmt: skip


def _texts(count: int, random: np.random.Generator) -> list[dict[str, str]]:
    """Return what a backbone saw in pictures, as texts of their usual length that all differ, as they do: a server reads those slower."""
    seen = encode(random.dirichlet(np.ones(2 * KEPT), count).astype(np.float32))
    drawn = sketch(random.normal(size=(count, 256)).astype(np.float32))
    return [{TOP_CLASSES: top, SKETCH: look} for top, look in zip(seen, drawn, strict=True)]
