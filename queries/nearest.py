"""From a query to the closest pictures: one search where it has one space, two that are put together where it has both.

Two ranked lists are read from the top. A picture that is in one of them only has its other cosine computed if it could
still be among the best; once no picture below both lists can be, the answer is what a look at every picture would give
(the threshold algorithm). If it can, the lists are read further down.

References
----------
Fagin, Lotem and Naor 2003, "Optimal aggregation algorithms for middleware", section 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from milvise.adapter.collection import MOST_HITS
from milvise.embeddings.phrases import unit
from milvise.errors import UsageError
from milvise.queries.opened import Opened
from milvise.queries.query import FUSED, JOINT, VISUAL, Query
from milvise.records import Hit, distance

FIELDS = ("uri", "label", "meta")

_FIRST = 64
_FOR_EACH = 4
_STEP = 4

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Match:
    """A picture that was found.

    Attributes
    ----------
    row : dict
        ``id`` and `FIELDS`.
    similarity : float
        Cosine in the query's space.
    cosines : dict of str to float
        Cosine in each of its spaces.
    """

    row: Row
    similarity: float
    cosines: dict[str, float]

    def hit(self, confidence: float | None = None) -> Hit:
        """Return it as users get it."""
        row, score = self.row, self.similarity
        return Hit(row["id"], row["uri"], row["label"], score, distance(score), dict(row["meta"] or {}), confidence)


def with_room_for(limit: int, others: int) -> int:
    """Return how many pictures to fetch where so many others may be among them.

    Raises
    ------
    UsageError
        If the limit is not between 1 and what a server answers.
    """
    if not 1 <= limit <= MOST_HITS:
        raise UsageError(f"the limit must lie between 1 and {MOST_HITS}.\nReceived: {limit}")
    return min(MOST_HITS, limit + others)


def nearest(now: Opened, query: Query, *, limit: int, filter: str = "") -> list[Match]:
    """Return the pictures closest to a query, closest first, as `nearest_to_each`."""
    return nearest_to_each(now, [query], limit=limit, filter=filter)[0]


def nearest_to_each(now: Opened, queries: Sequence[Query], *, limit: int, filter: str = "") -> list[list[Match]]:
    """Return for each of several queries of the same space the closest pictures, closest first.

    Calls to Milvus: one search in one space. In both it is a search in each, mostly followed by one read in each for
    cosines that the other list lacks; both again for the few queries whose lists must be read further down.
    """
    limit, space = with_room_for(limit, 0), queries[0].space
    if space != FUSED:
        found = _search(now, space, queries, limit, filter)
        return [[Match(row, score, {space: score}) for row, score in hits] for hits in found]
    answers: dict[int, list[Match]] = {}
    for count in _counts(limit):
        open_ = [place for place in range(len(queries)) if place not in answers]
        asked = [queries[place] for place in open_]
        merges = [
            _Merge(query, joint, visual, count, limit)
            for query, joint, visual in zip(asked, *_search_both(now, asked, count, filter), strict=True)
        ]
        for name in (JOINT, VISUAL):
            wanted = list(dict.fromkeys(key for merge in merges for key in merge.lacking(name)))
            vectors = {key: unit(vector) for key, vector in now.space(name).vectors(wanted).items()} if wanted else {}
            for merge in merges:
                merge.complete(name, vectors)
        for place, merge in zip(open_, merges, strict=True):
            if merge.is_final or count >= MOST_HITS:
                answers[place] = merge.best()
        if len(answers) == len(queries):
            break
    return [answers[place] for place in range(len(queries))]


class _Merge:
    """Two ranked lists of one query on their way to one."""

    def __init__(
        self, query: Query, joint: list[tuple[Row, float]], visual: list[tuple[Row, float]], count: int, limit: int
    ) -> None:
        self._query = query
        self._limit = limit
        self._rows: dict[str, Row] = {}
        self._cosines: dict[str, dict[str, float]] = {}
        # No picture below a list is closer than its last; a list that is shorter than asked for has all there are.
        self._last = {
            name: hits[-1][1] if len(hits) >= count else -1.0 for name, hits in ((JOINT, joint), (VISUAL, visual))
        }
        self._all_read = min(len(joint), len(visual)) < count
        for name, hits in ((JOINT, joint), (VISUAL, visual)):
            for row, score in hits:
                self._rows.setdefault(row["id"], row)
                self._cosines.setdefault(row["id"], {})[name] = score

    def lacking(self, name: str) -> list[str]:
        """Return the pictures whose cosine in a space is not known and could bring them among the best."""
        least = self._least()
        return [
            key
            for key, cosines in self._cosines.items()
            if name not in cosines and self._query.similarity({**self._last, **cosines}) >= least
        ]

    def complete(self, name: str, vectors: dict[str, Any]) -> None:
        """Take over the cosines with unit vectors, by primary key."""
        query = self._query.recipes[name].vector
        for key in self.lacking(name):
            if key in vectors:
                self._cosines[key][name] = float(vectors[key] @ query)
            else:
                # Not written to this collection yet.
                del self._cosines[key]

    @property
    def is_final(self) -> bool:
        """Whether no picture that is in neither list could be among the best."""
        return self._all_read or self._query.similarity(self._last) <= self._least()

    def best(self) -> list[Match]:
        """Return the best of those whose cosines are all known."""
        known = {key: cosines for key, cosines in self._cosines.items() if len(cosines) == 2}
        matches = [Match(self._rows[key], self._query.similarity(cosines), cosines) for key, cosines in known.items()]
        return sorted(matches, key=lambda match: -match.similarity)[: self._limit]

    def _least(self) -> float:
        """Return the score that a picture needs to be among the best."""
        scores = sorted(
            (self._query.similarity(cosines) for cosines in self._cosines.values() if len(cosines) == 2), reverse=True
        )
        return scores[self._limit - 1] if len(scores) >= self._limit else -1.0


def _counts(limit: int) -> Iterator[int]:
    count = max(_FIRST, _FOR_EACH * limit)
    while count < MOST_HITS:
        yield count
        count *= _STEP
    yield MOST_HITS


def _search_both(now: Opened, queries: Sequence[Query], count: int, filter: str) -> list[list[list[tuple[Row, float]]]]:
    # Both looked up before: threads would look each of them up twice.
    _ = now.joint, now.visual
    if now.visual.is_lite:
        return [_search(now, name, queries, count, filter) for name in (JOINT, VISUAL)]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda name: _search(now, name, queries, count, filter), (JOINT, VISUAL)))


def _search(
    now: Opened, space: str, queries: Sequence[Query], count: int, filter: str
) -> list[list[tuple[Row, float]]]:
    vectors = [query.recipes[space].vector for query in queries]
    return now.space(space).search(vectors, limit=count, fields=FIELDS, filter=filter)
