"""Search by word in both spaces, with the closest pictures ordered by what the network saw in them.

    visual vector -> search -> candidates with their vectors, where anything but the joint part counts -> scores -> order
    joint vector  -> search -> more candidates, where it counts                                         -^

A picture that is in neither list is not found, however probable its classes are: `benchmarks/everyday.py` prints what more
candidates would change. Joint cosines of the untrained head are computed from the visual vectors, as the head itself does.
More candidates change no score: what the first pictures look like is always taken from the first of each list.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

import numpy as np

from milvise.adapter.collection import MOST_HITS
from milvise.embeddings.phrases import unit
from milvise.queries.match import FIELDS, Match, Row
from milvise.queries.opened import Opened
from milvise.queries.query import Query
from milvise.queries.ranking import ALIKE, CLASSES, FIRST, JOINT, VISUAL, likeness, weighted_sum_of

Array = np.ndarray[Any, np.dtype[np.float32]]
Lists = list[dict[str, float]]

CANDIDATES = 50
"""So many of the visual list, or as many as are asked for if more."""

JOINT_CANDIDATES = 20
"""So many of the joint list, with an untrained head; else as many as of the other."""

_VECTORS_AT_ONCE = 100
"""So many vectors come with a search; more are read by primary key, each once however many queries found it."""

_ALONE = 1 - 1e-9
"""From this share on nothing but the joint part counts: the shares of several words are added, and rounded."""

_AT_ONCE = 5_000
"""Candidates whose vectors are held."""


def ranked_to_each(
    now: Opened, queries: Sequence[Query], *, limit: int, filter: str = "", also: Sequence[Sequence[str]] = ()
) -> list[list[Match]]:
    """Return for each of several queries the closest pictures, the best first.

    Parameters
    ----------
    also : sequence of sequence of str, optional
        Primary keys of further candidates for each query, which come beside the limit; the filter says nothing of them.

    Calls to Milvus: for each 5,000 candidates a search among visual vectors. Where the joint part counts also one among joint
    vectors, and one read for what the first did not find; with a trained head another read. Where only the joint part counts, the
    pictures and their order are those of a search in the joint space, and it is one search and one read.
    """
    count = min(MOST_HITS, max(CANDIDATES, limit))
    step = max(1, _AT_ONCE // count)
    also = also or [()] * len(queries)
    found: list[list[Match]] = []
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        found += _ranked(now, queries[part], count, limit, filter, also[part])
    return found


def _ranked(
    now: Opened, queries: Sequence[Query], count: int, limit: int, filter: str, also: Sequence[Sequence[str]]
) -> list[list[Match]]:
    at_once = count * len(queries) <= _VECTORS_AT_ONCE
    fields = (*FIELDS, "vector") if at_once else ("id",)
    visual = _visual_lists(now, queries, count, fields, filter)
    joint = _joint_lists(now, queries, count, limit, filter)
    wanted = [
        list(dict.fromkeys([*(row["id"] for row, _ in hits), *close, *more]))
        for hits, close, more in zip(visual, joint, also, strict=True)
    ]
    rows = {row["id"]: row for hits in visual for row, _ in hits} if at_once else {}
    lacking = dict.fromkeys(key for keys in wanted for key in keys if key not in rows)
    rows |= now.visual.get(list(lacking), fields=["id", *FIELDS, "vector"]) if lacking else {}
    vectors = {key: np.asarray(row.pop("vector"), dtype=np.float32) for key, row in rows.items()}
    answers = []
    most = CANDIDATES if now.is_trained else JOINT_CANDIDATES
    firsts = [
        {*(row["id"] for row, _ in hits[:CANDIDATES]), *list(close)[:most]}
        for hits, close in zip(visual, joint, strict=True)
    ]
    completed = _completed(now, queries, wanted, joint)
    for query, keys, close, first, more in zip(queries, wanted, completed, firsts, also, strict=True):
        # A picture that is being written may stand in one space only.
        known = [rows[key] for key in keys if key in rows and (close is None or key in close)]
        scored, kept = score_pictures(query, known, vectors, close, first=first), set(more)
        answers.append([one for place, one in enumerate(scored) if place < limit or one.row["id"] in kept])
    return answers


def _visual_lists(
    now: Opened, queries: Sequence[Query], count: int, fields: Sequence[str], filter: str
) -> list[list[tuple[Row, float]]]:
    """Return for each query the pictures closest in the visual space, nothing where the joint part alone counts."""
    found: list[list[tuple[Row, float]]] = [[] for _ in queries]
    counts = [place for place, query in enumerate(queries) if query.shares[JOINT] < _ALONE]
    if counts:
        vectors = _vectors([queries[place] for place in counts], VISUAL)
        answers = now.visual.search(vectors, limit=count, fields=fields, filter=filter)
        for place, hits in zip(counts, answers, strict=True):
            found[place] = list(hits)
    return found


def _joint_lists(now: Opened, queries: Sequence[Query], count: int, limit: int, filter: str) -> Lists:
    """Return for each query the cosines of the pictures closest in the joint space, nothing where that counts nothing."""
    found: Lists = [{} for _ in queries]
    counts = [place for place, query in enumerate(queries) if query.shares[JOINT]]
    if counts:
        count = count if now.is_trained else max(JOINT_CANDIDATES, limit)
        vectors = _vectors([queries[place] for place in counts], JOINT)
        answers = now.joint.search(vectors, limit=count, fields=("id",), filter=filter)
        for place, hits in zip(counts, answers, strict=True):
            found[place] = {row["id"]: score for row, score in hits}
    return found


def _completed(
    now: Opened, queries: Sequence[Query], wanted: Sequence[Sequence[str]], joint: Lists
) -> list[dict[str, float] | None]:
    """Return the joint cosines of all candidates; None where they count nothing, or follow from the visual vectors."""
    read = [bool(query.shares[JOINT]) and now.is_trained for query in queries]
    told = [place for place, needed in enumerate(read) if needed]
    lacking = dict.fromkeys(key for place in told for key in wanted[place] if key not in joint[place])
    found = {key: unit(vector) for key, vector in now.joint.vectors(list(lacking)).items()} if lacking else {}
    for place in told:
        known, target = joint[place], queries[place].recipes[JOINT].vector
        known |= {key: float(found[key] @ target) for key in wanted[place] if key not in known and key in found}
    return [known if needed else None for known, needed in zip(joint, read, strict=True)]


def score_pictures(
    query: Query,
    rows: Sequence[Row],
    visual: dict[str, Array],
    joint: dict[str, float] | None,
    *,
    first: Set[str] = frozenset(),
) -> list[Match]:
    """Return pictures with their scores, the best first.

    Parameters
    ----------
    visual : dict of str to ndarray of shape (dim,)
        By primary key, the vectors as the backbone gave them.
    joint : dict of str to float, optional
        By primary key, the cosine with the query's joint vector; without it, as the conse head has it where it counts.
    first : set of str
        Primary keys of the pictures whose best are those that others are to be alike; where there are none, nothing is.
    """
    ranking = query.ranking
    assert ranking is not None
    if not rows:
        return []
    given = np.stack([visual[row["id"]] for row in rows])
    vectors, probabilities = unit(given), ranking.mixture.probabilities(given)
    chances = ranking.chances(probabilities)
    parts = {
        VISUAL: np.asarray(vectors @ query.recipes[VISUAL].vector, dtype=np.float32),
        CLASSES: ranking.evidence(chances).sum(axis=1),
    }
    if joint is not None:
        parts[JOINT] = np.asarray([joint[row["id"]] for row in rows], dtype=np.float32)
    elif ranking.shares[JOINT]:
        parts[JOINT] = ranking.mixture.conse(probabilities) @ query.recipes[JOINT].vector
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


def _vectors(queries: Sequence[Query], space: str) -> list[Array]:
    return [query.recipes[space].vector for query in queries]
