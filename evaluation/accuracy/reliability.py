"""Whether confidence can be trusted: labels that the gallery has, and classes that it has not, searched for by name.

Half of the weight is the labels', half the absent classes', so that a figure does not depend on how many there are of
each. Only the first hit of each search is judged: it is what a user looks at to see whether there is anything of the kind.

References
----------
Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2 (reliability diagrams, expected calibration error).
Fawcett 2006, "An introduction to ROC analysis", section 7 (AUC as the share of pairs in order).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from milvise.embeddings.words.phrases import tokens
from milvise.evaluation.accuracy.pictures import Pictures
from milvise.evaluation.accuracy.words_to_images import phrase_of, text_of
from milvise.evaluation.report.figures import Figure, mean_figure
from milvise.queries.evaluation_reads import GalleryReader

BINS = 10
MOST_ABSENT = 100
_TIED = 0.1
"""A class that has a tenth of the largest share in a label, or more, may be shown by the label's pictures."""

_SEED = 0


@dataclass(frozen=True, slots=True)
class Judged:
    """The first hit of a search.

    Attributes
    ----------
    present : bool
        Whether a label of the gallery was searched for, and not a class that it lacks.
    confidence : float
        Of the first hit; 0 where nothing was found.
    right : bool
        Whether its picture has the label.
    """

    word: str
    present: bool
    confidence: float
    right: bool


def absent_classes(
    names: Iterable[str], labels: Iterable[str], shares: Callable[[str], Mapping[str, float]]
) -> list[str]:
    """Return the classes that no label names: those that share no word with one, and of which none is a mixture.

    Parameters
    ----------
    shares : callable
        Gives the share of each class in a label, by the class's name; empty where the label is not known.
    """
    words: set[str] = set()
    tied: set[str] = set()
    for label in labels:
        words |= _words(label)
        parts = shares(label)
        most = max(parts.values(), default=0.0)
        tied |= {name for name, share in parts.items() if share >= _TIED * most}
    return sorted(name for name in set(names) - tied if not words & _words(name))


def judge_confidence(
    reading: GalleryReader, pictures: Pictures, present: Set[str], absent: Sequence[str], *, filter: str
) -> list[Judged]:
    """Search for labels that are there and for classes that are not, at most `MOST_ABSENT` of them drawn from a fixed seed."""
    drawn = np.random.default_rng(_SEED).permutation(len(absent))[:MOST_ABSENT].tolist()
    asked = [*((label, True) for label in sorted(present)), *((absent[place], False) for place in sorted(drawn))]
    judged = []
    for word, is_present in asked:
        hits = reading.gallery.search(text_of(word), limit=1, filter=filter, min_confidence=0.0, by="meaning")
        confidence = hits[0].confidence if hits and hits[0].confidence is not None else 0.0
        right = is_present and bool(hits) and word in pictures.labels.get(hits[0].id, ())
        judged.append(Judged(word, is_present, confidence, right))
    return judged


def reliability(judged: Sequence[Judged]) -> tuple[list[Figure], list[dict[str, Any]]]:
    """Return the figures, and the reliability curve: a row for each tenth of confidence that has searches.

    Parameters
    ----------
    judged : sequence of Judged
        Labels and absent classes, at least one of each.
    """
    present = [one for one in judged if one.present]
    absent = [one for one in judged if not one.present]
    rows = _curve(judged, {True: 0.5 / len(present), False: 0.5 / len(absent)})
    order = {
        one.word: float(np.mean([_before(one.confidence, other.confidence) for other in absent])) for one in present
    }
    figures = [
        mean_figure(
            "confidence.auc", order, over="labels", chance=0.5,
            what="pairs of a label and an absent class in which the label's first hit has the higher confidence, ties half",
        ),
        Figure(
            "confidence.ece", sum(row["weight"] * abs(row["confidence"] - row["right"]) for row in rows), "lower", "share",
            f"difference between confidence and the share of right first hits, mean over {BINS} bins as searches fall into them",
        ),
        mean_figure(
            "confidence.present_above_half", {one.word: float(one.confidence >= 0.5) for one in present}, over="labels",
            what="labels whose first hit has a confidence of 0.5 or more",
        ),
        mean_figure(
            "confidence.absent_below_half", {one.word: float(one.confidence < 0.5) for one in absent}, over="classes",
            what="classes that no label names, whose first hit has a confidence under 0.5",
        ),
    ]  # fmt: skip
    return figures, rows


def _curve(judged: Sequence[Judged], weights: Mapping[bool, float]) -> list[dict[str, Any]]:
    bins: dict[int, list[Judged]] = {}
    for one in judged:
        bins.setdefault(min(BINS - 1, int(one.confidence * BINS)), []).append(one)
    rows = []
    for number, members in sorted(bins.items()):
        weight = [weights[one.present] for one in members]
        rows.append({
            "from": number / BINS, "to": (number + 1) / BINS, "searches": len(members), "weight": round(sum(weight), 6),
            "confidence": round(float(np.average([one.confidence for one in members], weights=weight)), 6),
            "right": round(float(np.average([one.right for one in members], weights=weight)), 6),
        })  # fmt: skip
    return rows


def _before(mine: float, other: float) -> float:
    return 0.5 if mine == other else float(mine > other)


def _words(name: str) -> set[str]:
    return {word.lower() for word in tokens(phrase_of(name))}
