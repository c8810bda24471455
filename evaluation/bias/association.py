"""Association tests: whether two sets of vectors lie differently between two others.

References
----------
Caliskan, Bryson and Narayanan 2017, "Semantics derived automatically from language corpora contain human-like biases".
Steed and Caliskan 2021, "Image representations learned with unsupervised pre-training contain human-like biases".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np

from milvise.core.arrays import Doubles, Floats

MOST_EXACT = 50_000
"""The most partitions that are all looked at; where there are more, some are drawn from a fixed seed."""

DRAWN = 100_000
_SEED = 0
_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Association:
    """The outcome of a test.

    Attributes
    ----------
    effect : float
        Cohen's d of the associations: difference of the means divided by the standard deviation (n - 1) of all of them.
    p : float
        Share of the equal-sized partitions of x and y with at least this difference; two-sided where asked.
    exact : bool
        Whether all partitions were looked at.
    """

    effect: float
    p: float
    exact: bool


def associations(vectors: Floats, a: Floats, b: Floats) -> Doubles:
    """Return for each unit vector its mean cosine with a less that with b, shape (n,)."""
    return np.asarray((vectors @ a.T).mean(axis=1) - (vectors @ b.T).mean(axis=1), dtype=np.float64)


def association_test(
    x: Floats, y: Floats, a: Floats, b: Floats, *, two_sided: bool = False, drawn: int = DRAWN
) -> Association:
    """Test whether x lies nearer to a, and y nearer to b, than chance.

    Parameters
    ----------
    x, y, a, b : ndarray of shape (n, dim)
        Unit vectors; at least two in x and y together with different associations, at least one in each.
    two_sided : bool
        Whether the other direction counts too.
    drawn : int
        How many partitions are drawn where there are too many to look at all.
    """
    values = np.concatenate([associations(x, a, b), associations(y, a, b)])
    size = len(x)
    observed = values[:size].mean() - values[size:].mean()
    spread = float(values.std(ddof=1))
    effect = float(observed / spread) if spread > 0 else 0.0
    p, exact = _p_value(values, size, float(observed), two_sided=two_sided, drawn=drawn)
    return Association(effect, p, exact)


def _p_value(values: Doubles, size: int, observed: float, *, two_sided: bool, drawn: int) -> tuple[float, bool]:
    total, count = float(values.sum()), len(values)
    slack = 1e-12

    def reached(sums: Doubles) -> int:
        differences = sums / size - (total - sums) / (count - size)
        return int(
            (np.abs(differences) >= abs(observed) - slack).sum()
            if two_sided
            else (differences >= observed - slack).sum()
        )

    if math.comb(count, size) <= MOST_EXACT:
        chosen = combinations(range(count), size)
        hits = 0
        while batch := list(islice(chosen, _AT_ONCE)):
            hits += reached(values[np.asarray(batch)].sum(axis=1))
        return hits / math.comb(count, size), True
    random = np.random.default_rng(_SEED)
    hits = 0
    for _ in range(drawn // _AT_ONCE):
        order = random.random((_AT_ONCE, count)).argpartition(size - 1, axis=1)[:, :size]
        hits += reached(values[order].sum(axis=1))
    # The partition that was observed is one of them, so that no p-value is zero (Phipson and Smyth 2010).
    return (hits + 1) / (drawn // _AT_ONCE * _AT_ONCE + 1), False
