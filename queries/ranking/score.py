"""The score of a search by word: what its vectors say, what the network saw, and what the first pictures look like.

Four parts, each in [-1, 1], are added with shares that add up to one; a hit's `similarity` is their sum:

``joint``, ``visual``
    The cosines with the query's vectors.
``classes``
    How sure the network is of the classes that the words mean: ``1 + log((p + FLOOR) / (1 + FLOOR)) / log((1 + FLOOR) / FLOOR)`` of the
    probability p of a word's classes, each as often as its share says. It is 1 where the network is certain and 0 where it sees none of
    them. Several words are averaged; what is subtracted counts negatively.
``alike``
    The cosine with the mean of the first pictures, by their sketches, for words whose classes are a guess.

A word of which classes are kinds is best told by the classes. Where they are a guess the vectors count, and pictures that are alike. The
constants were chosen on half of the words of `benchmarks/everyday.py`, which prints what they find on the other half.

References
----------
Hedged guesses by a tree: Deng et al. 2012, "Hedging your bets". Pictures alike: pseudo relevance feedback, Manning, Raghavan and
Schütze 2008, "Introduction to Information Retrieval", section 9.1.6.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from milvise.core.arrays import Floats, unit
from milvise.core.spaces import JOINT, VISUAL
from milvise.queries.plan.class_mixture import ClassMixture, WordClasses
from milvise.queries.ranking.picture_evidence import PictureEvidence

CLASSES, ALIKE = "classes", "alike"

JOINT_SHARE = 0.25
"""The cosines of words and pictures spread three to four times as wide in the joint space; `benchmarks/answers.py` has the table."""

FLOOR = 0.001
"""The probability that counts as none."""

_RANGE = math.log((1 + FLOOR) / FLOOR)

FIRST = 8
"""So many pictures are what others are to be alike."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How much each part counts for one word, beside its two cosines together, which count one.

    Attributes
    ----------
    joint : float
        The part of the two cosines that is the joint one.
    classes, alike : float
        Beside them.
    """

    joint: float
    classes: float
    alike: float


KNOWN = Trust(joint=0.0, classes=0.8 * _RANGE, alike=0.0)
"""For a word of which classes are kinds: a search that needs no joint vectors is as good, and takes one call."""

GUESSED = Trust(joint=0.4, classes=0.03 * _RANGE, alike=2.0)
"""For any other word."""

PICTURE = Trust(joint=0.25, classes=0.0, alike=0.0)
"""For a picture beside words."""


@dataclass(frozen=True, slots=True)
class SoughtWord:
    """One word of a search, as the network may have seen it.

    Attributes
    ----------
    name : str
    weight : float
        As in the expression.
    classes : WordClasses
    joint_share : float, optional
        What the joint part counts for it, of one, where a trained head learned the word and a share was chosen.
    """

    name: str
    weight: float
    classes: WordClasses
    joint_share: float | None = None

    @property
    def trust(self) -> Trust:
        """How much each part counts for it."""
        return KNOWN if self.classes.known else GUESSED


@dataclass(frozen=True)
class WordScore:
    """How candidates of one search are ordered.

    Attributes
    ----------
    mixture : ClassMixture
    seen : tuple of Seen
        The words.
    pictures : float
        The sum of the sizes of the weights of pictures beside them.
    trusted : callable, optional
        From the words and their `chances` to the probability, shape (n,), that pictures show them.
    """

    mixture: ClassMixture
    seen: tuple[SoughtWord, ...]
    pictures: float = 0.0
    trusted: Callable[[Sequence[SoughtWord], Floats], Floats] | None = None

    @cached_property
    def shares(self) -> dict[str, float]:
        """How much each part counts; together one."""
        joint, classes, alike = (self._mean(name) for name in (JOINT, CLASSES, ALIKE))
        learned, chosen = self._learned
        # Words that were learned say how much the joint part counts; for all others it follows from their trust.
        total = max(0.0, chosen + (1 - learned) * joint / (1 + classes + alike))
        others = {VISUAL: 1 - (1 - learned) * joint, CLASSES: classes, ALIKE: alike}
        rest = max(0.0, 1 - total) / sum(others.values())
        return {JOINT: total, **{name: rest * value for name, value in others.items()}}

    @cached_property
    def shares_alone(self) -> dict[str, float]:
        """How much each part counts where there are no first pictures."""
        rest = 1 - self.shares[ALIKE]
        return {name: value / rest for name, value in self.shares.items() if name != ALIKE}

    def evidence(self, chances: Floats) -> Floats:
        """Return what each word adds to the part ``classes``, shape (n, words), for `chances`."""
        sizes = np.asarray([abs(one.weight) * one.trust.classes for one in self.seen])
        signs = np.sign([one.weight for one in self.seen])
        certain = 1 + np.log((chances + FLOOR) / (1 + FLOOR)) / _RANGE
        return np.asarray(certain * signs * sizes / sizes.sum(), dtype=np.float32)

    @cached_property
    def class_shares(self) -> Floats:
        """How often the probability of each class counts for each word, at most once, shape (classes, words)."""
        return np.stack([one.classes.relative for one in self.seen], axis=1)

    def chances(self, pictures: PictureEvidence) -> Floats:
        """Return the probability of each word's classes in pictures, each as often as its share says, shape (n, words)."""
        return np.minimum(pictures.weighted(self.class_shares), 1.0)

    @property
    def joint_share(self) -> float:
        """How much the joint cosine counts beside the visual one alone: as chosen where the words were learned, `JOINT_SHARE` else."""
        learned, chosen = self._learned
        return chosen + (1 - learned) * JOINT_SHARE

    @property
    def _learned(self) -> tuple[float, float]:
        """The part of all weights that words with a chosen share have, and what these shares make of the whole."""
        total = sum(abs(one.weight) for one in self.seen) + self.pictures
        chosen = [(abs(one.weight) / total, one.joint_share) for one in self.seen if one.joint_share is not None]
        return sum(weight for weight, _ in chosen), sum(weight * share for weight, share in chosen)

    def _mean(self, part: str) -> float:
        weighted = [(abs(one.weight), one.trust) for one in self.seen]
        weighted.append((self.pictures, PICTURE))
        total = sum(weight for weight, _ in weighted)
        return float(sum(weight * getattr(trust, part) for weight, trust in weighted) / total)


def likeness(looks: Floats, first: Floats) -> Floats:
    """Return the cosine of pictures, shape (n,), with the mean of the first ones.

    Parameters
    ----------
    looks, first : ndarray of shape (n, axes), ndarray of shape (m, axes)
        Unit vectors, such as sketches.
    """
    return np.asarray(looks @ unit(first.mean(axis=0)), dtype=np.float32)


def weighted_sum_of(parts: Mapping[str, Floats], shares: Mapping[str, float]) -> Floats:
    """Return the sum, shape (n,), of parts with their shares; a part that counts nothing need not be there."""
    return np.asarray(sum(share * parts[name] for name, share in shares.items() if share), dtype=np.float32)
