"""Search for one class inside a picture, over the index that stands.

Each visual dimension counts as much as it counts for the class: with class weights w, query q and picture x the wanted
score is ``cos(w*q, w*x)``. Its numerator is the inner product of ``w*w*q`` with x, so that a plain search with ``w*w*q``
finds the candidates, and only the norm of ``w*x`` is left to put right by re-ranking them exactly.

References
----------
Ameisen 2018, "Building an image search service from scratch", re-weighting of activations by a class's weights.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float32]]

CANDIDATES = 500
"""Among so many candidates 0.999 of the exact top 10 were found (13,385 pictures, 1280-d; `benchmarks/focus.py`)."""


def focused_query(query: Array, weights: Array) -> Array:
    """Return the vector, shape (dim,), whose plain search finds the candidates."""
    return np.asarray(weights * weights * query, dtype=np.float32)


def focused_similarity(query: Array, weights: Array, candidates: Array) -> Array:
    """Return ``cos(w*q, w*x)``, shape (n,), for candidates x of shape (n, dim)."""
    weighted = (candidates * weights).astype(np.float64)
    wanted = (query * weights).astype(np.float64)
    norms = np.linalg.norm(weighted, axis=1) * np.linalg.norm(wanted)
    return np.asarray(weighted @ wanted / np.where(norms > 0, norms, 1.0), dtype=np.float32)


def candidates_for(limit: int, most: int) -> int:
    """Return how many candidates to fetch for the best `limit`, at most `most`."""
    return min(most, max(CANDIDATES, 20 * limit))
