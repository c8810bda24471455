"""How far a hit can be trusted: the probability that the picture shows what the words say.

What speaks for a word in a picture is its *evidence*: the network's probabilities of the word's classes, added up. Its odds
are those of the picture, were the gallery as varied as what the network learned from. But every picture is a chance to reach high
odds without showing the word, and so is every class of it: the best of n chances does so as the square root of n
(measured for 20 to 4,244 pictures and 1 to 398 classes). So, for a word that has kinds among the classes::

    odds(shown) = odds(evidence) * sqrt(EQUAL / (pictures * classes of the word))

A word without kinds is a guess, in which similar classes stand for it. Evidence for these counts half as much in the
logarithm, and what the word is worth is said by how similar the closest class is in the hierarchy; a word that is no noun, such
as one of another language, is similar to none::

    log odds(shown) = GUESS + CLOSE * closeness + log odds(evidence) / 2 + log sqrt(500 / pictures)

Nothing of the gallery but its size enters: `docs/confidence.md` has the measurements, and what classes known to be absent or
present in a gallery would add. The probabilities are those of the first hit for words of which as many are shown by
the gallery as are not; later hits of a list are right somewhat more often than their confidence says.

Without a hierarchy, the confidence is only the share of random words whose best picture is less similar (`Background`).

References
----------
Platt 1999, "Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized Likelihood Methods" (the
logistic form). Guo et al. 2017, "On Calibration of Modern Neural Networks" (section 2, reliability).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from milvise.adapter import Collection
from milvise.core.arrays import Doubles, Floats
from milvise.errors import UsageError
from milvise.queries.plan.class_mixture import WordClasses
from milvise.queries.ranking.score import SoughtWord
from milvise.queries.vocabulary.word_vectors import FREQUENT

if TYPE_CHECKING:
    from milvise.queries.gallery_collections import OpenCollections


EQUAL = 3_700
"""The number of chances at which the odds of the evidence are those of being shown."""

GUESS = -2.1
CLOSE = 2.0
_MIDDLE = 500

_LEAST = 1e-3
"""Smaller probabilities say nothing more: ``log odds`` stays within 7."""

WORDS = 500
_SEED = 0
_AT_ONCE = 100
"""Milvus Lite holds the cosines of all pictures in a call with all words."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns evidence in one gallery into a probability.

    Attributes
    ----------
    pictures : int
        How many the gallery has; it counts as one where it has none.
    """

    pictures: int

    def confidence(self, word: WordClasses, evidence: Floats) -> Doubles:
        """Return the probability that a picture shows a word; more evidence never gives less.

        Parameters
        ----------
        evidence : ndarray of shape (pictures,)
            Probability of the word's classes, each as often as its share says, see `milvise.queries.ranking.score.WordScore.chances`.
        """
        pictures = max(1, self.pictures)
        seen = np.asarray(evidence, dtype=np.float64)
        odds = np.log((seen + _LEAST) / (1 - seen + _LEAST))
        if word.known:
            odds = odds + np.log(EQUAL / (pictures * word.width)) / 2
        else:
            odds = GUESS + CLOSE * word.closeness + odds / 2 + np.log(_MIDDLE / pictures) / 2
        return np.asarray(1 / (1 + np.exp(-odds)))

    def shown(self, seen: Sequence[SoughtWord], chances: Floats) -> Floats:
        """Return the probability that pictures show all of some words, shape (pictures,): the least of those of each.

        It is not their product, because two things in one picture are no matter of chance, and because they share the
        network's probabilities, whose sum is 1, so that each alone is already taken for less than it is. Words that are a guess
        have a say only where all are: the network may show a sea without knowing what one is.

        Parameters
        ----------
        seen : sequence of Seen
            What is subtracted says nothing of what is to be seen.
        chances : ndarray of shape (pictures, words)
            As `milvise.queries.ranking.score.WordScore.chances`.
        """
        wanted = [(one.classes, chances[:, place]) for place, one in enumerate(seen) if one.weight > 0]
        told = [one for one in wanted if one[0].known] or wanted
        each = [self.confidence(classes, evidence) for classes, evidence in told]
        least = np.min(each, axis=0) if each else np.ones(len(chances))
        return np.asarray(least, dtype=np.float32)


def sample_calibration(now: OpenCollections) -> Calibration:
    """Return what turns evidence in a gallery into a probability: one call to Milvus."""
    return Calibration(now.visual.count(settled=True))


@dataclass(frozen=True, slots=True)
class Background:
    """What random words find in one gallery.

    Attributes
    ----------
    best : ndarray of shape (words,)
        Cosine of each word's best picture, smallest first.
    """

    best: Floats

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
