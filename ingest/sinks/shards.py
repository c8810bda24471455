"""Rows into Parquet files, in the layout that Milvus' bulk import takes: one column a field, vectors as lists of float32.

    FOLDER/manifest.json           what the rows are, and which files hold them; written last
    FOLDER/visual/00000.parquet    rows of the visual collection
    FOLDER/joint/00000.parquet     the same pictures in the same order, for the joint collection

A folder without ``manifest.json`` is not complete.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pymilvus import DataType

from milvise.adapter import Manifest
from milvise.adapter.rows import value_of
from milvise.adapter.schema import Room, room_of
from milvise.core.records import Row
from milvise.core.spaces import JOINT, VISUAL
from milvise.embeddings.devise.classes import Classes
from milvise.errors import InputError, MissingExtraError
from milvise.gallery.pair import with_top_classes
from milvise.gallery.plan import Plan
from milvise.ingest.rows import RowBatch

MANIFEST = "manifest.json"
FORMAT = "milvise-shards-1"
SHARD_ROWS = 50_000


class ShardSink:
    """A folder of Parquet files; it holds back the rows of one file.

    Parameters
    ----------
    folder : Path
        Made if it is not there; it must be empty.
    plan : Plan
        What the rows are: the manifests of both collections, and the classes whose probabilities stand with each picture.
    shard_rows : int
        Rows of a file.

    Raises
    ------
    InputError
        If the folder is not empty, or cannot be made.
    MissingExtraError
        If pyarrow is not installed.
    """

    def __init__(self, folder: Path, plan: Plan, *, shard_rows: int = SHARD_ROWS) -> None:
        try:
            import pyarrow  # noqa: F401
        except ImportError:
            raise MissingExtraError("writing shards", "ingest") from None
        self._folder = folder
        self._gallery = plan.gallery
        self._classes: Classes | None = plan.classes if plan.visual.top_classes else None
        self._rooms = {made.room: made for made in (plan.visual, plan.joint) if made is not None}
        self._shard_rows = shard_rows
        self._held: dict[str, list[Row]] = {name: [] for name in self._rooms}
        self._files: dict[str, list[dict[str, Any]]] = {name: [] for name in self._rooms}
        self._prepare()

    def write(self, batch: RowBatch) -> None:
        """Take rows, and write a file once there are enough of them."""
        if not batch.rows:
            return
        self._held[VISUAL] += batch.rows if self._classes is None else with_top_classes(batch.rows, self._classes)
        if JOINT in self._held and batch.joint is not None:
            self._held[JOINT] += [
                {**row, "vector": vector} for row, vector in zip(batch.rows, batch.joint, strict=True)
            ]
        while len(self._held[VISUAL]) >= self._shard_rows:
            self._write_shard()

    def finish(self) -> int:
        """Write what is held back, and the manifest; return how many pictures there are."""
        if self._held[VISUAL]:
            self._write_shard()
        rows = sum(int(file["rows"]) for file in self._files[VISUAL])
        manifest = {
            "format": FORMAT,
            "gallery": self._gallery,
            "rows": rows,
            "collections": {name: self._described(name, made) for name, made in self._rooms.items()},
        }
        partial = self._folder / f"{MANIFEST}.part"
        partial.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
        partial.replace(self._folder / MANIFEST)
        return rows

    def _described(self, name: str, made: Manifest) -> dict[str, Any]:
        room = _room(made)
        fields = {room.key: "VARCHAR", **{name: kind.name for name, kind, _ in room.scalars}, "vector": "FLOAT_VECTOR"}
        return {"manifest": made.to_json(), "fields": fields, "files": self._files[name]}

    def _prepare(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            if any(self._folder.iterdir()):
                raise InputError(f"shards are written into an empty folder, and {self._folder} is not empty.")
            for name in self._rooms:
                (self._folder / name).mkdir()
        except OSError as error:
            raise InputError(f"no shards can be written to {self._folder}: {error.strerror or error}") from error

    def _write_shard(self) -> None:
        """Write one file for each collection; a file is there whole or not at all."""
        from pyarrow import parquet

        for name, made in self._rooms.items():
            rows, self._held[name] = self._held[name][: self._shard_rows], self._held[name][self._shard_rows :]
            place = f"{name}/{len(self._files[name]):05d}.parquet"
            partial = self._folder / f"{place}.part"
            try:
                parquet.write_table(as_table(rows, _room(made)), partial)
                partial.replace(self._folder / place)
            except OSError as error:
                raise InputError(f"{partial} cannot be written: {error.strerror or error}") from error
            self._files[name].append({"path": place, "rows": len(rows)})


def as_table(rows: Sequence[Row], room: Room) -> Any:
    """Return rows as a pyarrow table: one column a field, JSON as text, vectors as lists of float32."""
    import pyarrow

    columns = {
        name: [
            json.dumps(row[name], ensure_ascii=False)
            if name == "meta"
            else row[name]
            if name == "vector"
            else value_of(row, name, room)
            for row in rows
        ]
        for name, _ in _columns(room)
    }
    return pyarrow.table(columns, pyarrow.schema(_columns(room)))


def _room(made: Manifest) -> Room:
    return room_of(made.room, top_classes=made.top_classes, partition=made.partition)


def _columns(room: Room) -> list[tuple[str, Any]]:
    """Return the names and the Arrow types of a collection's fields."""
    import pyarrow

    kinds = {DataType.VARCHAR: pyarrow.string(), DataType.INT64: pyarrow.int64(), DataType.JSON: pyarrow.string()}
    scalars = [(name, kinds[kind]) for name, kind, _ in room.scalars]
    return [(room.key, pyarrow.string()), *scalars, ("vector", pyarrow.list_(pyarrow.float32()))]
