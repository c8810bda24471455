"""A copy of a gallery's vectors under another index, for as long as it is looked at."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from milvise.adapter import Collection, IndexSpec
from milvise.queries.reading import Reading, Space


@contextmanager
def copied(reading: Reading, name: str, index: IndexSpec) -> Iterator[Space]:
    """Yield a copy of a space (ids and vectors only) with this index; it is dropped at the end.

    Raises
    ------
    UnsupportedError, IndexSpecError
        If the connected Milvus does not have the index, or it does not fit.
    """
    store, space = reading.database.store, reading.space(name)
    store.require_index(index, dim=space.dim)
    manifest = space.collection.manifest
    alias = f"milvise_copy_{secrets.token_hex(6)}"
    made = store.build(manifest.changed(alias=alias, index="flat", requested_index=str(index), recipe={}, sources=()))
    try:
        made.upsert(_rows(space.collection))
        finished = store.finish(made, index)
        yield Space(finished, finished.count())
    finally:
        store.discard(made.manifest)


def _rows(collection: Collection) -> Iterator[dict[str, Any]]:
    blank: dict[str, Any] = {"uri": "", "label": "", "sha256": "", "width": 0, "height": 0, "meta": {}}
    for row in collection.scan(["id", "vector"]):
        yield {**blank, **row}
