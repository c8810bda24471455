"""Search for one class inside a picture, over the index that stands.

Each visual dimension counts as much as it counts for the class: with class weights w, query q and picture x the wanted
score is ``cos(w*q, w*x)``. Its numerator is the inner product of ``w*w*q`` with x, so that a plain search with ``w*w*q``
finds the candidates, and only the norm of ``w*x`` is left to put right by re-ranking them exactly. More candidates are
fetched while one that was not could still be among the best: while the best plain score that is left, times the largest
correction seen so far, reaches the score of the last hit.

References
----------
Ameisen 2018, "Building an image search service from scratch", re-weighting of activations by a class's weights.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from milvise.core.arrays import Floats

CANDIDATES = 80
"""So many are fetched first; for most searches no more are needed (`benchmarks/focus.py`)."""

_FOR_EACH = 8
_STEP = 2


def focused_query(query: Floats, weights: Floats) -> Floats:
    """Return the vector, shape (dim,), whose plain search finds the candidates."""
    return np.asarray(weights * weights * query, dtype=np.float32)


def focused_similarity(query: Floats, weights: Floats, candidates: Floats) -> Floats:
    """Return ``cos(w*q, w*x)``, shape (n,), for candidates x of shape (n, dim)."""
    weighted = (candidates * weights).astype(np.float64)
    wanted = (query * weights).astype(np.float64)
    norms = np.linalg.norm(weighted, axis=1) * np.linalg.norm(wanted)
    return np.asarray(weighted @ wanted / np.where(norms > 0, norms, 1.0), dtype=np.float32)


def candidate_counts(limit: int, most: int) -> Iterator[int]:
    """Yield how many candidates to fetch for the best `limit`, until they are enough; at most `most`."""
    count = min(most, max(CANDIDATES, _FOR_EACH * limit))
    while count < most:
        yield count
        count *= _STEP
    yield most


def are_enough(
    query: Floats, weights: Floats, candidates: Floats, similarities: Floats, *, last: float, limit: int
) -> bool:
    """Return whether no picture that was not fetched is likely to be among the best `limit`.

    Parameters
    ----------
    candidates : ndarray of shape (n, dim)
        What was fetched, closest to `focused_query` first.
    similarities : ndarray of shape (n,)
        Their focused similarities.
    last : float
        Cosine of the last of them and `focused_query`.
    """
    if len(candidates) <= limit:
        return False
    weighted = np.linalg.norm(candidates * weights, axis=1)
    corrections = np.linalg.norm(candidates, axis=1) / np.where(weighted > 0, weighted, np.inf)
    length = np.linalg.norm(weights * query)
    if length == 0:
        return True
    scale = float(np.linalg.norm(focused_query(query, weights)) / length)
    worst_hit = float(np.partition(-similarities, limit - 1)[limit - 1])
    return max(last, 0.0) * scale * float(corrections.max()) < -worst_hit
