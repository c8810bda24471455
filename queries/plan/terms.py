"""Where a word stands: among the words, and among the classes of a backbone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from milvise.core.arrays import Floats, unit
from milvise.core.spaces import Space
from milvise.core.stages import staged
from milvise.errors import UnknownWordError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.plan.class_mixture import WordClasses
from milvise.queries.plan.query import Ingredient
from milvise.queries.ranking.score import SoughtWord
from milvise.queries.vocabulary.expression import Term
from milvise.queries.vocabulary.word_vectors import term_vectors


@dataclass(frozen=True)
class Placed:
    """One term of an expression.

    Attributes
    ----------
    now : OpenCollections
    term : Term
        As it was asked for.
    phrase : str
        Its phrase; of a noun in the plural, the singular.
    vector : ndarray of shape (words' width,), optional
        Its unit vector, None for a noun that the words lack.
    """

    now: OpenCollections
    term: Term
    phrase: str
    vector: Floats | None

    @cached_property
    def classes(self) -> WordClasses:
        """The classes of the word; errors as `OpenCollections.mixture`."""
        return self.now.mixture.of(self.phrase, self.vector)

    def ingredient(self, space: Space) -> Ingredient:
        """Return the term as a part of a query vector in the ``joint`` or ``visual`` space; errors as `OpenCollections.mixture`."""
        if space != self.now.text_space:
            vector = self.now.mixture.visual(self.classes.shares)
        else:
            vector = self.now.mixture.joint(self.classes.shares) if self.vector is None else self.vector
        return Ingredient(self.term.phrase, self.term.weight, unit(vector))

    def seen(self, joint_share: float | None = None) -> SoughtWord:
        """Return the term as the network may have seen it; a share as `OpenCollections.joint_share` returns."""
        return SoughtWord(self.term.phrase, self.term.weight, self.classes, joint_share)


@staged("words")
def place_terms(now: OpenCollections, terms: Sequence[Term]) -> list[Placed]:
    """Return where terms stand; words that were not asked for before are fetched in one call.

    Raises
    ------
    UnknownWordError
        If a word is neither in the vocabulary nor a noun that the class hierarchy knows; it carries close spellings.
    """
    if not terms:
        return []
    bases = [now.base_noun(term.phrase) for term in terms]
    vectors = term_vectors(now.words, [Term(base) for base in bases], now.known_words, is_noun=now.knows_noun)
    return [Placed(now, *found) for found in zip(terms, bases, vectors, strict=True)]


def known_part(now: OpenCollections, terms: Sequence[Term]) -> tuple[list[Term], dict[str, UnknownWordError]]:
    """Return the terms that have a place, and by word an error for each of the others."""
    kept: list[Term] = []
    unknown: dict[str, UnknownWordError] = {}
    for term in terms:
        try:
            place_terms(now, [term])
            kept.append(term)
        except UnknownWordError as error:
            unknown[error.word] = error
    return kept, unknown
