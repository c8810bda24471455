"""Search by word in both spaces, with the closest pictures ordered by what the network saw in them.

    visual vector -> search -> candidates with what was seen in them, unless the joint part alone counts -> scores -> order
    joint vector  -> search -> more candidates, where a head was trained                                 -^

A picture that is in neither list is not found, however probable its classes are: `benchmarks/everyday.py` prints what more
candidates would change. Joint cosines of the untrained head are computed from what was seen, as the head itself does.
More candidates change no score: what the first pictures look like is always taken from the first of each list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from milvise.adapter.collection import MOST_HITS, Collection
from milvise.core.arrays import Floats
from milvise.core.records import Row
from milvise.core.spaces import JOINT, VISUAL, Space
from milvise.queries.at_once import at_once
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.plan.query import Query
from milvise.queries.ranking.match import Match
from milvise.queries.ranking.picture_evidence import PictureEvidence
from milvise.queries.ranking.score import ALIKE, CLASSES, FIRST, likeness, weighted_sum_of
from milvise.queries.ranking.stored_evidence import candidates, searched_fields

Cosines = dict[str, float]
"""By primary key."""

CANDIDATES = 100
"""So many of each list, or as many as are asked for if more."""

_ALONE = 1 - 1e-9
"""From this share on nothing but the joint part counts: the shares of several words are added, and rounded."""

_AT_ONCE = 10_000
"""The most candidates of one call: a hundred queries with a hundred each."""


def ranked_to_each(
    now: OpenCollections,
    queries: Sequence[Query],
    *,
    limit: int,
    filter: str = "",
    also: Sequence[Sequence[str]] = (),
    needed: Sequence[int] = (),
    brief: bool = False,
) -> list[list[Match]]:
    """Return for each of several queries the closest pictures, the best first.

    Parameters
    ----------
    also : sequence of sequence of str, optional
        Primary keys of further candidates for each query, which come beside the limit; the filter says nothing of them.
    needed : sequence of int, optional
        How many pictures of each query are returned, where these are fewer than the limit.
    brief : bool
        Whether rows hold no more than `milvise.queries.ranking.match.BRIEF`.

    Calls to Milvus, for each 10,000 candidates:

    - a search among visual vectors;
    - with a trained head, at the same time, a search among joint vectors;
    - then, in each space at the same time, what the other search did not find: `Collection.cosines`, which is one call for one query, and several
      for many queries.

    Where only the joint part counts, there is one search and then one among what it found; pictures and order are those of a search in
    the joint space. A gallery that was made before class probabilities were stored takes a read more.
    """
    count = min(MOST_HITS, max(CANDIDATES, limit))
    step = max(1, _AT_ONCE // count)
    also, needed = also or [()] * len(queries), needed or [limit] * len(queries)
    found: list[list[Match]] = []
    for start in range(0, len(queries), step):
        part = slice(start, start + step)
        fields = searched_fields(now, brief=brief)
        found += _ranked(now, queries[part], count, limit, filter, also[part], needed[part], fields)
    return found


def _ranked(
    now: OpenCollections,
    queries: Sequence[Query],
    count: int,
    limit: int,
    filter: str,
    also: Sequence[Sequence[str]],
    needed: Sequence[int],
    fields: Sequence[str],
) -> list[list[Match]]:
    rows: dict[str, Row] = {}
    together = _together(now, queries)
    visual, joint = together(
        lambda: _visual_lists(now, queries, count, filter, fields, rows),
        lambda: _joint_lists(now, queries, count, limit, filter),
    )
    firsts = [_firsts(query, near, close) for query, near, close in zip(queries, visual, joint, strict=True)]
    others = [[*(close or ()), *more] for close, more in zip(joint, also, strict=True)]
    closest = [[*near, *more] for near, more in zip(visual, also, strict=True)]
    together(
        lambda: _add_others(now, queries, rows, visual, others, fields),
        lambda: _add_joint(now, queries, closest, joint),
    )
    known = candidates(now, {key for near in visual for key in near}, rows)
    answers = []
    for query, near, close, first, more, most in zip(queries, visual, joint, firsts, also, needed, strict=True):
        # A picture that is being written may stand in one space only.
        if not near.keys() <= known.places.keys() or (close is not None and not near.keys() <= close.keys()):
            near = {key: near[key] for key in near if key in known.places and (close is None or key in close)}
        keys, places = list(near), [known.places[key] for key in near]
        cosines = {VISUAL: list(near.values())} | ({} if close is None else {JOINT: [close[key] for key in keys]})
        found = score_pictures(
            query, [known.rows[place] for place in places], cosines, known.seen.of(places), first=_among(keys, first),
            limit=min(most, limit), also=_among(keys, set(more)),
        )  # fmt: skip
        answers.append(found)
    return answers


def _together(now: OpenCollections, queries: Sequence[Query]) -> Callable[..., tuple[Any, Any]]:
    """Return a function that calls two others, for the visual and the joint space.

    It calls them at the same time where both ask a server. Milvus Lite computes in this process.
    """
    if now.visual.is_lite or not any(0 < query.shares[JOINT] < _ALONE for query in queries) or not now.is_trained:
        return lambda one, other: (one(), other())
    return at_once


def _among(keys: Sequence[str], some: Set[str]) -> list[int]:
    return [place for place, key in enumerate(keys) if key in some] if some else []


def _firsts(query: Query, near: Cosines, close: Cosines | None) -> set[str]:
    """Return the pictures whose best are those that others are to be alike, none where likeness counts nothing."""
    if query.ranking is None or not query.ranking.shares[ALIKE]:
        return set()
    return {*list(near)[:CANDIDATES], *list(close or ())[:CANDIDATES]}


def _visual_lists(
    now: OpenCollections, queries: Sequence[Query], count: int, filter: str, fields: Sequence[str], rows: dict[str, Row]
) -> list[Cosines]:
    """Return for each query the pictures closest in the visual space, none where the joint part alone counts; their rows are added to `rows`."""
    found: list[Cosines] = [{} for _ in queries]
    places = [place for place, query in enumerate(queries) if query.shares[JOINT] < _ALONE]
    if not places:
        return found
    vectors = _vectors([queries[place] for place in places], VISUAL)
    if not fields:
        for place, near in zip(places, now.visual.search_keys(vectors, limit=count, filter=filter), strict=True):
            found[place] = near
        return found
    answers = now.visual.search(vectors, limit=count, fields=fields, filter=filter)
    for place, hits in zip(places, answers, strict=True):
        found[place] = {row["id"]: score for row, score in hits}
        rows.update((row["id"], row) for row, _ in hits)
    return found


def _joint_lists(
    now: OpenCollections, queries: Sequence[Query], count: int, limit: int, filter: str
) -> list[Cosines | None]:
    """Return for each query the pictures closest in the joint space, None where its cosines need not be searched for."""
    found: list[Cosines | None] = [None for _ in queries]
    depths = {
        # Where it alone counts, as many as a search in the joint space would be asked for.
        place: count if query.shares[JOINT] < _ALONE else limit
        for place, query in enumerate(queries)
        if query.shares[JOINT] and now.is_trained
    }
    for depth in dict.fromkeys(depths.values()):
        places = [place for place, own in depths.items() if own == depth]
        vectors = _vectors([queries[place] for place in places], JOINT)
        for place, close in zip(places, now.joint.search_keys(vectors, limit=depth, filter=filter), strict=True):
            found[place] = close
    return found


def _add_others(
    now: OpenCollections,
    queries: Sequence[Query],
    rows: dict[str, Row],
    visual: list[Cosines],
    others: Sequence[Sequence[str]],
    fields: Sequence[str],
) -> None:
    """Add the pictures that other lists have and the visual one lacks, with their rows and visual cosines."""
    lacking = [[key for key in keys if key not in near] for keys, near in zip(others, visual, strict=True)]
    told = _cosines(now.visual, queries, VISUAL, lacking, fields)
    for keys, near, found in zip(lacking, visual, told, strict=True):
        # In the order of the lists: it decides between pictures that are as close.
        near |= {key: found[key][1] for key in keys if key in found}
        rows |= {key: row for key, (row, _) in found.items() if key not in rows}


def _add_joint(
    now: OpenCollections, queries: Sequence[Query], pictures: Sequence[Sequence[str]], joint: list[Cosines | None]
) -> None:
    """Add the joint cosines of each query's pictures that the joint list lacks, where it counts."""
    lacking = [
        [] if close is None else [key for key in keys if key not in close]
        for keys, close in zip(pictures, joint, strict=True)
    ]
    if not any(lacking):
        return
    for close, found in zip(joint, _cosines(now.joint, queries, JOINT, lacking), strict=True):
        if close is not None:
            close |= {key: cosine for key, (_, cosine) in found.items()}


