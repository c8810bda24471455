"""Given pictures in the order of how well they fit a brief, every one of them with its exact score."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from milvise.chunks import chunks
from milvise.errors import NotFoundError
from milvise.queries.nearest import FIELDS, Match
from milvise.queries.opened import Opened
from milvise.queries.pictures import find_rows
from milvise.queries.query import Query

_AT_ONCE = 500


def rank(now: Opened, query: Query, *, ids: Sequence[str] | None, filter: str, limit: int | None) -> list[Match]:
    """Return pictures in order; see `Gallery.rank`.

    Calls to Milvus: one read in each space for each 500 pictures; without `ids` also one search for their number and one
    pass over them (on Milvus Lite one list of their ids).

    Raises
    ------
    NotFoundError
        If one of the ids is not stored, or no picture fits the filter.
    """
    first, *others = query.recipes
    if ids is None:
        batches = chunks(now.space(first).scan(["id", *FIELDS, "vector"], filter=filter), _AT_ONCE)
    else:
        batches = (
            list(find_rows(now, batch, first, [*FIELDS, "vector"]).values())
            for batch in chunks(list(dict.fromkeys(ids)), _AT_ONCE)
        )
    matches = (match for rows in batches for match in _scored(now, query, first, others, rows))
    ranked = (
        sorted(matches, key=lambda match: -match.similarity)
        if limit is None
        else heapq.nlargest(limit, matches, key=lambda match: match.similarity)
    )
    if not ranked and filter:
        raise NotFoundError(f"no picture of the gallery {now.name!r} fits the filter.\nReceived: {filter}")
    return ranked


def _scored(
    now: Opened, query: Query, first: str, others: Sequence[str], rows: Sequence[dict[str, Any]]
) -> Iterator[Match]:
    keys = [row["id"] for row in rows]
    elsewhere = {name: now.space(name).vectors(keys) for name in others}
    for row in rows:
        found = {first: np.asarray(row.pop("vector"), dtype=np.float32)}
        found |= {name: vectors[row["id"]] for name, vectors in elsewhere.items() if row["id"] in vectors}
        if len(found) == len(query.recipes):
            cosines = query.cosines(found)
            yield Match(row, query.similarity(cosines), cosines)
