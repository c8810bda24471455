"""Given pictures in the order of how well they fit a brief, every one of them with its exact score."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from milvise.core.arrays import unit
from milvise.core.chunks import chunks
from milvise.core.spaces import JOINT, RANKED, VISUAL, Space
from milvise.core.stages import staged
from milvise.errors import NotFoundError, UsageError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.pictures.find import find_rows
from milvise.queries.plan.query import Query
from milvise.queries.ranking.match import FIELDS, Match
from milvise.queries.ranking.search import score_pictures
from milvise.queries.ranking.stored_evidence import picture_fields, plain, seen_in

MOST_RANKED = 100_000
"""So many pictures are ranked without a limit: all of them are held, with their metadata."""

_AT_ONCE = 500


@staged("ranking")
def rank(
    now: OpenCollections, query: Query, *, ids: Sequence[str] | None, filter: str, limit: int | None
) -> list[Match]:
    """Return pictures in order; see `Gallery.rank`.

    Calls to Milvus: one read in each space for each 500 pictures; without `ids` also one search for their number and one
    pass over them (on Milvus Lite one list of their ids).

    Raises
    ------
    NotFoundError
        If one of the ids is not stored, or no picture fits the filter.
    UsageError
        If more than `MOST_RANKED` fit and there is no limit.
    """
    # Joint cosines of the untrained head follow from what was seen.
    spaces: list[Space] = (
        ([VISUAL, JOINT] if now.is_trained else [VISUAL]) if query.space == RANKED else list(query.recipes)
    )
    first, *others = spaces
    fields = ["id", *(picture_fields(now) if query.space == RANKED else FIELDS), "vector"]
    if ids is None:
        if limit is None:
            _require_few(now.space(first).count(filter, settled=True))
        batches = chunks(now.space(first).scan(fields, filter=filter), _AT_ONCE)
    else:
        batches = (
            list(find_rows(now, batch, first, fields).values()) for batch in chunks(list(dict.fromkeys(ids)), _AT_ONCE)
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


def _require_few(pictures: int) -> None:
    if pictures > MOST_RANKED:
        raise UsageError(
            f"so many pictures are ranked with a limit alone, as all of them would be held in memory.\nExpected: a limit, or at most"
            f" {MOST_RANKED:,} pictures\nReceived: {pictures:,} pictures and no limit\nSay how many of the best are wanted, or narrow the filter."
        )


def _scored(
    now: OpenCollections, query: Query, first: Space, others: Sequence[Space], rows: Sequence[dict[str, Any]]
) -> Iterator[Match]:
    keys = [row["id"] for row in rows]
    elsewhere = {name: now.space(name).vectors(keys) for name in others}
    own = {row["id"]: np.asarray(row.pop("vector"), dtype=np.float32) for row in rows}
    vectors = {first: own, **elsewhere}
    rows = [row for row in rows if all(row["id"] in found for found in vectors.values())]
    if query.space == RANKED:
        cosines: dict[str, list[float]] = {
            name: [float(unit(found[row["id"]]) @ query.recipes[name].vector) for row in rows]
            for name, found in vectors.items()
        }
        seen = seen_in(now, [{**row, "vector": own[row["id"]]} for row in rows])
        # What the first pictures look like depends on which pictures are given; a score does not.
        yield from score_pictures(query, [plain(row) for row in rows], cosines, seen)
        return
    for row in rows:
        parts = query.cosines({name: found[row["id"]] for name, found in vectors.items()})
        yield Match(row, query.similarity(parts), parts)
