"""Whether a trained head answers the default search for its labels alone: chosen on pictures that it was not trained on.

Held-back pictures, and where these are few trained ones with vectors out of fold (`milvise.training.cross_fit`), are searched for by
their labels among each other and the held-out ones, in two ways: in the joint space alone, and with the score that untrained words
have (`milvise.queries.ranking.score`). The way with the higher mean average precision over the labels is taken; untrained words' score stays
where both are equal, and where there are too few pictures to tell. Precision@10 would say less: of a few dozen pictures nearly any
order has all of a label's among the first ten.

There are two ways and no mixtures of them: the best of many shares on a few dozen pictures is mostly the luckiest one, and on new
pictures it found less than the joint space alone. `benchmarks/trained_search.py` prints what the choice finds.

The choice counts for the words that were trained on and for no others. Early stopping saw the held-back pictures, and chose the number
of epochs by the loss on them: their joint vectors may look slightly better here than on new pictures.

References
----------
Mean average precision: Manning, Raghavan and Schütze 2008, "Introduction to Information Retrieval", section 8.4. What the best of many
looks like on few data: Cawley and Talbot 2010, "On over-fitting in model selection and subsequent selection bias in performance
evaluation", section 4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from milvise.core.arrays import Floats, unit
from milvise.core.spaces import JOINT, VISUAL
from milvise.embeddings.words.phrases import tokens
from milvise.queries.plan.class_mixture import ClassMixture
from milvise.queries.ranking.score import (
    ALIKE,
    CLASSES,
    FIRST,
    SoughtWord,
    WordScore,
    likeness,
    weighted_sum_of,
)
from milvise.training.cross_fit import HeadFunction, fresh_vectors
from milvise.training.examples import UNSEEN, Examples

UNTRAINED = "untrained"

ALONE = 1.0
"""The share with which a ranking orders pictures as the joint space alone does."""

LEAST = 20
"""With fewer pictures nothing is chosen."""

MOST_PICTURES = 5_000
"""So many pictures are held in memory at most: held-back ones first."""

_LABELS = 1_000

Relevant = np.ndarray[Any, np.dtype[np.bool_]]
Labels = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True, slots=True)
class Share:
    """What was chosen, and why.

    Attributes
    ----------
    share : float, optional
        Of the joint part: `ALONE`, or None where words keep the shares that they have untrained.
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
    head: HeadFunction,
    examples: Examples,
    mixture: ClassMixture | None,
    train: Callable[[Examples, int], HeadFunction] | None = None,
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
    learned = examples.labels[examples.parts != UNSEEN]
    if len(learned) < LEAST:  # No other head is trained for a choice that cannot be made.
        return _too_few(learned)
    fresh = fresh_vectors(head, examples, train, most=MOST_PICTURES)
    labels = examples.labels[fresh.places]
    own = labels[examples.parts[fresh.places] != UNSEEN]
    present = np.unique(own)[:_LABELS]
    if len(own) < LEAST or len(present) < 2:
        return _too_few(own)
    visual = np.asarray(examples.vectors[fresh.places])
    vectors, probabilities = unit(visual), mixture.probabilities(visual)
    found: dict[str, list[float]] = {JOINT: [], VISUAL: [], UNTRAINED: []}
    for label in present.tolist():
        for name, scores in _of_label(examples, label, vectors, probabilities, fresh.joint, mixture).items():
            found[name].append(average_precision(scores, labels == label))
    means = {name: float(np.mean(values)) for name, values in found.items()}
    joint, untrained = means[JOINT], means[UNTRAINED]
    if joint > untrained:
        share, why = ALONE, "The joint space alone does better than the search for untrained words."
    else:
        share, why = None, "The joint space alone does no better than the search for untrained words."
    means["chosen"] = max(joint, untrained)
    return Share(share, len(present), len(fresh.places), fresh.cross_fitted, means, why)


def _too_few(labels: Labels) -> Share:
    present = len(np.unique(labels))
    why = f"Too few pictures to choose on: {len(labels)} of {present} labels, not {LEAST} of two."
    return Share(None, present, len(labels), 0, {}, why)


def average_precision(scores: Floats, relevant: Relevant) -> float:
    """Return the mean, over the relevant pictures, of the precision down to each of them."""
    ordered = relevant[np.argsort(-scores, kind="stable")]
    places = np.flatnonzero(ordered)
    return float(np.mean(np.arange(1, len(places) + 1) / (places + 1)))


def _of_label(
    examples: Examples, label: int, vectors: Floats, probabilities: Floats, joint: Floats, mixture: ClassMixture
) -> dict[str, Floats]:
    """Return the scores of all pictures for one label, shape (n,): in each space alone, and as for an untrained word."""
    phrase = " ".join(tokens(examples.names[label].split(" / ")[0]))
    classes = mixture.of(mixture.hierarchy.base(phrase) if mixture.hierarchy else phrase, examples.targets[label])
    ranking = WordScore(mixture, (SoughtWord(phrase, 1.0, classes),))
    parts = {
        JOINT: np.asarray(joint @ examples.targets[label], np.float32),
        VISUAL: np.asarray(vectors @ mixture.visual(classes.shares), np.float32),
        CLASSES: ranking.evidence(np.minimum(probabilities @ ranking.class_shares, 1.0)).sum(axis=1),
    }
    scores = weighted_sum_of(parts, ranking.shares_alone)
    if ranking.shares[ALIKE]:
        first = vectors[np.argsort(-scores, kind="stable")[:FIRST]]
        scores = weighted_sum_of({**parts, ALIKE: likeness(vectors, first)}, ranking.shares)
    return {JOINT: parts[JOINT], VISUAL: parts[VISUAL], UNTRAINED: scores}
