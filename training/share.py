"""How much a trained head counts in the default search: chosen on pictures that it was not trained on.

Held-back pictures, and where these are few trained ones with vectors out of fold (`milvise.training.cross_fit`), are searched for by
their labels among each other and the held-out ones, with the score of the default search (`milvise.queries.ranking`): for shares of
the joint part of 0, 0.1 ... 1, and for the shares that untrained words have. What counts is the mean average precision over the labels.
Precision@10 would say less: of a few dozen pictures nearly any order has all of a label's among the first ten.

The untrained shares stay where no other does better, and where there are too few pictures to tell. Else the shares count that are
within one standard error of the best, over the labels, and no worse than either space alone and than the untrained shares; the
middle one of these is taken. Where a space alone does better than every share, the best share is taken.

The share counts for the words that were trained on and for no others. Early stopping saw the held-back pictures, and chose the number
of epochs by the loss on them: their joint vectors may look slightly better here than on new pictures.

References
----------
Mean average precision: Manning, Raghavan and Schütze 2008, "Introduction to Information Retrieval", section 8.4. Standard errors in
the choice of a model: Hastie, Tibshirani and Friedman 2009, "The Elements of Statistical Learning", section 7.10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from milvise.embeddings.phrases import tokens, unit
from milvise.queries.class_mixture import ClassMixture
from milvise.queries.ranking import ALIKE, CLASSES, FIRST, JOINT, VISUAL, Ranking, Seen, likeness, weighted_sum_of
from milvise.training.cross_fit import Head, fresh_vectors
from milvise.training.examples import UNSEEN, Array, Examples

SHARES = tuple(step / 10 for step in range(11))
UNTRAINED = "untrained"

LEAST = 20
"""With fewer pictures no share is chosen."""

MOST = 5_000
"""So many pictures are held in memory at most: held-back ones first."""

_LABELS = 1_000

Relevant = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Share:
    """What was chosen, and why.

    Attributes
    ----------
    share : float, optional
        Of the joint part, None where words keep the shares that they have untrained.
    labels, pictures : int
        How many labels were searched for, among how many pictures.
    cross_fitted : int
        How many of the pictures another head was trained without; see `milvise.training.cross_fit`.
    average_precision : dict of str to float
        Mean over the labels: of the ``joint`` and the ``visual`` space alone, of the default search with ``untrained`` shares, and
        with what was ``chosen``; empty where nothing was compared.
    why : str
        For people.
    """

    share: float | None
    labels: int
    pictures: int
    cross_fitted: int
    average_precision: dict[str, float]
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        precision = {name: round(value, 4) for name, value in self.average_precision.items()}
        return {**asdict(self), "average_precision": precision}


def choose_share(
    head: Head, examples: Examples, mixture: ClassMixture | None, train: Callable[[Examples, int], Head] | None = None
) -> Share:
    """Return how much the joint part of the default search is to count for the labels of a head; see the module's description.

    Parameters
    ----------
    head : callable
        From visual vectors, shape (n, visual width), to joint unit vectors, shape (n, words' width).
    mixture : ClassMixture, optional
        The classes of the backbone among the words, None where there are none: the default search is then the joint space alone.
    train : callable, optional
        Trains another head like it on the examples that it gets, see `milvise.training.cross_fit.fresh_vectors`. Without it only
        held-back pictures are searched.
    """
    if mixture is None or not mixture.tells_apart:
        why = "The backbone has no classes that words know: the joint space alone is searched by word."
        return Share(None, 0, 0, 0, {}, why)
    fresh = fresh_vectors(head, examples, train, most=MOST)
    labels = examples.labels[fresh.places]
    own = labels[examples.parts[fresh.places] != UNSEEN]
    present = np.unique(own)[:_LABELS]
    if len(own) < LEAST or len(present) < 2:
        why = f"Too few pictures to choose on: {len(own)} of {len(present)} labels, not {LEAST} of two."
        return Share(None, len(present), len(fresh.places), fresh.cross_fitted, {}, why)
    visual = np.asarray(examples.vectors[fresh.places])
    vectors, probabilities = unit(visual), mixture.probabilities(visual)
    found: dict[str | float, list[float]] = {}
    for label in present.tolist():
        for name, scores in _of_label(examples, label, vectors, probabilities, fresh.joint, mixture).items():
            found.setdefault(name, []).append(average_precision(scores, labels == label))
    share, means, why = _chosen({name: np.asarray(values) for name, values in found.items()})
    return Share(share, len(present), len(fresh.places), fresh.cross_fitted, means, why)


def average_precision(scores: Array, relevant: Relevant) -> float:
    """Return the mean, over the relevant pictures, of the precision down to each of them."""
    ordered = relevant[np.argsort(-scores, kind="stable")]
    places = np.flatnonzero(ordered)
    return float(np.mean(np.arange(1, len(places) + 1) / (places + 1)))


def _of_label(
    examples: Examples, label: int, vectors: Array, probabilities: Array, joint: Array, mixture: ClassMixture
) -> dict[str | float, Array]:
    """Return the scores of all pictures for one label, shape (n,): in each space alone, and for each share."""
    phrase = " ".join(tokens(examples.names[label].split(" / ")[0]))
    classes = mixture.of(mixture.hierarchy.base(phrase) if mixture.hierarchy else phrase, examples.targets[label])
    ranking = Ranking(mixture, (Seen(phrase, 1.0, classes),))
    parts = {
        JOINT: np.asarray(joint @ examples.targets[label], np.float32),
        VISUAL: np.asarray(vectors @ mixture.visual(classes.shares), np.float32),
        CLASSES: ranking.evidence(ranking.chances(probabilities)).sum(axis=1),
    }
    scores: dict[str | float, Array] = {JOINT: parts[JOINT], VISUAL: parts[VISUAL]}
    compared: tuple[str | float, ...] = (UNTRAINED, *SHARES)
    for name in compared:
        share = None if isinstance(name, str) else name
        scores[name] = _ranked(Ranking(mixture, (Seen(phrase, 1.0, classes, share),)), parts, vectors)
    return scores


def _ranked(ranking: Ranking, parts: Mapping[str, Array], vectors: Array) -> Array:
    scores = weighted_sum_of(parts, ranking.shares_alone)
    if not ranking.shares[ALIKE]:
        return scores
    first = vectors[np.argsort(-scores, kind="stable")[:FIRST]]
    return weighted_sum_of({**parts, ALIKE: likeness(vectors, first)}, ranking.shares)


def _chosen(found: Mapping[str | float, Array]) -> tuple[float | None, dict[str, float], str]:
    """Return the share, the means to report, and why."""
    means = {name: float(values.mean()) for name, values in found.items()}
    told = {str(name): means[name] for name in (JOINT, VISUAL, UNTRAINED)}
    best = max(SHARES, key=means.__getitem__)
    if means[UNTRAINED] >= means[best]:
        return None, {**told, "chosen": means[UNTRAINED]}, "No share does better than what words have untrained."
    least = min(means[best], max(means[name] for name in (JOINT, VISUAL, UNTRAINED)))
    plateau = [share for share in SHARES if means[share] >= least and _close(found[best] - found[share])]
    share = plateau[len(plateau) // 2]
    return share, {**told, "chosen": means[share]}, "The middle one of the shares that do best."


def _close(lost: Array) -> bool:
    """Return whether what is lost, by label, is at most one standard error on the mean."""
    allowed: float = max(1e-6, float(lost.std(ddof=1)) / len(lost) ** 0.5)
    return float(lost.mean()) <= allowed
