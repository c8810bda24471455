"""What is known of the words that a person types: whether the vocabulary has them, how frequent they are, and which are nouns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from milvise.adapter import Collection
from milvise.adapter.escape import both, literal
from milvise.core.arrays import Floats
from milvise.queries.fetched_vectors import FetchedVectors
from milvise.queries.vocabulary.spelling import RARE


class Knowledge(Protocol):
    """What reading an expression needs to know."""

    def known(self, entries: Sequence[str]) -> Mapping[str, Any]:
        """Return those of these entries that the vocabulary has, in at most one call to Milvus."""

    def ranks(self, entries: Sequence[str]) -> Mapping[str, int]:
        """Return the frequency rank, 0 for the most frequent, of those that the vocabulary has, in at most one call."""

    def starting(self, letter: str) -> Mapping[str, int]:
        """Return the ranks of the frequent words that begin with a letter, in at most one call."""

    def noun(self, phrase: str) -> bool:
        """Return whether a phrase, its words between blanks, is known to be a noun."""

    def is_class(self, phrase: str) -> bool:
        """Return whether a phrase in lower case is the name of a class."""


class WordKnowledge:
    """The words in Milvus, without classes.

    Parameters
    ----------
    vectors, ranks : KnownVectors
        What was fetched before. The vectors are those that the search needs anyway.
    noun : callable
        Whether a phrase is a noun.
    """

    def __init__(
        self,
        words: Collection,
        vectors: FetchedVectors,
        ranks: FetchedVectors,
        noun: Callable[[str], bool] = lambda phrase: False,
    ) -> None:
        self.words = words
        self._vectors = vectors
        self._ranks = ranks
        self.noun = noun

    def known(self, entries: Sequence[str]) -> dict[str, Floats]:
        """Return the vectors of those of these entries that the vocabulary has."""
        return self._vectors.of(self.words, entries)

    def ranks(self, entries: Sequence[str]) -> dict[str, int]:
        """Return the ranks of those that the vocabulary has."""
        return {entry: int(rank[0]) for entry, rank in self._ranks.of(self.words, entries).items()}

    def starting(self, letter: str) -> dict[str, int]:
        """Return the ranks of the 20,000 most frequent words where they begin with a letter."""
        if not letter.isalnum():
            return {}
        frequent = both(f"rank < {RARE}", f"word like {literal(letter + '%')}")
        return {row["word"]: int(row["rank"]) for row in self.words.query(frequent, fields=["word", "rank"])}

    def is_class(self, phrase: str) -> bool:  # noqa: ARG002
        """Return False: words have no classes."""
        return False
