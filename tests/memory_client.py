"""A Milvus in memory: the calls of pymilvus' client that milvise makes, answered as a server answers them.

It stands where the client stands, so that everything of milvise runs as it does on a server. It keeps rows in dictionaries,
searches exactly, and reads filters with Milvus Lite's parser. ``tests/adapter/test_store_contract.py`` holds it equal to
Milvus itself; what is about Milvus (recall, restarts, lost calls, rights) is tested on Milvus alone.
"""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from threading import RLock
from typing import Any

import numpy as np
import pyarrow as pa
from milvus_lite.schema.types import TYPE_MAP
from milvus_lite.schema.types import CollectionSchema as FilterSchema
from milvus_lite.schema.types import DataType as FilterType
from milvus_lite.schema.types import FieldSchema as FilterField
from milvus_lite.search.filter import FilterError, compile_filter, evaluate_mask
from pymilvus import CollectionSchema, DataType, MilvusClient
from pymilvus.client.types import LoadState
from pymilvus.exceptions import MilvusException

from milvise.adapter import Connection

MEMORY_URI = "http://memory-"
VERSION = "2.3.5"
NOT_FOUND, NOT_LOADED, NO_INDEX, UNEXPECTED, INVALID = 100, 101, 700, 65535, 1100

Stored = dict[str, Any]


def connect_to_memory() -> Connection:
    """Return a connection to a Milvus in memory of its own, empty, with an address that no other has."""
    uri = f"{MEMORY_URI}{secrets.token_hex(8)}"
    return Connection(MemoryClient(), uri=uri, is_lite=False, version=VERSION)  # type: ignore[arg-type]


