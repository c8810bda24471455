"""The rows of one shard as Parquet files, in the layout that Milvus' bulk import takes: one column a field, vectors as lists of float32.

The same rows make the same bytes: they are written in groups of a fixed size, whatever batches they come in. A server reads a file by its row
groups, and groups of 1,000 rows take it twice as long as groups of 10,000. Vectors are neither compressed nor looked through for values that come
again: that would make files no smaller, and reading slower.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from pymilvus import DataType

from milvise.adapter import Manifest
from milvise.adapter.rows import value_of
from milvise.adapter.schema import Room, room_of
from milvise.core.arrays import Floats
from milvise.core.records import Row
from milvise.core.spaces import JOINT, VISUAL
from milvise.embeddings.devise.classes import Classes
from milvise.errors import InputError
from milvise.gallery.pair import with_top_classes
from milvise.ingest.rows import RowBatch
from milvise.ingest.shards.folder import ShardFolder, ShardsManifest, partial_name

_GROUP_BYTES = 32 * 2**20
_LEAST_GROUP, _MOST_GROUP = 1_000, 10_000


def group_rows(dim: int) -> int:
    """Return how many rows of a width stand in one row group; so many are held in memory."""
    return max(_LEAST_GROUP, min(_MOST_GROUP, _GROUP_BYTES // (4 * dim)))


def write_table(table: Any, path: Path, dim: int) -> None:
    """Write rows of a width to a file of their own, as `RowsFile` writes them."""
    from pyarrow import parquet

    with parquet.ParquetWriter(path, table.schema, **_options(table.schema)) as writer:
        writer.write_table(table, group_rows(dim))


class RowsFile:
    """A sink for the rows of one shard: one file for each space. It holds back one group of rows, see `group_rows`.

    Parameters
    ----------
    classes : Classes, optional
        Those whose probabilities stand with each picture.
    """

    def __init__(self, folder: ShardFolder, number: int, manifest: ShardsManifest, classes: Classes | None) -> None:
        self._classes = classes if manifest.visual.top_classes else None
        self._held: list[Row] = []
        self._held_joint: list[Floats] = []
        self._rows = 0
        self._group = min(group_rows(made.dim) for made in manifest.collections.values())
        self._files = {space: _Writer(folder.rows(space, number), made) for space, made in manifest.collections.items()}

    def write(self, batch: RowBatch) -> None:
        """Take rows, and write a group once there are enough of them."""
        self._held += batch.rows
        if batch.joint is not None:
            self._held_joint += list(batch.joint)
        while len(self._held) >= self._group:
            self._write_group()

    def finish(self) -> int:
        """Write what is held back, give the files their names, and return how many rows they have."""
        if self._held or not self._rows:
            self._write_group()
        for file in self._files.values():
            file.finish()
        return self._rows

    def hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each file, by space, once they are finished."""
        return {space: file.sha256() for space, file in self._files.items()}

    def close(self) -> None:
        """Remove what was not finished."""
        for file in self._files.values():
            file.close()

    def _write_group(self) -> None:
        rows, self._held = self._held[: self._group], self._held[self._group :]
        joint, self._held_joint = self._held_joint[: self._group], self._held_joint[self._group :]
        self._rows += len(rows)
        if JOINT in self._files:
            self._files[JOINT].write(rows, joint)
        seen = rows if self._classes is None or not rows else with_top_classes(rows, self._classes)
        self._files[VISUAL].write(seen, [row["vector"] for row in rows])


class _Writer:
    def __init__(self, path: Path, made: Manifest) -> None:
        self._path, self._partial = path, partial_name(path)
        self._room = room_of(made.room, top_classes=made.top_classes, partition=made.partition)
        self._dim = made.dim
        self._opened = ExitStack()
        self._writer: Any = None

    def write(self, rows: Sequence[Row], vectors: Sequence[Floats]) -> None:
        from pyarrow import parquet

        table = as_table(rows, vectors, self._room, self._dim)
        try:
            if self._writer is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                writer = parquet.ParquetWriter(self._partial, table.schema, **_options(table.schema))
                self._writer = self._opened.enter_context(writer)
            self._writer.write_table(table)
        except OSError as error:
            raise InputError(f"{self._partial} cannot be written: {error.strerror or error}") from error

    def finish(self) -> None:
        try:
            self._opened.close()
            self._partial.replace(self._path)
        except OSError as error:
            raise InputError(f"{self._partial} cannot be written: {error.strerror or error}") from error

    def sha256(self) -> str:
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def close(self) -> None:
        self._opened.close()
        self._partial.unlink(missing_ok=True)


def as_table(rows: Sequence[Row], vectors: Sequence[Floats], room: Room, dim: int) -> Any:
    """Return rows as a pyarrow table: one column a field, JSON as text, vectors as lists of float32.

    Parameters
    ----------
    vectors : sequence of ndarray of shape (dim,), float32
        One for each row, instead of those in the rows.
    """
    import pyarrow

    values = np.asarray(vectors, np.float32).reshape(len(rows), dim)
    columns = {
        name: [
            json.dumps(row[name], ensure_ascii=False) if name == "meta" else value_of(row, name, room) for row in rows
        ]
        for name, _ in _columns(room)
    }
    ends = np.arange(len(rows) + 1, dtype=np.int32) * dim
    lists = pyarrow.ListArray.from_arrays(ends, pyarrow.array(values.ravel()))
    kinds = [*_columns(room), ("vector", pyarrow.list_(pyarrow.float32()))]
    return pyarrow.table({**columns, "vector": lists}, pyarrow.schema(kinds))


def _columns(room: Room) -> list[tuple[str, Any]]:
    """Return the names and the Arrow types of a collection's scalar fields."""
    import pyarrow

    kinds = {DataType.VARCHAR: pyarrow.string(), DataType.INT64: pyarrow.int64(), DataType.JSON: pyarrow.string()}
    return [(room.key, pyarrow.string()), *((name, kinds[kind]) for name, kind, _ in room.scalars)]


def _options(schema: Any) -> dict[str, Any]:
    """Return how pyarrow encodes columns: what is not named is written as it is."""
    named = [name for name in schema.names if name != "vector"]
    return {"use_dictionary": named, "compression": dict.fromkeys(named, "snappy")}
