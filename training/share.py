"""How much a trained head counts in the default search: chosen on pictures that it was not trained on.

Each label with held-back pictures is searched among the held-back and the held-out ones, with the score of the default search
(`milvise.queries.ranking`), for shares of the joint part of 0, 0.1 ... 1, and for the shares that untrained words have. What
counts is the mean average precision over the labels. Precision@10 would say less: of a few dozen held-back pictures nearly any
order has all of a label's among the first ten. Of shares that do equally well the middle one is taken.

The untrained shares stay where they are no worse than either space alone, and no other share is surely better: by two standard
errors of the difference, over the labels. They also stay where there are too few pictures to tell.

The share counts for the words that were trained on and for no others. `benchmarks/trained_search.py` prints what a share costs other
words. Early stopping saw the same pictures, and chose the number of epochs by the loss on them: the joint vectors may look slightly
better here than on new pictures.

References
----------
Mean average precision: Manning, Raghavan and Schütze 2008, "Introduction to Information Retrieval", section 8.4. Standard errors in
the choice of a model: Hastie, Tibshirani and Friedman 2009, "The Elements of Statistical Learning", section 7.10.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from milvise.embeddings.phrases import tokens, unit
from milvise.queries.class_mixture import ClassMixture
from milvise.queries.ranking import ALIKE, CLASSES, FIRST, JOINT, VISUAL, Ranking, Seen, likeness, weighted_sum_of
from milvise.training.examples import HELD_BACK, UNSEEN, Array, Examples

SHARES = tuple(step / 10 for step in range(11))
UNTRAINED = "untrained"

LEAST = 20
"""With fewer held-back pictures no share is chosen."""

MOST = 5_000
"""So many pictures are held in memory at most: held-back ones first."""

_LABELS = 1_000


@dataclass(frozen=True, slots=True)
class Share:
    """What was chosen, and why.

    Attributes
    ----------
    share : float, optional
        Of the joint part, None where words keep the shares that they have untrained.
    labels, pictures : int
        How many labels were searched for, among how many pictures.
    average_precision : dict of str to float
        Mean over the labels: of the ``joint`` and the ``visual`` space alone, of the default search with ``untrained`` shares, and with
        what was ``chosen``; empty where nothing was compared.
    why : str
        For people.
    """

    share: float | None
    labels: int
    pictures: int
    average_precision: dict[str, float]
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        precision = {name: round(value, 4) for name, value in self.average_precision.items()}
        return {
            "share": self.share, "labels": self.labels, "pictures": self.pictures, "average_precision": precision, "why": self.why
        }  # fmt: skip


def choose_share(head: Callable[[Array], Array], examples: Examples, mixture: ClassMixture | None) -> Share:
    """Return how much the joint part of the default search is to count for the labels of a head; see the module's description.

    Parameters
    ----------
    head : callable
        From visual vectors, shape (n, visual width), to joint unit vectors, shape (n, words' width).
    mixture : ClassMixture, optional
        The classes of the backbone among the words, None where there are none: the default search is then the joint space alone.
    """
    held_back = examples.places(HELD_BACK)
    places = np.concatenate([held_back, examples.places(UNSEEN)])[:MOST]
    own = examples.labels[places[: len(held_back)]]
    present = np.unique(own)[:_LABELS]
    if mixture is None or not mixture.tells_apart:
        return Share(
            None, 0, 0, {}, "The backbone has no classes that words know: the joint space alone is searched by word."
        )
    if len(held_back) < LEAST or len(present) < 2:
        why = f"Too few pictures are held back to choose on: {len(held_back)} of {len(present)} labels, not {LEAST} of two."
        return Share(None, len(present), len(places), {}, why)
    visual = np.asarray(examples.vectors[np.sort(places)])
    labels = examples.labels[np.sort(places)]
    joint, probabilities = head(visual), mixture.probabilities(visual)
    found: dict[str | float, list[float]] = {}
    for label in present.tolist():
        one = _of_label(examples, label, unit(visual), probabilities, joint, mixture)
        for name, scores in one.items():
            found.setdefault(name, []).append(average_precision(scores, labels == label))
    return _chosen({name: np.asarray(values) for name, values in found.items()}, len(places))


def average_precision(scores: Array, relevant: np.ndarray[Any, np.dtype[np.bool_]]) -> float:
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


def _chosen(found: Mapping[str | float, Array], pictures: int) -> Share:
    means = {name: float(values.mean()) for name, values in found.items()}
    most = max(means[share] for share in SHARES)
    plateau = [share for share in SHARES if most - means[share] < 1e-6]
    best = plateau[len(plateau) // 2]
    gain = found[best] - found[UNTRAINED]
    surely = 2 * float(gain.std(ddof=1)) / len(gain) ** 0.5
    stays = means[UNTRAINED] >= max(means[JOINT], means[VISUAL]) and gain.mean() <= surely
    precision = {str(name): means[name] for name in (JOINT, VISUAL, UNTRAINED)}
    precision["chosen"] = means[UNTRAINED] if stays else most
    why = "No share is surely better than what words have untrained." if stays else "The best of eleven shares."
    return Share(None if stays else best, len(gain), pictures, precision, why)
