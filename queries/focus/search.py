"""A search that looks at one class inside a picture: see `milvise.queries.focus.weights` for how, and why it is exact."""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import islice

import numpy as np

from milvise.adapter import Collection
from milvise.adapter.collection import MOST_HITS
from milvise.core.arrays import Floats
from milvise.core.spaces import VISUAL
from milvise.core.stages import staged
from milvise.queries.focus.weights import are_enough, candidate_counts, focused_query, focused_similarity
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.limits import check_limit
from milvise.queries.plan.query import Query
from milvise.queries.ranking.match import FIELDS, Match

_EFFORT = 4


def focused_to_each(
    now: OpenCollections,
    queries: Sequence[Query],
    *,
    weights: Floats,
    limit: int,
    filter: str = "",
    needed: Sequence[int] = (),  # noqa: ARG001 -- all are there, as they may be
    brief: bool = False,  # noqa: ARG001 -- rows are whole, as they may be
) -> list[list[Match]]:
    """Return for each of several queries among visual vectors the closest pictures, in the dimensions that `weights` count.

    Calls to Milvus: for each query as `focused`.
    """
    return [
        focused(now.visual, query.recipes[VISUAL].vector, weights, limit=limit, filter=filter, without=frozenset())
        for query in queries
    ]


@staged("ranking")
def focused(
    visual: Collection, query: Floats, weights: Floats, *, limit: int, filter: str, without: Set[str | None]
) -> list[Match]:
    """Return the pictures closest to a visual vector in the dimensions that `weights` count, closest first.

    Pictures with the primary keys `without` are left out.

    Calls to Milvus: one search for most queries, and one more for each time that twice as many candidates are needed.
    """
    check_limit(limit)
    search, asked = [focused_query(query, weights)], min(MOST_HITS, limit + len(without))
    for count in candidate_counts(asked, MOST_HITS):
        fields = [*FIELDS, "vector"]
        found = visual.search(search, limit=count, fields=fields, filter=filter, effort=_EFFORT)[0]
        if not found:
            return []
        candidates = np.asarray([row["vector"] for row, _ in found], dtype=np.float32)
        scores = focused_similarity(query, weights, candidates)
        if len(found) < count or are_enough(query, weights, candidates, scores, last=found[-1][1], limit=asked):
            break
    best = (place for place in np.argsort(-scores, kind="stable") if found[place][0]["id"] not in without)
    return [Match(found[place][0], float(scores[place]), {}) for place in islice(best, limit)]
