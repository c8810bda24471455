"""How well joint vectors fit words: precision@10 of label to pictures, and accuracy of picture to label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from milvise.training.examples import Array, Examples, Places

K = 10
_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Score:
    """How well a head does on some pictures, among themselves.

    Attributes
    ----------
    precision_at_10 : float
        Mean over the labels of: pictures with the label among the 10 closest to the label's vector, divided by 10 or by
        the number of pictures with the label, whichever is less.
    accuracy : float
        Share of the pictures whose own label's vector is the closest among these labels' vectors; guessing reaches
        ``1 / labels``.
    labels, pictures : int
        How many there were.
    """

    precision_at_10: float
    accuracy: float
    labels: int
    pictures: int

    def to_json(self) -> dict[str, Any]:
        """Return the score as plain values."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def score(head: Callable[[Array], Array], examples: Examples, places: Places) -> Score | None:
    """Return the score of a head on some pictures, None where there are none; holds a thousand vectors at a time."""
    if len(places) == 0:
        return None
    present = np.unique(examples.labels[places])
    targets = examples.targets[present]
    best_scores = np.full((K, len(present)), -np.inf, np.float32)
    best_labels = np.full((K, len(present)), -1, np.int64)
    right = 0
    for start in range(0, len(places), _ROWS):
        rows = places[start : start + _ROWS]
        own = np.searchsorted(present, examples.labels[rows])
        similarity = head(np.asarray(examples.vectors[rows])) @ targets.T
        right += int((similarity.argmax(axis=1) == own).sum())
        scores = np.concatenate([best_scores, similarity])
        labels = np.concatenate([best_labels, np.broadcast_to(own[:, np.newaxis], similarity.shape)])
        order = np.argsort(-scores, axis=0, kind="stable")[:K]
        best_scores, best_labels = np.take_along_axis(scores, order, 0), np.take_along_axis(labels, order, 0)
    relevant = np.bincount(np.searchsorted(present, examples.labels[places]), minlength=len(present))
    found = (best_labels == np.arange(len(present))).sum(axis=0)
    return Score(float(np.mean(found / np.minimum(K, relevant))), right / len(places), len(present), len(places))


def harmonic_mean(seen: float, unseen: float) -> float:
    """Return the harmonic mean, which is low where either is (Xian et al. 2018, section 3.3)."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen else 0.0
