"""From the files that `milvise.ingest.sinks.shards` wrote back to rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.core.records import Row
from milvise.core.spaces import JOINT, VISUAL
from milvise.errors import InputError, MissingExtraError
from milvise.ingest.rows import RowBatch
from milvise.ingest.sinks.shards import FORMAT, MANIFEST

_ROWS = 1_000


def read_shards(folder: Path, *, rows: int = _ROWS) -> Iterator[RowBatch]:
    """Yield the rows of a folder of shards, so many at a time.

    Raises
    ------
    InputError
        If the folder is not complete, or its files do not hold what its manifest says.
    MissingExtraError
        If pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise MissingExtraError("reading shards", "ingest") from None
    collections = read_shard_manifest(folder)["collections"]
    joints: list[dict[str, Any]] = collections[JOINT]["files"] if JOINT in collections else []
    files = collections[VISUAL]["files"]
    for number, file in enumerate(files):
        visual = _batches(folder / file["path"], file["rows"], rows)
        if not joints:
            yield from (RowBatch(tuple(batch), None) for batch in visual)
            continue
        for batch, joint in zip(visual, _batches(folder / joints[number]["path"], file["rows"], rows), strict=True):
            yield RowBatch(tuple(batch), _vectors(batch, joint, folder / joints[number]["path"]))


def read_shard_manifest(folder: Path) -> dict[str, Any]:
    """Return what a folder of shards says of itself.

    Returns
    -------
    dict
        ``gallery``, ``rows``, and for each of ``collections`` its ``manifest`` (with the fingerprint), ``fields`` and
        ``files``.

    Raises
    ------
    InputError
        If there is no such manifest.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(
            f"{folder} is no complete folder of shards: {MANIFEST} cannot be read: {reason}. Write the shards again."
        ) from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        received = manifest.get("format") if isinstance(manifest, dict) else type(manifest).__name__
        raise InputError(f"{folder / MANIFEST} is of another format.\nExpected: {FORMAT}\nReceived: {received}")
    return manifest


def _batches(path: Path, expected: int, size: int) -> Iterator[list[Row]]:
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            if file.metadata.num_rows != expected:
                raise InputError(
                    f"{path} was damaged after it was written.\nExpected: {expected:,} rows"
                    f"\nReceived: {file.metadata.num_rows:,} rows\nWrite the shards again."
                )
            for batch in file.iter_batches(size):
                yield [_row(values) for values in batch.to_pylist()]
    except (ArrowException, OSError) as error:
        raise InputError(f"{path} cannot be read as Parquet: {error}. Write the shards again.") from error


def _row(values: dict[str, Any]) -> Row:
    return {**values, "meta": json.loads(values["meta"]), "vector": np.asarray(values["vector"], np.float32)}


def _vectors(visual: list[Row], joint: list[Row], path: Path) -> Floats:
    if [row["id"] for row in visual] != [row["id"] for row in joint]:
        raise InputError(f"{path} does not hold the pictures of the visual shard beside it. Write the shards again.")
    return np.stack([row["vector"] for row in joint])
