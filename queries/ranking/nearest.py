"""From a query to the closest pictures: one search where it has one space, two that are put together where it has both.

Two ranked lists are read from the top. A picture that is in one of them only has its other cosine computed if it could
still be among the best; once no picture below both lists can be, the answer is what a look at every picture would give
(the threshold algorithm). If it can, the lists are read further down.

References
----------
Fagin, Lotem and Naor 2003, "Optimal aggregation algorithms for middleware", section 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import Any

from milvise.adapter.collection import MOST_HITS
from milvise.core.arrays import unit
from milvise.core.records import Row
from milvise.core.spaces import FUSED, JOINT, RANKED, VISUAL, Space
from milvise.core.stages import staged
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.limits import check_limit
from milvise.queries.plan.query import Query
from milvise.queries.ranking.match import FIELDS, Match
from milvise.queries.ranking.search import ranked_to_each

_FIELDS_OF = {JOINT: FIELDS, VISUAL: ("id",)}
"""What is read of a picture where both are searched: one of them is enough for what users get."""

_FIRST = 40
_FOR_EACH = 4
_STEP = 4

Scored = tuple[Row, float]


def nearest(
    now: OpenCollections, query: Query, *, limit: int, filter: str = "", without: Set[str | None] = frozenset()
) -> list[Match]:
    """Return the pictures closest to a query, closest first, as `nearest_to_each`."""
    return nearest_to_each(now, [query], limit=limit, filter=filter, without=without)[0]


@staged("ranking")
def nearest_to_each(
    now: OpenCollections,
    queries: Sequence[Query],
    *,
    limit: int,
    filter: str = "",
    without: Set[str | None] = frozenset(),
    needed: Sequence[int] = (),
    brief: bool = False,
) -> list[list[Match]]:
    """Return for each of several queries of the same space the closest pictures, closest first.

    Parameters
    ----------
    without : set of str
        Primary keys of pictures that are left out; they may come first, and so many more are fetched.
    needed : sequence of int, optional
        How many pictures of each query are needed, where these are fewer than the limit; of a ranked search no more are returned.
    brief : bool
        Whether rows of a ranked search hold no more than `milvise.queries.ranking.match.BRIEF`.

    Calls to Milvus: one search in one space. In both it is a search in each, mostly followed by one read in each for
    cosines that the other list lacks; both again for the few queries whose lists must be read further down. For ranked queries as
    `milvise.queries.ranking.search.ranked_to_each`.
    """
    check_limit(limit)
    found = _found(now, queries, min(MOST_HITS, limit + len(without)), filter, needed, brief)
    return [[match for match in matches if match.row["id"] not in without][:limit] for matches in found]


def _found(
    now: OpenCollections, queries: Sequence[Query], limit: int, filter: str, needed: Sequence[int], brief: bool
) -> list[list[Match]]:
    space = queries[0].space
    if space == RANKED:
        return ranked_to_each(now, queries, limit=limit, filter=filter, needed=needed, brief=brief)
    if space != FUSED:
        found = _search(now, space, queries, limit, filter)
        return [[Match(row, score, {space: score}) for row, score in hits] for hits in found]
    answers: dict[int, list[Match]] = {}
    for count in _counts(limit):
        open_ = [place for place in range(len(queries)) if place not in answers]
        asked = [queries[place] for place in open_]
        joint, visual = (_search(now, name, asked, count, filter, _FIELDS_OF[name]) for name in (JOINT, VISUAL))
        merges = [_Merge(*each, count, limit) for each in zip(asked, joint, visual, strict=True)]
        for name in (JOINT, VISUAL):
            _complete(now, name, merges)
        for place, merge in zip(open_, merges, strict=True):
            if merge.is_final or count >= MOST_HITS:
                answers[place] = merge.best()
        if len(answers) == len(queries):
            break
    return [answers[place] for place in range(len(queries))]


def _complete(now: OpenCollections, name: Space, merges: Sequence[_Merge]) -> None:
    """Read the cosines in a space that are lacking, for all queries at once."""
    lacking = [merge.lacking(name) for merge in merges]
    wanted = list(dict.fromkeys(key for keys in lacking for key in keys))
    if not wanted:
        return
    rows = now.space(name).get(wanted, fields=[*_FIELDS_OF[name], "vector"])
    vectors = {key: unit(row.pop("vector")) for key, row in rows.items()}
    for merge, keys in zip(merges, lacking, strict=True):
        merge.complete(name, keys, rows, vectors)


class _Merge:
    """Two ranked lists of one query on their way to one."""

    def __init__(self, query: Query, joint: list[Scored], visual: list[Scored], count: int, limit: int) -> None:
        self._query = query
        self._limit = limit
        self._rows = {row["id"]: row for row, _ in joint}
        lists = {JOINT: joint, VISUAL: visual}
        self._cosines = {name: {row["id"]: score for row, score in hits} for name, hits in lists.items()}
        # No picture below a list is closer than its last; a list that is shorter than asked for has all there are.
        self._last = {name: hits[-1][1] if len(hits) >= count else -1.0 for name, hits in lists.items()}
        self._all_read = min(len(joint), len(visual)) < count

    def lacking(self, name: Space) -> list[str]:
        """Return the pictures whose cosine in a space is not known and could bring them among the best."""
        other = VISUAL if name == JOINT else JOINT
        known, shares = self._cosines[name], self._query.shares
        # What the other cosine must add at least, if this one were as large as it can be.
        needed = self._least() - shares[name] * self._last[name]
        return [
            key for key, cosine in self._cosines[other].items() if key not in known and shares[other] * cosine >= needed
        ]

    def complete(self, name: Space, keys: Sequence[str], rows: dict[str, Row], vectors: dict[str, Any]) -> None:
        """Take over rows, and the cosines with unit vectors; pictures that are not there yet are left out."""
        query = self._query.recipes[name].vector
        for key in keys:
            if key in rows:
                self._cosines[name][key] = float(vectors[key] @ query)
                self._rows.setdefault(key, rows[key])

    @property
    def is_final(self) -> bool:
        """Whether no picture that is in neither list could be among the best."""
        return self._all_read or self._query.similarity(self._last) <= self._least()

    def best(self) -> list[Match]:
        """Return the best of those whose cosines are all known."""
        best = sorted(self._both(), key=lambda scored: -scored[1])[: self._limit]
        return [
            Match(self._rows[key], score, {name: cosines[key] for name, cosines in self._cosines.items()})
            for key, score in best
        ]

    def _both(self) -> list[tuple[str, float]]:
        """Return the pictures whose cosines are all known, with their similarity."""
        joint, visual, shares = self._cosines[JOINT], self._cosines[VISUAL], self._query.shares
        return [
            (key, shares[JOINT] * cosine + shares[VISUAL] * visual[key])
            for key, cosine in joint.items()
            if key in visual
        ]

    def _least(self) -> float:
        """Return the similarity that a picture needs to be among the best."""
        scores = sorted((score for _, score in self._both()), reverse=True)
        return scores[self._limit - 1] if len(scores) >= self._limit else -1.0


def _counts(limit: int) -> Iterator[int]:
    count = max(_FIRST, _FOR_EACH * limit)
    while count < MOST_HITS:
        yield count
        count *= _STEP
    yield MOST_HITS


def _search(
    now: OpenCollections,
    space: Space,
    queries: Sequence[Query],
    count: int,
    filter: str,
    fields: Sequence[str] = FIELDS,
) -> list[list[Scored]]:
    vectors = [query.recipes[space].vector for query in queries]
    return now.space(space).search(vectors, limit=count, fields=fields, filter=filter)
