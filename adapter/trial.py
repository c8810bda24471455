"""A collection to try something on: nothing records it, and it is gone at the end."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from milvise.adapter.bulk_import import BulkImport
from milvise.adapter.catalog import Manifest
from milvise.adapter.collection import WRITE_TIMEOUT_S, Collection
from milvise.adapter.index_spec import IndexSpec
from milvise.adapter.schema import room_of, schema
from milvise.adapter.store import Store

_IMPORT_S, _LOOK_S = 120.0, 0.05


class Trial:
    """A collection without rows, whose steps are timed; methods return the seconds that these took.

    Parameters
    ----------
    store : Store
    collection : Collection
        One that is made, and has a flat index.
    """

    def __init__(self, store: Store, collection: Collection) -> None:
        self._store = store
        self._collection = collection

    def insert(self, rows: Iterable[Mapping[str, Any]]) -> float:
        """Write rows as a load writes them, without what follows once at its end."""
        started = time.perf_counter()
        self._collection.upsert(rows)
        return time.perf_counter() - started

    def import_file(self, path: Path, *, times: int = 1) -> float | None:
        """Have the server import a Parquet file of this machine so many times, all asked for at once; return the seconds until all is in.

        None where the server cannot read it, or does not in two minutes.
        """
        bulk = BulkImport(self._store.connection)
        started = time.perf_counter()
        running = {bulk.ask(self._collection.name, str(path.resolve())) for _ in range(times)}
        while (passed := time.perf_counter() - started) < _IMPORT_S:
            now = [bulk.job(number) for number in running]
            if any(job.is_failed for job in now):
                return None
            if all(job.is_done for job in now):
                return passed
            time.sleep(_LOOK_S)
        return None

    def settle(self) -> None:
        """Seal what was written."""
        self._collection.settle()

    def index(self, spec: IndexSpec, *, imported: bool = False) -> float:
        """Build an index, all of whose parameters are given, over rows that were sent or imported."""
        started = time.perf_counter()
        self._store.indexes.rebuild(self._collection.name, spec, imported=imported)
        return time.perf_counter() - started

    def release(self) -> None:
        """Let the collection go from memory."""
        call, client = self._store.connection.call, self._store.connection.client
        call(client.release_collection, self._collection.name, timeout=WRITE_TIMEOUT_S)

    def load(self) -> float:
        """Bring the collection into memory."""
        started = time.perf_counter()
        self._collection.load()
        return time.perf_counter() - started


@contextmanager
def trial(store: Store, *, room: str, dim: int, top_classes: bool = False) -> Iterator[Trial]:
    """Yield a collection of a kind and width, and drop it at the end.

    Parameters
    ----------
    room : str
        As in `milvise.adapter.schema.ROOMS`.
    top_classes : bool
        Whether rows hold what a backbone saw.
    """
    made = Manifest(
        f"milvise_trial_{secrets.token_hex(6)}", room, dim, {"made": "to be tried"}, top_classes=top_classes
    )
    client, call = store.connection.client, store.connection.call
    fields = schema(room_of(room, top_classes=top_classes), dim)
    call(client.create_collection, made.collection, schema=fields, timeout=WRITE_TIMEOUT_S)
    try:
        store.indexes.ensure(made.collection)
        yield Trial(store, Collection(store.connection, made, is_new=True))
    finally:
        call(client.drop_collection, made.collection, timeout=WRITE_TIMEOUT_S)
