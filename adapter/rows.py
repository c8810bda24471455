"""Rows on their way into Milvus: checked, and cut into messages that the server takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from pymilvus import DataType

from milvise.adapter.partition import FIELD, partition_of
from milvise.adapter.schema import MAY_LACK, META_BYTES, Room
from milvise.errors import VectorError

MESSAGE_BYTES = 24 * 2**20
"""A server refuses messages over 64 MiB; 24 MiB leaves room for what the encoding adds and is no slower."""

MESSAGE_ROWS = 5_000
_OVERHEAD_BYTES = 64


def check_vector(vector: Any, dim: int, *, owner: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return `vector` as float32 of shape ``(dim,)``.

    It is checked before it is sent, because a server stores rows of another width garbled, or falls over.

    Raises
    ------
    VectorError
        If it has another shape, holds NaN or infinity, or is zero (which has no direction).
    """
    array = np.asarray(vector, dtype=np.float32)
    if array.shape != (dim,):
        raise VectorError(f"the vector of {owner} has the wrong shape.\nExpected: ({dim},)\nReceived: {array.shape}")
    if not np.isfinite(array).all():
        raise VectorError(f"the vector of {owner} holds NaN or infinity, which cannot be compared.")
    if not array.any():
        raise VectorError(f"the vector of {owner} is zero and has no direction to compare.")
    return array


def row_problem(row: Mapping[str, Any], room: Room) -> str | None:
    """Return why Milvus cannot store the scalars of a row, or None where it can."""
    lengths = {room.key: room.key_length} | {n: size for n, kind, size in room.scalars if kind is DataType.VARCHAR}
    for name, most in lengths.items():
        try:
            size = len(row[name].encode("utf-8"))
        except UnicodeEncodeError:
            return f"its {name} is not valid UTF-8"
        if size > most:
            return f"its {name} is {size} bytes long, and at most {most} can be stored"
        if "\0" in row[name]:
            return f"its {name} holds a NUL character"
    if "meta" in row and len(json.dumps(row["meta"], ensure_ascii=False).encode()) > META_BYTES:
        return f"its metadata is longer than the {META_BYTES} bytes that can be stored"
    return None


def value_of(row: Mapping[str, Any], name: str, room: Room) -> Any:
    """Return what stands in a field of a row. The partition is always that of its metadata, whatever the row says."""
    if name == FIELD and room.partition:
        return partition_of(row["meta"], room.partition)
    return row.get(name, "") if name in MAY_LACK else row[name]


def messages(rows: Iterable[Mapping[str, Any]], *, room: Room, dim: int) -> Iterator[list[dict[str, Any]]]:
    """Check the vectors of `rows` and yield them in lists that fit into one message each."""
    batch: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        checked = {name: value_of(row, name, room) for name in room.fields}
        checked["vector"] = check_vector(row["vector"], dim, owner=f"{room.key} {row[room.key]!r}")
        row_size = 4 * dim + _OVERHEAD_BYTES + sum(len(str(checked[name]).encode()) for name in room.fields)
        if batch and (size + row_size > MESSAGE_BYTES or len(batch) >= MESSAGE_ROWS):
            yield batch
            batch, size = [], 0
        batch.append(checked)
        size += row_size
    if batch:
        yield batch
