"""A copy of a gallery's vectors under another index, for as long as it is looked at."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from milvise.adapter import Collection, IndexSpec, Store
from milvise.adapter.catalog import copies_alias
from milvise.queries.evaluation_reads import GalleryReader, StoredSpace

ABANDONED_S = 24 * 3600
"""A copy on a server that is older was left by a process that was killed, and not by one that still searches it."""


@contextmanager
def copied(reading: GalleryReader, name: str, index: IndexSpec) -> Iterator[StoredSpace]:
    """Yield a copy of a space (ids and vectors only) with this index; it is dropped at the end.

    Copies that a killed process left are dropped first: all of them in Milvus Lite, which serves one process at a time; on a
    server those older than a day.

    Raises
    ------
    UnsupportedError, IndexSpecError
        If the connected Milvus does not have the index, or it does not fit.
    """
    store, space = reading.database.store, reading.space(name)
    store.indexes.require(index, dim=space.dim)
    manifest = space.collection.manifest
    alias = copies_alias(manifest.alias)
    _drop_abandoned(store, alias, is_lite=space.is_lite)
    made_by = {"copy": secrets.token_hex(6), "seconds": int(time.time())}
    copy = manifest.changed(
        alias=alias, fingerprint=made_by, index="flat", requested_index=str(index), recipe={}, sources=(), partition=""
    )
    made = store.build(copy)
    try:
        made.upsert(_rows(space.collection))
        finished = store.finish(made, index)
        yield StoredSpace(finished, finished.count())
    finally:
        store.discard(made.manifest)


def _drop_abandoned(store: Store, alias: str, *, is_lite: bool) -> None:
    for manifest in store.others(alias):
        if is_lite or time.time() - manifest.fingerprint["seconds"] > ABANDONED_S:
            store.discard(manifest)


def _rows(collection: Collection) -> Iterator[dict[str, Any]]:
    blank: dict[str, Any] = {"uri": "", "label": "", "sha256": "", "width": 0, "height": 0, "meta": {}}
    for row in collection.scan(["id", "vector"]):
        yield {**blank, **row}
