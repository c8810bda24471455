"""From the files of a shard back to rows, for what is not imported by the server itself: upserts, and the comparison of a sample."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.core.records import Row
from milvise.core.spaces import JOINT, VISUAL
from milvise.errors import InputError
from milvise.ingest.rows import RowBatch
from milvise.ingest.shards.folder import ShardFolder, ShardLedger

_ROWS = 1_000


def read_shard(folder: ShardFolder, done: ShardLedger, *, joint: bool, rows: int = _ROWS) -> Iterator[RowBatch]:
    """Yield the rows of a shard, so many at a time.

    Parameters
    ----------
    joint : bool
        Whether there are joint vectors.

    Raises
    ------
    InputError
        If the files do not hold what the ledger says.
    """
    visual = _batches(folder.rows(VISUAL, done.number), done.rows, rows)
    if not joint:
        yield from (RowBatch(tuple(batch), None) for batch in visual)
        return
    path = folder.rows(JOINT, done.number)
    for batch, other in zip(visual, _batches(path, done.rows, rows), strict=True):
        yield RowBatch(tuple(batch), _vectors(batch, other, path))


def read_ids(path: Path) -> Iterator[list[str]]:
    """Yield the primary keys in a file of a shard, some at a time."""
    for batch in _parts(path, None, _ROWS, ["id"]):
        yield [row["id"] for row in batch]


def read_sample(path: Path, rows: int, chosen: Random) -> list[Row]:
    """Return some rows of a file, all of one row group, or fewer if it has no more."""
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            group = file.read_row_group(chosen.randrange(file.metadata.num_row_groups))
            places = chosen.sample(range(len(group)), min(rows, len(group)))
            return [_row(values) for values in group.take(places).to_pylist()]
    except (ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}. Embed the shard again.") from error


def _batches(path: Path, expected: int, size: int) -> Iterator[list[Row]]:
    for batch in _parts(path, expected, size, None):
        yield [_row(values) for values in batch]


def _parts(path: Path, expected: int | None, size: int, columns: list[str] | None) -> Iterator[list[Row]]:
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            if expected is not None and file.metadata.num_rows != expected:
                raise InputError(
                    f"{path} was damaged after it was written.\nExpected: {expected:,} rows"
                    f"\nReceived: {file.metadata.num_rows:,} rows\nEmbed the shard again."
                )
            for batch in file.iter_batches(size, columns=columns):
                yield batch.to_pylist()
    except (ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}. Embed the shard again.") from error


def _row(values: dict[str, Any]) -> Row:
    return {**values, "meta": json.loads(values["meta"]), "vector": np.asarray(values["vector"], np.float32)}


def _vectors(visual: list[Row], joint: list[Row], path: Path) -> Floats:
    if [row["id"] for row in visual] != [row["id"] for row in joint]:
        raise InputError(f"{path} does not hold the pictures of the visual shard beside it. Embed the shard again.")
    return np.stack([row["vector"] for row in joint])
