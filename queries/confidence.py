"""How far a match can be trusted: what random words find in the same gallery says how good a chance hit is.

The confidence of a hit is the share of random words of the vocabulary whose best picture is less similar. The cosines are
those of the joint space, which tell words with a meaning from none best (`benchmarks/answers.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from milvise.adapter import Collection
from milvise.errors import UsageError
from milvise.queries.vocabulary import FREQUENT

Array = np.ndarray[Any, np.dtype[np.float32]]

WORDS = 500
_SEED = 0
_AT_ONCE = 100
"""Milvus Lite holds the cosines of all pictures in a call with all words."""


@dataclass(frozen=True, slots=True)
class Background:
    """What random words find in one gallery.

    Attributes
    ----------
    best : ndarray of shape (words,)
        Cosine of each word's best picture, smallest first.
    """

    best: Array

    def confidence(self, cosine: float) -> float:
        """Return the share of random words whose best picture is less similar than `cosine`, in [0, 1]."""
        below, through = (int(np.searchsorted(self.best, cosine, side=side)) for side in ("left", "right"))
        return (below + through) / 2 / len(self.best) if len(self.best) else 1.0


def sample_background(joint: Collection, words: Collection) -> Background:
    """Search a gallery for random words, always the same ones: one call for the words, one for each hundred of them."""
    made = int(words.manifest.fingerprint.get("count", FREQUENT))
    ranks = np.random.default_rng(_SEED).permutation(min(FREQUENT, made))[:WORDS].tolist()
    rows = words.query(f"rank in {ranks}", fields=["rank", "vector"])
    vectors = [np.asarray(row["vector"], np.float32) for row in sorted(rows, key=lambda row: int(row["rank"]))]
    best: list[float] = []
    for at in range(0, len(vectors), _AT_ONCE):
        answers = joint.search(vectors[at : at + _AT_ONCE], limit=1, fields=["id"])
        best += [hits[0][1] for hits in answers if hits]
    return Background(np.sort(np.asarray(best, dtype=np.float32)))


def check_confidence(least: float | None) -> None:
    """Check a ``min_confidence``.

    Raises
    ------
    UsageError
        If it is not in [0, 1].
    """
    if least is not None and not 0 <= least <= 1:
        raise UsageError(f"a confidence lies between 0 and 1.\nReceived: {least}")
