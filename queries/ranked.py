"""Search by word in both spaces, with the closest pictures ordered by what the network saw in them.

    joint and visual vectors -> one search in each -> candidates -> their vectors -> scores -> order

The candidates are the first of both lists, and whatever a request adds. What a list lacks is read by primary key. A picture that
is in neither list is not found, however probable its classes are: `benchmarks/everyday.py` prints what more candidates would change.
More candidates change no score: what the first pictures look like is always taken from the first 50 of each list.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Any

import numpy as np

from milvise.adapter.collection import MOST_HITS
from milvise.embeddings.phrases import unit
from milvise.queries.match import FIELDS, Match, Row
from milvise.queries.opened import Opened
from milvise.queries.query import Query
from milvise.queries.ranking import ALIKE, CLASSES, FIRST, JOINT, VISUAL, likeness, weighted_sum_of

Array = np.ndarray[Any, np.dtype[np.float32]]

CANDIDATES = 50
"""So many of each list, or as many as are asked for if more."""

_VECTORS_AT_ONCE = 100
"""So many vectors come with a search; more are read by primary key, each once however many queries found it."""

_AT_ONCE = 5_000
"""Candidates whose vectors are held."""


def ranked_to_each(
    now: Opened, queries: Sequence[Query], *, limit: int, filter: str = "", also: Sequence[str] = ()
) -> list[list[Match]]:
    """Return for each of several queries the closest pictures, the best first.

    Parameters
    ----------
    also : sequence of str
        Primary keys of further candidates, which are found whatever the limit.

    Calls to Milvus: for each 5,000 candidates one search in each space, and mostly one read in each.
    """
    count = min(MOST_HITS, max(CANDIDATES, limit))
    step = max(1, _AT_ONCE // count)
    found: list[list[Match]] = []
    for start in range(0, len(queries), step):
        found += _ranked(now, queries[start : start + step], count, limit, filter, also)
    return found


def _ranked(
    now: Opened, queries: Sequence[Query], count: int, limit: int, filter: str, also: Sequence[str]
) -> list[list[Match]]:
    at_once = count * len(queries) <= _VECTORS_AT_ONCE
    fields = (*FIELDS, "vector") if at_once else ("id",)
    visual = now.visual.search(_vectors(queries, VISUAL), limit=count, fields=fields, filter=filter)
    joint = now.joint.search(_vectors(queries, JOINT), limit=count, fields=("id",), filter=filter)
    rows = {row["id"]: row for hits in visual for row, _ in hits} if at_once else {}
    wanted = dict.fromkeys([*(row["id"] for hits in (*visual, *joint) for row, _ in hits), *also])
    rows |= now.visual.get([key for key in wanted if key not in rows], fields=["id", *FIELDS, "vector"])
    vectors = {key: np.asarray(row.pop("vector"), dtype=np.float32) for key, row in rows.items()}
    close = [{row["id"]: score for row, score in hits} for hits in joint]
    lacking = dict.fromkeys(
        key for hits, known in zip(visual, close, strict=True) for key in _keys(hits, also) if key not in known
    )
    among_words = {key: unit(vector) for key, vector in now.joint.vectors(list(lacking)).items()}
    answers = []
    for query, hits, near, cosines in zip(queries, visual, joint, close, strict=True):
        target = query.recipes[JOINT].vector
        for key in _keys(hits, also):
            if key not in cosines and key in among_words:
                cosines[key] = float(among_words[key] @ target)
        # A picture that is being written may stand in one space only.
        keys = [key for key in cosines if key in rows]
        first = {row["id"] for each in (hits, near) for row, _ in each[:CANDIDATES]}
        scored = score_pictures(query, [rows[key] for key in keys], vectors, cosines, first=first)
        answers.append([match for place, match in enumerate(scored) if place < limit or match.row["id"] in also])
    return answers


def score_pictures(
    query: Query,
    rows: Sequence[Row],
    visual: dict[str, Array],
    joint: dict[str, float],
    *,
    first: Set[str] = frozenset(),
) -> list[Match]:
    """Return pictures with their scores, the best first.

    Parameters
    ----------
    visual : dict of str to ndarray of shape (dim,)
        By primary key, the vectors as the backbone gave them.
    joint : dict of str to float
        By primary key, the cosine with the query's joint vector.
    first : set of str
        Primary keys of the pictures whose best are those that others are to be alike; where there are none, nothing is.
    """
    ranking = query.ranking
    assert ranking is not None
    if not rows:
        return []
    given = np.stack([visual[row["id"]] for row in rows])
    vectors, chances = unit(given), ranking.chances(given)
    parts = {
        JOINT: np.asarray([joint[row["id"]] for row in rows], dtype=np.float32),
        VISUAL: np.asarray(vectors @ query.recipes[VISUAL].vector, dtype=np.float32),
        CLASSES: ranking.evidence(chances).sum(axis=1),
    }
    scores = weighted_sum_of(parts, ranking.shares_alone)
    among = np.flatnonzero([row["id"] in first for row in rows])
    if len(among) and ranking.shares[ALIKE]:
        best = among[np.argsort(-scores[among], kind="stable")[:FIRST]]
        parts[ALIKE] = likeness(vectors, vectors[best])
        scores = weighted_sum_of(parts, ranking.shares)
    trusted = ranking.trusted(ranking.seen, chances).tolist() if ranking.trusted else [None] * len(rows)
    return [
        Match(
            rows[place],
            float(scores[place]),
            {name: float(part[place]) for name, part in parts.items()},
            confidence=trusted[place],
        )
        for place in np.argsort(-scores, kind="stable").tolist()
    ]


def _keys(hits: Iterable[tuple[Row, float]], also: Sequence[str]) -> Iterable[str]:
    return (*(row["id"] for row, _ in hits), *also)


def _vectors(queries: Sequence[Query], space: str) -> list[Array]:
    return [query.recipes[space].vector for query in queries]
