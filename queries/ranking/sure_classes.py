"""What a picture shows as far as the network is sure of it, in words that people use.

A node of the class hierarchy is as probable as the classes under it together: a dog of an uncertain breed is surely a dog. Nodes of at
least the probability `SURE` come first, the one that says most before what it is a kind of. Less probable ones of at least `GUESS` are guesses
and follow, the most probable one first. `benchmarks/tags.py` prints how many of the first names are right.

A node is called by a vocabulary entry: the class's own name, else the usual lemma of its synset, else the most frequent of those
lemmas whose first visible sense it is. What is no class is called by frequent words only. It has no name where its usual lemma is one
word that is rare (placental, instrumentality), or where it says next to nothing (whole, artifact).

References
----------
Deng et al. 2012, "Hedging Your Bets: Optimizing Accuracy-Specificity Trade-offs in Large Scale Visual Recognition", section 3: the
reward of a right node is its information content, and the accuracy is guaranteed on labelled pictures. Here a threshold on the
probability guarantees it, which needs no search when a picture is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from milvise.core.arrays import Floats
from milvise.embeddings.wordnet.hierarchy import Hierarchy, Node
from milvise.embeddings.words.phrases import whole_spellings

SURE = 0.8
"""The least value of a few for which 90 % of the first sure names are right, on half of the labelled pictures."""

GUESS = 0.1

INFORMATION = 0.13
"""The least information content of what is named, of the largest: of ImageNet's classes organism has less, animal has more."""

_DIGITS = 4

FREQUENT_NAME = 20_000
"""The rank below which a word names what is no class."""


@dataclass(frozen=True, slots=True)
class SureWord:
    """One thing that a picture shows.

    Attributes
    ----------
    word : str
        A vocabulary entry.
    probability : float
        That of the classes under it.
    """

    word: str
    probability: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A node that a picture may show."""

    node: int
    probability: float
    information: float

    def order(self, sure: float) -> tuple[bool, float, float]:
        """Return what candidates are sorted by."""
        if self.probability >= sure:
            return False, -self.information, -self.probability
        # What stands under a node with it alone is as probable, but for rounding.
        return True, -round(self.probability, _DIGITS), -self.information


class Hedge:
    """The names of what pictures show, by the probabilities of classes.

    Parameters
    ----------
    hierarchy : Hierarchy
    labels : sequence of str
        The names of the classes.
    """

    def __init__(self, hierarchy: Hierarchy, labels: Sequence[str]) -> None:
        self._hierarchy = hierarchy
        self._nodes = hierarchy.nodes()
        self._under = np.zeros((len(labels), len(self._nodes)), dtype=np.float32)
        for place, node in enumerate(self._nodes):
            self._under[node.kinds, place] = 1.0
        self._least = INFORMATION * max((node.information for node in self._nodes), default=0.0)
        self._labels: dict[int, list[str]] = {}
        places: dict[tuple[str, ...], list[int]] = {}
        for place, node in enumerate(self._nodes):
            places.setdefault(node.names, []).append(place)
        for index, label in enumerate(labels):
            for place in places.get(hierarchy.lemmas(index), ()):
                if index in self._nodes[place].kinds:
                    self._labels.setdefault(place, []).append(label)
        self._trusted: dict[int, tuple[tuple[str, ...], ...]] = {}

    def entries(self, probabilities: Floats, *, guess: float = GUESS) -> list[str]:
        """Return the vocabulary entries that may be needed to name what some pictures show.

        Parameters
        ----------
        probabilities : ndarray of shape (pictures, classes), float32
        guess : float
            The least probability of what is named.
        """
        likely = np.flatnonzero((self._chances(probabilities) >= guess).any(axis=0))
        places = (place for place in likely.tolist() if self._says_something(place))
        return list(dict.fromkeys(form for place in places for forms in self._forms(place) for form in forms))

    def names(
        self, probabilities: Floats, ranks: Mapping[str, int], *, sure: float = SURE, guess: float = GUESS
    ) -> list[list[SureWord]]:
        """Return what each picture shows: what is sure first, each word once.

        Parameters
        ----------
        probabilities : ndarray of shape (pictures, classes), float32
        ranks : mapping of str to int
            The frequency rank, 0 for the most frequent, of those `entries` that the vocabulary has.
        sure, guess : float
            The least probability of what comes first, and of what is named at all.
        """
        return [self._named(chances, ranks, sure, guess) for chances in self._chances(probabilities)]

    def _chances(self, probabilities: Floats) -> Floats:
        return np.asarray(np.atleast_2d(probabilities) @ self._under, dtype=np.float32)

    def _named(self, chances: Floats, ranks: Mapping[str, int], sure: float, guess: float) -> list[SureWord]:
        found = [
            _Candidate(place, min(1.0, float(chances[place])), self._nodes[place].information)
            for place in np.flatnonzero(chances >= guess).tolist()
            if self._says_something(place)
        ]
        named: dict[str, SureWord] = {}
        for one in sorted(found, key=lambda one: one.order(sure)):
            word = self._name(one.node, ranks)
            if word is not None:
                named.setdefault(word, SureWord(word, one.probability))
        return list(named.values())

    def _says_something(self, place: int) -> bool:
        return place in self._labels or self._nodes[place].information >= self._least

    def _name(self, place: int, ranks: Mapping[str, int]) -> str | None:
        is_class = place in self._labels
        found = [
            [(ranks[form], form) for form in forms if form in ranks and (is_class or ranks[form] < FREQUENT_NAME)]
            for forms in self._forms(place)
        ]
        own = 1 + len(self._labels.get(place, ()))
        for usual in filter(None, found[:own]):
            return min(usual)[1]
        if not is_class and _is_one_word(self._nodes[place].names[0]):
            return None
        others = [one for forms in found[own:] for one in forms]
        return min(others)[1] if others else None

    def _forms(self, place: int) -> tuple[tuple[str, ...], ...]:
        """Return how a vocabulary may spell each name that can be trusted: the class's own ones, the usual lemma, others."""
        if place not in self._trusted:
            node = self._nodes[place]
            names = [*self._labels.get(place, ()), node.names[0], *self._own(node)]
            self._trusted[place] = tuple(tuple(whole_spellings(name)) for name in names)
        return self._trusted[place]

    def _own(self, node: Node) -> Iterator[str]:
        """Yield the further lemmas that mean this node before anything else: a killer is no whale, though a lemma of one."""
        for lemma in node.names[1:]:
            senses = self._hierarchy.senses(lemma)
            if senses and np.array_equal(senses[0].kinds, node.kinds):
                yield lemma


def _is_one_word(lemma: str) -> bool:
    return " " not in lemma and "-" not in lemma
