"""How well joint vectors fit words: precision@10 of label to pictures, and accuracy of picture to label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.training.examples import Examples, Places

K = 10
_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Score:
    """How well a head does on some pictures, see `score`.

    Attributes
    ----------
    precision_at_10 : float
        Mean over the labels of: pictures with the label among the 10 closest to the label's vector, divided by 10 or by
        the number of pictures with the label, whichever is less.
    accuracy : float
        Share of the pictures whose own label's vector is the closest among the vectors of all the gallery's labels.
    labels, pictures : int
        How many were scored.
    """

    precision_at_10: float
    accuracy: float
    labels: int
    pictures: int

    def to_json(self) -> dict[str, Any]:
        """Return the score as plain values."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def score(
    head: Callable[[Floats], Floats], examples: Examples, places: Places, among: Places | None = None
) -> Score | None:
    """Return the score of a head on some pictures, None where there are none; holds a thousand vectors at a time.

    Every label of the gallery takes part: a picture has to be closer to its own label than to any other one, whether that was
    trained on or not. Among the pictures that take part a label has to find its own.

    Parameters
    ----------
    head : callable
        From visual vectors, shape (n, visual width), to joint unit vectors, shape (n, words' width).
    places : ndarray of shape (pictures,), int64
        The pictures that are scored.
    among : ndarray of shape (more pictures,), int64, optional
        Those that a label is searched among, with `places`; by default these alone.
    """
    if len(places) == 0:
        return None
    present = np.unique(examples.labels[places])
    among = places if among is None else np.union1d(places, among)
    best_scores = np.full((K, len(present)), -np.inf, np.float32)
    best_labels = np.full((K, len(present)), -1, np.int64)
    right = 0
    for start in range(0, len(among), _ROWS):
        rows = among[start : start + _ROWS]
        own, scored = examples.labels[rows], np.isin(rows, places)
        similarity = head(np.asarray(examples.vectors[rows])) @ examples.targets.T
        right += int((similarity.argmax(axis=1) == own)[scored].sum())
        scores = np.concatenate([best_scores, similarity[:, present]])
        labels = np.concatenate([best_labels, np.broadcast_to(own[:, np.newaxis], (len(rows), len(present)))])
        order = np.argsort(-scores, axis=0, kind="stable")[:K]
        best_scores, best_labels = np.take_along_axis(scores, order, 0), np.take_along_axis(labels, order, 0)
    relevant = np.bincount(examples.labels[among], minlength=len(examples.names))[present]
    found = (best_labels == present).sum(axis=0)
    return Score(float(np.mean(found / np.minimum(K, relevant))), right / len(places), len(present), len(places))


def harmonic_mean(seen: float, unseen: float) -> float:
    """Return the harmonic mean, which is low where either is (Xian et al. 2018, section 3.3)."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen else 0.0
