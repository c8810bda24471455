"""The index of a collection: which one stands, building another, and whether the connected Milvus has it."""

from __future__ import annotations

import secrets
from collections.abc import Hashable

from milvise.adapter.collection import STATE_TIMEOUT_S, WRITE_TIMEOUT_S
from milvise.adapter.connection import Connection
from milvise.adapter.index_spec import IndexSpec
from milvise.adapter.schema import METRIC, WORDS, schema
from milvise.adapter.waiting import STILL_S, wait_for
from milvise.errors import StoreError, UnsupportedError

_PROBE_TIMEOUT_S = 30.0
_PROBE_ROWS = 2_000
"""A server builds no index over fewer than 1,024 rows."""


class Indexes:
    """The indexes of the collections of one Milvus."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client = connection.client

    def require(self, spec: IndexSpec, *, dim: int | None = None) -> None:
        """Check, before any work, that the connected Milvus has this index.

        Raises
        ------
        UnsupportedError
            If it does not.
        """
        spec.require(is_lite=self._connection.is_lite, dim=dim, version=self._connection.version)
        if spec.kind == "diskann":
            self._probe(spec)

    def has_diskann(self) -> bool:
        """Return whether the connected server builds DiskANN, which is found out by building a small one."""
        try:
            self.require(IndexSpec("diskann"))
        except UnsupportedError:
            return False
        return True

    def names(self, name: str) -> list[str]:
        """Return the names of a collection's indexes, none where it has none: then a server gives out no row."""
        return list(self._connection.call(self._client.list_indexes, name, timeout=WRITE_TIMEOUT_S))

    def standing(self, name: str) -> IndexSpec | None:
        """Return the index of a collection as Milvus describes it, None where it has none that milvise knows."""
        if not self.names(name):
            return None
        described = self._connection.call(self._client.describe_index, name, "vector", timeout=WRITE_TIMEOUT_S)
        return IndexSpec.described(described or {})

    def ensure(self, name: str) -> bool:
        """Give a collection that has no index a flat one, which costs nothing; return whether it had none."""
        if self.names(name):
            return False
        self._create(name, IndexSpec("flat"))
        return True

    def rebuild(self, name: str, spec: IndexSpec, *, imported: bool = False) -> None:
        """Build this index in the place of the one that stands; the collection is not loaded afterwards.

        Parameters
        ----------
        imported : bool
            Whether its rows were imported. A server calls the index of such rows finished before it begins, and says beside that how
            many rows lack it (Milvus 2.3.5).
        """
        self.drop(name)
        self._create(name, spec)
        if imported and spec.kind != "flat":
            wait_for(lambda: self._lacking(name), 0, what=f"building the index of {name}")

    def drop(self, name: str) -> None:
        """Drop the index of a collection, which is released for it."""
        self._connection.call(self._client.release_collection, name, timeout=WRITE_TIMEOUT_S)
        for index in self.names(name):
            self._connection.call(self._client.drop_index, name, index, timeout=WRITE_TIMEOUT_S)

    def _create(self, name: str, spec: IndexSpec, still_s: float = STILL_S) -> None:
        params = self._client.prepare_index_params()
        build = {**spec.build_params, **spec.fixed_params}
        # Milvus Lite reads only the nested copy, servers read the flat one.
        both = {**build, "params": build} if build else {}
        params.add_index("vector", index_type=spec.milvus_kind, metric_type=METRIC, params=both)
        self._connection.call(self._client.create_index, name, params, timeout=WRITE_TIMEOUT_S, sync=False)
        # pymilvus' own wait takes half a second at least, and does not end when its timeout is over.
        self._place(name, spec)
        if spec.kind != "flat":
            wait_for(lambda: self._built(name), "Finished", what=f"building the index of {name}", still_s=still_s)

    def _place(self, name: str, spec: IndexSpec) -> None:
        """Say whether the index, and the values beside it, are mapped from the disk when the collection is loaded."""
        if not spec.is_mapped:
            return
        mapped = {"mmap.enabled": True}
        for index in self.names(name):
            self._connection.call(self._client.alter_index_properties, name, index, mapped, timeout=WRITE_TIMEOUT_S)
        self._connection.call(self._client.alter_collection_properties, name, mapped, timeout=WRITE_TIMEOUT_S)

    def _built(self, name: str) -> Hashable:
        """Return how far the index is: the number of rows that it has, and in the end ``Finished``."""
        index = self._connection.call(self._client.describe_index, name, "vector", timeout=STATE_TIMEOUT_S) or {}
        state = str(index.get("state", "Finished"))
        if state == "Failed":
            raise StoreError(f"Milvus could not build the index of {name}: {index}")
        return state if state == "Finished" else (state, index.get("indexed_rows"))

    def _lacking(self, name: str) -> int:
        """Return how many rows the index lacks."""
        index = self._connection.call(self._client.describe_index, name, "vector", timeout=STATE_TIMEOUT_S) or {}
        return int(index.get("pending_index_rows") or 0)

    def _probe(self, spec: IndexSpec) -> None:
        """Build the index on a small collection: some servers accept DiskANN and then never finish it."""
        name, call = f"milvise_probe_{secrets.token_hex(6)}", self._connection.call
        call(self._client.create_collection, name, schema=schema(WORDS, 8), timeout=WRITE_TIMEOUT_S)
        try:
            rows = [{"word": str(rank), "rank": rank, "vector": [1.0, rank] * 4} for rank in range(_PROBE_ROWS)]
            call(self._client.insert, name, rows, timeout=WRITE_TIMEOUT_S)
            call(self._client.flush, name, timeout=WRITE_TIMEOUT_S)
            self._create(name, spec.resolve(rows=_PROBE_ROWS, dim=8, is_lite=False), still_s=_PROBE_TIMEOUT_S)
        except StoreError as error:
            raise UnsupportedError(f"the connected Milvus cannot build the index {spec.kind}: {error}") from error
        finally:
            call(self._client.drop_collection, name, timeout=WRITE_TIMEOUT_S)
