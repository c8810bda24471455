"""Whether collections hold what shards hold: counted, and compared in a sample, before anybody searches them."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from milvise.adapter import Collection
from milvise.ingest.shards.folder import ShardFolder, ShardLedger
from milvise.ingest.shards.import_files import DoubtError
from milvise.ingest.shards.read_rows import read_ids, read_sample

SAMPLE_SHARDS, SAMPLE_ROWS = 5, 20
TOLERANCE = 1e-6
VISIBLE_S = 180.0
"""A server shows imported rows in a loaded collection some 15 s after it says that they are in."""

_LOOK_S = 1.0


def require_count(collection: Collection, expected: int) -> None:
    """Check that a collection holds so many rows; those that were imported may take a while to show.

    Raises
    ------
    DoubtError
        If it holds more, or fewer after three minutes.
    """
    deadline = time.monotonic() + VISIBLE_S
    while (found := collection.count()) < expected and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    if found != expected:
        raise DoubtError(
            f"the collection {collection.name} does not hold the rows of the shards.\nExpected: {expected:,} rows\nReceived:"
            f" {found:,} rows"
        )


def await_shards(collection: Collection, folder: ShardFolder, numbers: Sequence[int]) -> None:
    """Wait until some rows of each part of shards are given out.

    Raises
    ------
    DoubtError
        If they are not within three minutes.
    """
    deadline = time.monotonic() + VISIBLE_S
    for number in numbers:
        keys = [batch[0] for batch in read_ids(folder.rows(collection.manifest.room, number))]
        while len(collection.get(keys, fields=["id"])) < len(keys):
            if time.monotonic() > deadline:
                raise DoubtError(f"the server imported the shard {number} and does not give out its pictures.")
            time.sleep(_LOOK_S)


def compare_sample(collection: Collection, folder: ShardFolder, shards: Sequence[ShardLedger]) -> int:
    """Compare some rows of some shards with what a collection gives out; return how many.

    Raises
    ------
    DoubtError
        If one is not there, or differs.
    """
    chosen = random.Random(0)  # noqa: S311 - which rows are looked at is no secret
    filled = [done for done in shards if done.rows]
    compared = 0
    for done in chosen.sample(filled, min(SAMPLE_SHARDS, len(filled))):
        rows = read_sample(folder.rows(collection.manifest.room, done.number), SAMPLE_ROWS, chosen)
        sample = {row["id"]: row for row in rows}
        found = collection.get(list(sample), fields=[*collection.room.fields, "vector"])
        for key, row in sample.items():
            if key not in found or not _same(row, found[key]):
                raise DoubtError(f"the picture {row['uri']!r} is not in {collection.name} as its shard has it.")
        compared += len(sample)
    return compared


def _same(row: Any, found: Any) -> bool:
    vector = np.asarray(found["vector"], np.float32)
    scalars = all(found[name] == value for name, value in row.items() if name != "vector")
    return scalars and bool(np.allclose(vector, row["vector"], rtol=0, atol=TOLERANCE))
