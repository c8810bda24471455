"""Words among visual vectors: a word is a mixture of the classes that it means, or that are most like it.

WordNet says which classes a noun means: *dog* is each of the breeds (`milvise.embeddings.wordnet.hierarchy`). Of a noun that no class is a
kind of, and of any other word, the classes are guessed: by the cosine of the word's vector with the classes' names, and by
the similarity in the tree. The share of a class is ``softmax((cosine + TREE * similarity) / TEMPERATURE)``. What a word's later senses
mean counts less than what its first one does.

Names and weights count as they differ from the mean of all classes: what all classes have in common tells none from another.

References
----------
Norouzi et al. 2014, "Zero-Shot Learning by Convex Combination of Semantic Embeddings", turned round: there the classes of
a picture are mixed from word vectors, here the classes of a word are mixed from weights. Lin 1998, "An
information-theoretic definition of similarity", section 4, is the similarity in the tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from milvise.core.arrays import Floats, unit
from milvise.embeddings.devise.top_classes import class_probabilities
from milvise.embeddings.wordnet.hierarchy import Hierarchy, Sense

if TYPE_CHECKING:
    from milvise.queries.ranking.picture_evidence import PictureEvidence

TEMPERATURE = 0.02
TREE = 0.4
"""How much the similarity in the tree counts beside the cosine; `benchmarks/everyday.py` prints what these values find."""

OTHER_NAME = 0.05
"""How much less the cosine with another name of a class counts than the one with its first."""

SENSE_DECAY = 0.3
_SENSES, _CLOSE_SENSES = 8, 3
_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class WordClasses:
    """The classes of one word.

    Attributes
    ----------
    shares : ndarray of shape (classes,), float32
        They add up to one.
    known : bool
        Whether classes, and not all of them, are kinds of the word; else the shares are a guess.
    closeness : float
        Similarity in the tree of the class closest to one of the word's first three senses, 0 to 1; 0 for what is no noun.
    """

    shares: Floats
    known: bool
    closeness: float = 0.0

    @property
    def width(self) -> float:
        """How many classes it has, one that counts half as much as the first being half a class; at least 1."""
        return float(self.shares.sum() / self.shares.max())

    @property
    def relative(self) -> Floats:
        """The shares, shape (classes,), divided by the largest."""
        return np.asarray(self.shares / self.shares.max(), dtype=np.float32)


@dataclass(frozen=True)
class ClassMixture:
    """The classes of a backbone among the words.

    Attributes
    ----------
    labels : tuple of str
        Their names, in the classifier's order.
    names : ndarray of shape (classes, words' width), float32
        Unit vectors of the labels as the conse head has them; zero where the words lack them.
    first_names : ndarray of shape (classes, words' width), float32
        Unit vectors of the name that each class is told by; zero for a class that no word stands for.
    other_names : ndarray of shape (other names, words' width), float32
        Of further names of the classes.
    owners : ndarray of shape (other names,), int64
        The class of each, by its place in `labels`.
    weights : ndarray of shape (classes, visual width), float32
    bias : ndarray of shape (classes,), float32
        The classifier.
    hierarchy : Hierarchy, optional
        WordNet's nouns around the classes.
    """

    labels: tuple[str, ...]
    names: Floats
    first_names: Floats
    other_names: Floats
    owners: np.ndarray[Any, np.dtype[np.int64]]
    weights: Floats
    bias: Floats
    hierarchy: Hierarchy | None = None
    _kept: dict[tuple[str, bytes | None], WordClasses] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _placed: dict[bytes, Floats] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def tells_apart(self) -> bool:
        """Whether there are two classes with a name or more: with one, every word would be the same."""
        return int(self._named.sum()) > 1

    def of(self, phrase: str, vector: Floats | None) -> WordClasses:
        """Return the classes of a word or phrase; a thousand are kept.

        Parameters
        ----------
        vector : ndarray of shape (words' width,), optional
            Its vector, None where the words lack it.
        """
        key = phrase, None if vector is None else vector.tobytes()
        found = self._kept.get(key)
        if found is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            found = self._kept[key] = self._found(phrase, vector)
        return found

    def _found(self, phrase: str, vector: Floats | None) -> WordClasses:
        senses = self.hierarchy.senses(phrase)[:_SENSES] if self.hierarchy else ()
        total = np.zeros(len(self.labels), dtype=np.float64)
        known = False
        for rank, sense in enumerate(senses):
            if self._tells(sense):
                total[sense.kinds] = np.maximum(total[sense.kinds], SENSE_DECAY**rank)
                known = True
            elif rank == 0:
                guessed = self._guess(vector, sense)
                total += guessed / guessed.max()
        if not known and (own := self._index.get(_folded(phrase))) is not None:
            total[:] = 0
            total[own], known = 1.0, True
        if not senses and not known:
            total += self._guess(vector, None)
        close = max((float(sense.similarity.max(initial=0.0)) for sense in senses[:_CLOSE_SENSES]), default=0.0)
        return WordClasses(np.asarray(total / total.sum(), dtype=np.float32), known, close)

    def visual(self, shares: Floats) -> Floats:
        """Return the unit vector, shape (visual width,), to search visual vectors by for shares of classes; a thousand are kept."""
        key = shares.tobytes()
        found = self._placed.get(key)
        if found is None:
            if len(self._placed) >= _KEPT:
                self._placed.clear()
            found = self._placed[key] = unit(shares @ self._weights)
        return found

    def joint(self, shares: Floats) -> Floats:
        """Return the unit vector, shape (words' width,), that stands for shares of classes among the words."""
        return unit(shares @ self.first_names)

    def conse(self, seen: PictureEvidence) -> Floats:
        """Return the joint vectors, shape (n, words' width), of length one, that the conse head makes of what was seen in pictures.

        What their probabilities lack of one, because only the likeliest are known, counts as spread over all classes.
        """
        rest = np.maximum(0, 1 - seen.total)[:, None]
        return unit(seen.weighted(self.names) + rest * self._mean_name)

    def focus(self, shares: Floats) -> Floats:
        """Return the class weights, shape (visual width,), of a word that need not be a class."""
        return np.asarray(shares @ self.weights, dtype=np.float32)

    def probabilities(self, visual: Floats) -> Floats:
        """Return the probability of each class, shape (..., classes), for visual vectors as the backbone gave them."""
        return class_probabilities(visual, self.weights, self.bias)

    def _tells(self, sense: Sense) -> bool:
        """Return whether classes are kinds of a sense, and others are not: of *entity* all are, and it is like none of them."""
        others = self._named.copy()
        others[sense.kinds] = False
        return len(sense.kinds) > 0 and bool(others.any())

    def _guess(self, vector: Floats | None, sense: Sense | None) -> Floats:
        likeness = np.zeros(len(self.labels))
        if vector is not None:
            likeness = (self._names @ unit(vector)).astype(np.float64)
            np.maximum.at(likeness, self.owners, self._other_names @ unit(vector) - OTHER_NAME)
        if sense is not None:
            likeness = likeness + TREE * sense.similarity
        likeness = np.where(self._named, likeness, -np.inf)
        odds = np.exp((likeness - likeness.max()) / TEMPERATURE)
        return np.asarray(odds / odds.sum(), dtype=np.float32)

    @cached_property
    def _named(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        return np.asarray(self.first_names.any(axis=1))

    @cached_property
    def _mean_name(self) -> Floats:
        return np.asarray(self.names.mean(axis=0), dtype=np.float32)

    @cached_property
    def _mean(self) -> Floats:
        return np.asarray(self.first_names[self._named].mean(axis=0), dtype=np.float32)

    @cached_property
    def _names(self) -> Floats:
        return unit(self.first_names - self._mean)

    @cached_property
    def _other_names(self) -> Floats:
        return unit(self.other_names - self._mean)

    @cached_property
    def _weights(self) -> Floats:
        return np.asarray(self.weights - self.weights.mean(axis=0), dtype=np.float32)

    @cached_property
    def _index(self) -> dict[str, int]:
        return {_folded(label): place for place, label in reversed(list(enumerate(self.labels)))}


def _folded(name: str) -> str:
    return " ".join(name.replace("_", " ").casefold().split())