def _cosines(
    collection: Collection,
    queries: Sequence[Query],
    space: Space,
    keys: Sequence[Sequence[str]],
    fields: Sequence[str] = (),
) -> list[dict[str, tuple[Row, float]]]:
    """Return for each query some rows and their cosines with it. The vector of a query without keys is not used."""
    found: list[dict[str, tuple[Row, float]]] = [{} for _ in queries]
    asking = [place for place, own in enumerate(keys) if own]
    vectors = _vectors([queries[place] for place in asking], space)
    told = collection.cosines(vectors, [keys[place] for place in asking], fields=fields)
    for place, own in zip(asking, told, strict=True):
        found[place] = own
    return found


def score_pictures(
    query: Query,
    rows: Sequence[Row],
    cosines: Mapping[str, Sequence[float]],
    seen: PictureEvidence,
    *,
    first: Sequence[int] = (),
    limit: int | None = None,
    also: Sequence[int] = (),
) -> list[Match]:
    """Return pictures with their scores, the best first.

    Parameters
    ----------
    rows : sequence of dict, n of them
    cosines : mapping of str to sequence of n floats
        With the query's vectors: ``visual``, and ``joint``, without which it is as the conse head has it where it counts.
    seen : PictureEvidence
        What the network saw in the pictures.
    first : sequence of int
        The places of the pictures whose best are those that others are to be alike; where there are none, nothing is.
    limit : int, optional
        Only the best so many; by default all.
    also : sequence of int
        The places of pictures that are returned beside them.
    """
    ranking = query.ranking
    assert ranking is not None
    if not rows:
        return []
    chances = ranking.chances(seen)
    parts = {name: np.asarray(values, dtype=np.float32) for name, values in cosines.items()}
    parts[CLASSES] = ranking.evidence(chances).sum(axis=1)
    if JOINT not in parts and ranking.shares[JOINT]:
        parts[JOINT] = ranking.mixture.conse(seen) @ query.recipes[JOINT].vector
    scores = weighted_sum_of(parts, ranking.shares_alone)
    if first and ranking.shares[ALIKE]:
        among = np.asarray(first)
        best = among[np.argsort(-scores[among], kind="stable")[:FIRST]]
        looks = seen.looks
        parts[ALIKE] = likeness(looks, looks[best])
        scores = weighted_sum_of(parts, ranking.shares)
    order = np.argsort(-scores, kind="stable").tolist()
    # Most candidates are looked at and left out: nothing is made of them.
    kept = order[:limit]
    if also:
        kept += [place for place in order[len(kept) :] if place in also]
    trusted = ranking.trusted(ranking.seen, chances).tolist() if ranking.trusted else [None] * len(rows)
    made_of = [
        dict(zip(parts, values, strict=True))
        for values in zip(*(part[kept].tolist() for part in parts.values()), strict=True)
    ]
    return [
        Match(rows[place], score, own, confidence=trusted[place])
        for place, score, own in zip(kept, scores[kept].tolist(), made_of, strict=True)
    ]


def _vectors(queries: Sequence[Query], space: Space) -> list[Floats]:
    return [query.recipes[space].vector for query in queries]
