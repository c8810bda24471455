"""Who is shown: the groups among the first results of a search against the groups in the gallery.

References
----------
Geyik, Ambler and Kenthapadi 2019, "Fairness-Aware Ranking in Search & Recommendation Systems", section 3: skew@k,
MaxSkew@k and NDKL. Logarithms are natural.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from milvise.core.arrays import Doubles

_SAME = 1e-6


def weights_at(scores: Sequence[float], k: int) -> Doubles:
    """Return how much each result, closest first, belongs to the first k, shape (n,): 1, 0, or less where k cuts a tie.

    Results with the same score as the k-th (to 1e-6) share the places that are left for them.
    """
    values = np.asarray(scores, dtype=np.float64)
    if len(values) <= k:
        return np.ones(len(values))
    above, tied = values > values[k - 1] + _SAME, np.abs(values - values[k - 1]) <= _SAME
    return np.where(above, 1.0, np.where(tied, (k - above.sum()) / tied.sum(), 0.0))


def shares(groups: Doubles, weights: Doubles) -> Doubles:
    """Return each group's share of the results.

    Parameters
    ----------
    groups : ndarray of shape (..., n, groups)
        One row for each result: 1 at its group.
    weights : ndarray of shape (n,)
        See `weights_at`.
    """
    counts = np.einsum("...ng,n->...g", groups, weights)
    return np.asarray(counts / weights.sum())


def skew(share: Doubles, expected: Doubles, results: float) -> Doubles:
    """Return ``ln(share / expected)``; a group that is absent counts as half a result, because ln 0 is no number."""
    return np.log(np.maximum(share, 0.5 / results) / expected)


def max_skew(share: Doubles, expected: Doubles) -> Doubles:
    """Return the skew of the group that is shown too often the most, over the last axis; never below zero."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(share / expected).max(axis=-1))


def ndkl(groups: Doubles, expected: Doubles) -> Doubles:
    """Return the divergence of the groups in the first i results from those in the gallery, for all i together.

    The Kullback-Leibler divergences for i = 1, 2 … n are weighted by ``1 / log2(i + 1)`` and divided by the sum of the
    weights: 0 where each beginning of the list is like the gallery.

    Parameters
    ----------
    groups : ndarray of shape (..., n, groups)
        One row for each result, closest first: 1 at its group; tied results each have the mean of theirs.
    expected : ndarray of shape (groups,)
        Shares in the gallery, all positive, which add up to 1.
    """
    places = np.arange(1, groups.shape[-2] + 1)
    share = np.cumsum(groups, axis=-2) / places[:, np.newaxis]
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = np.where(share > 0, share * np.log(share / expected), 0.0).sum(axis=-1)
    weight = 1 / np.log2(places + 1)
    return np.asarray((divergence * weight).sum(axis=-1) / weight.sum())


def tied_means(groups: Doubles, scores: Sequence[float]) -> Doubles:
    """Return rows, shape (..., n, groups), in which results with equal scores each have the mean of their groups."""
    values = np.asarray(scores, dtype=np.float64)
    tie = np.concatenate([[0], np.cumsum(-np.diff(values) > _SAME)]) if len(values) else np.zeros(0, int)
    if len(tie) == 0 or tie[-1] == len(values) - 1:
        return groups
    member = (tie[:, np.newaxis] == tie[np.newaxis, :]).astype(np.float64)
    member /= member.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("nm,...mg->...ng", member, groups))