class MemoryCollection:
    """One collection: its rows by primary key, its index, and whether it is loaded."""

    def __init__(self, name: str, schema: CollectionSchema, properties: Mapping[str, Any]) -> None:
        self.name = name
        self.schema = schema
        self.properties = dict(properties)
        self.rows: dict[str, Stored] = {}
        self.index: dict[str, Any] | None = None
        self.is_loaded = False
        self._columns: pa.Table | None = None
        self._directions: Any = None
        self.key = next(field.name for field in schema.fields if field.is_primary)
        self._types = {field.name: FilterType[field.dtype.name] for field in schema.fields if field.name != "vector"}
        self._filter_schema = FilterSchema(
            [FilterField(name, kind, is_primary=name == self.key) for name, kind in self._types.items()]
        )

    def put(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store rows in place of those with the same keys; none where one of them does not fit."""
        taken = [self._taken(row) for row in rows]
        self.rows.update((str(row[self.key]), row) for row in taken)
        self._columns = self._directions = None

    def remove(self, filter: str) -> None:
        """Remove the rows for which a filter is true."""
        rows = list(self.rows.values())
        for place in self.matching(filter):
            del self.rows[rows[place][self.key]]
        self._columns = self._directions = None

    def _taken(self, row: Mapping[str, Any]) -> Stored:
        taken: Stored = {}
        for field in self.schema.fields:
            value = row[field.name]
            if field.dtype is DataType.FLOAT_VECTOR:
                value = np.array(value, dtype=np.float32)
                if value.shape != (field.params["dim"],):
                    raise MilvusException(INVALID, f"the vector has the shape {value.shape}")
            elif field.dtype is DataType.VARCHAR:
                if len(value.encode()) > field.params["max_length"]:
                    raise MilvusException(INVALID, f"the length of {field.name} exceeds max length")
            elif field.dtype is DataType.FLOAT:
                value = float(np.float32(value))
            elif field.dtype is DataType.JSON:
                value = json.loads(json.dumps(value))
            taken[field.name] = value
        return taken

    def matching(self, filter: str) -> Any:
        """Return the places of the rows for which a filter is true."""
        if not filter:
            return np.arange(len(self.rows))
        try:
            return np.flatnonzero(evaluate_mask(compile_filter(filter, self._filter_schema), self._table()))
        except FilterError as error:
            raise MilvusException(INVALID, f"failed to create query plan: cannot parse expression: {error}") from error

    def _table(self) -> pa.Table:
        """Return the fields that filters are about, put together once until rows change."""
        if self._columns is None:
            rows = self.rows.values()
            self._columns = pa.table({
                name: pa.array(
                    [json.dumps(row[name]) if kind is FilterType.JSON else row[name] for row in rows], TYPE_MAP[kind]
                )
                for name, kind in self._types.items()
            })  # fmt: skip
        return self._columns

    def closest(self, query: Any, places: Any, limit: int) -> Iterator[tuple[Stored, float]]:
        """Yield those rows of `places` that are closest to a query, each with its cosine."""
        if self._directions is None:
            self._directions = _unit(np.stack([row["vector"] for row in self.rows.values()]))
        rows, cosines = list(self.rows.values()), self._directions[places] @ _unit(query)
        for place in np.argsort(-cosines, kind="stable")[:limit]:
            yield rows[places[place]], float(cosines[place])

    def shown(self, row: Stored, fields: Sequence[str]) -> Stored:
        """Return the fields of a row as a client gets them."""
        unknown = set(fields) - {field.name for field in self.schema.fields}
        if unknown:
            raise MilvusException(UNEXPECTED, f"field {min(unknown)} not exist")
        return {name: row[name].tolist() if name == "vector" else copy.deepcopy(row[name]) for name in fields}


class MemoryClient:
    """What milvise uses of `pymilvus.MilvusClient`; whatever else is asked of it fails."""

    prepare_index_params = staticmethod(MilvusClient.prepare_index_params)

    def __init__(self) -> None:
        self._collections: dict[str, MemoryCollection] = {}
        self._aliases: dict[str, str] = {}
        self._lock = RLock()

    def get_server_version(self, **_: Any) -> str:
        return VERSION

    def close(self) -> None:
        """Keep everything: there is no other client."""

    # -- collections --------------------------------------------------------------------------------------------------

    def create_collection(
        self, name: str, *, schema: CollectionSchema, properties: Mapping[str, Any] | None = None, **_: Any
    ) -> None:
        with self._lock:
            self._collections.setdefault(name, MemoryCollection(name, schema, properties or {}))

    def has_collection(self, name: str, **_: Any) -> bool:
        return self._aliases.get(name, name) in self._collections

    def list_collections(self, **_: Any) -> list[str]:
        return list(self._collections)

    def describe_collection(self, name: str, **_: Any) -> dict[str, Any]:
        found = self._find(name)
        fields = [{"name": field.name, "type": field.dtype, "params": field.params} for field in found.schema.fields]
        described = {"collection_name": found.name, "description": found.schema.description, "fields": fields}
        return copy.deepcopy({**described, "properties": found.properties})

    def alter_collection_properties(self, name: str, properties: Mapping[str, Any], **_: Any) -> None:
        self._find(name).properties.update(properties)

    def drop_collection(self, name: str, **_: Any) -> None:
        with self._lock:
            if name in self._aliases.values():
                raise MilvusException(UNEXPECTED, f"the collection {name} is used by an alias, delete it first")
            self._collections.pop(name, None)

    # -- aliases ------------------------------------------------------------------------------------------------------

    def create_alias(self, collection: str, alias: str, **_: Any) -> None:
        with self._lock:
            if alias in self._aliases:
                raise MilvusException(1602, f"the alias {alias} is there already")
            self._aliases[alias] = self._find(collection).name

    def alter_alias(self, collection: str, alias: str, **_: Any) -> None:
        with self._lock:
            self.describe_alias(alias)
            self._aliases[alias] = self._find(collection).name

    def drop_alias(self, alias: str, **_: Any) -> None:
        self._aliases.pop(alias, None)

    def describe_alias(self, alias: str, **_: Any) -> dict[str, Any]:
        if alias not in self._aliases:
            raise MilvusException(1600, f"alias not found: {alias}")
        return {"alias": alias, "collection_name": self._aliases[alias]}

    # -- index and memory ---------------------------------------------------------------------------------------------

    def create_index(self, name: str, params: Any, **_: Any) -> None:
        (wanted,) = (param.to_dict() for param in params)
        self._find(name).index = {key: value for key, value in wanted.items() if key != "params"}

    def list_indexes(self, name: str, **_: Any) -> list[str]:
        return [] if self._find(name).index is None else ["vector"]

    def describe_index(self, name: str, field: str, **_: Any) -> dict[str, Any] | None:
        found = self._find(name)
        return None if found.index is None else {**found.index, "state": "Finished", "indexed_rows": len(found.rows)}

    def drop_index(self, name: str, index: str, **_: Any) -> None:
        found = self._find(name)
        if found.is_loaded:
            raise MilvusException(UNEXPECTED, "the index cannot be dropped: the collection is loaded, release it first")
        found.index = None

    def load_collection(self, name: str, **_: Any) -> None:
        found = self._find(name)
        if found.index is None:
            raise MilvusException(NO_INDEX, f"index not found[collection={name}]")
        found.is_loaded = True

    def release_collection(self, name: str, **_: Any) -> None:
        self._find(name).is_loaded = False

    def get_load_state(self, name: str, **_: Any) -> dict[str, Any]:
        return {"state": LoadState.Loaded if self._find(name).is_loaded else LoadState.NotLoad}

    def flush(self, name: str, **_: Any) -> None:
        self._find(name)

    # -- rows ---------------------------------------------------------------------------------------------------------

    def upsert(self, name: str, rows: Sequence[Mapping[str, Any]], **_: Any) -> None:
        with self._lock:
            self._find(name).put(rows)

    insert = upsert

    def delete(self, name: str, *, filter: str, **_: Any) -> None:
        with self._lock:
            self._find(name).remove(filter)

    def query(
        self, name: str, *, filter: str, output_fields: Sequence[str], limit: int | None = None, iterator: str = "False", **_: Any
    ) -> list[Stored]:  # fmt: skip
        with self._lock:
            found = self._loaded(name)
            places = found.matching(filter)
            if list(output_fields) == ["count(*)"]:
                return [{"count(*)": len(places)}]
            rows, fields = list(found.rows.values()), list(dict.fromkeys([found.key, *output_fields]))
            chosen = [rows[place] for place in places]
            if iterator == "True":
                chosen.sort(key=lambda row: row[found.key].encode())
            return [found.shown(row, fields) for row in chosen[:limit]]

    def search(
        self, name: str, queries: Sequence[Any], *, filter: str, limit: int, output_fields: Sequence[str], **_: Any
    ) -> list[_Hits]:
        with self._lock:
            found = self._loaded(name)
            places = found.matching(filter)
            if not len(places):
                return [_Hits((), found.key) for _ in queries]
            return [
                _Hits(
                    (
                        {found.key: row[found.key], "distance": cosine, "entity": found.shown(row, output_fields)}
                        for row, cosine in found.closest(query, places, limit)
                    ),
                    found.key,
                )
                for query in queries
            ]

    def _find(self, name: str) -> MemoryCollection:
        found = self._collections.get(self._aliases.get(name, name))
        if found is None:
            raise MilvusException(NOT_FOUND, f"can't find collection[database=default][collection={name}]")
        return found

    def _loaded(self, name: str) -> MemoryCollection:
        found = self._find(name)
        if not found.is_loaded:
            raise MilvusException(NOT_LOADED, f"collection not loaded[collection={name}]")
        return found


class _Hits(list[dict[str, Any]]):
    """What `MilvusClient.search` returns for one vector."""

    def __init__(self, hits: Iterable[dict[str, Any]], key: str) -> None:
        super().__init__(hits)
        self.ids = [hit[key] for hit in self]
        self.distances = [hit["distance"] for hit in self]


def _unit(vectors: Any) -> Any:
    array = np.asarray(vectors, dtype=np.float32)
    return array / np.linalg.norm(array, axis=-1, keepdims=True)
