"""The exact answer to a search, from all stored vectors as they stream by; and how much of it an index found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from milvise.core.arrays import Floats
from milvise.queries.evaluation_reads import StoredSpace

_SAME = 1e-5
_QUERIES = 50
"""Milvus Lite holds the cosines of all rows with all queries of a call, three times."""


@dataclass(frozen=True, slots=True)
class Questions:
    """Query vectors for one space.

    Attributes
    ----------
    vectors : ndarray of shape (n, dim), float32
        Unit vectors.
    own : tuple of str
        For queries that are stored pictures their ids, which are left out of their answers; else empty.
    """

    vectors: Floats
    own: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.vectors)

    def part(self, start: int, stop: int) -> Questions:
        """Return some of the queries."""
        return Questions(self.vectors[start:stop], self.own[start:stop])


def exact_cosines(space: StoredSpace, questions: Questions, k: int) -> Floats:
    """Return the k highest cosines for each query, descending, shape (n, k); -inf where the space has fewer rows.

    A thousand stored vectors are held at a time.
    """
    place = {key: row for row, key in enumerate(questions.own)}
    best = np.full((len(questions), k), -np.inf, np.float32)
    for ids, vectors in space.vectors():
        cosines = questions.vectors @ vectors.T
        for column, key in enumerate(ids):
            if key in place:
                cosines[place[key], column] = -np.inf
        both = np.concatenate([best, cosines], axis=1)
        best = -np.partition(-both, k - 1, axis=1)[:, :k]
    return -np.sort(-best, axis=1)


def found_cosines(space: StoredSpace, questions: Questions, k: int) -> list[list[float]]:
    """Return the cosines of the k results of each query, searched through the index."""
    answers: list[list[tuple[str, float]]] = []
    for start in range(0, len(questions), _QUERIES):
        answers += space.nearest(questions.vectors[start : start + _QUERIES], limit=k + bool(questions.own))
    own = questions.own or ("",) * len(questions)
    return [[score for key, score in hits if key != mine][:k] for hits, mine in zip(answers, own, strict=True)]


def recalls(found: Sequence[Sequence[float]], exact: Floats) -> list[float]:
    """Return recall@k of each query: results as close as the exact k-th, divided by k or by the rows there are.

    A result whose cosine equals that of the exact k-th (to 1e-5) counts as right: which of tied rows comes k-th is chance.
    """
    return [
        min(1.0, sum(score >= row[np.isfinite(row)][-1] - _SAME for score in scores) / int(np.isfinite(row).sum()))
        if np.isfinite(row).any() else 1.0
        for scores, row in zip(found, exact, strict=True)
    ]  # fmt: skip
