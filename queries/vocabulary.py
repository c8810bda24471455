"""The words that stand in Milvus: their vectors, and the words around a vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from milvise.adapter import Collection
from milvise.config import DEFAULT_LIMIT
from milvise.embeddings.phrases import lookups, missing_words, phrase_vector, unit
from milvise.errors import ExpressionError, UnknownWordError
from milvise.queries.expression import Term, parse
from milvise.queries.live import Live
from milvise.queries.spelling import suggest
from milvise.records import WordHit, distance

Array = np.ndarray[Any, np.dtype[np.float32]]

FREQUENT = 20_000
"""Tags are chosen among so many of the most frequent words: rarer ones are seldom what a picture shows."""


class Vocabulary:
    """The words of a Milvus; ``db.words`` of a `milvise.Database`."""

    def __init__(self, live: Live) -> None:
        self._live = live

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What made the word vectors."""
        return dict(self._live.collection.manifest.fingerprint)

    def similar(self, expression: str, *, limit: int = DEFAULT_LIMIT, filter: str = "") -> list[WordHit]:
        """Return the words closest to a word or expression, closest first.

        The word itself comes first, at distance 0; the words of an expression of several terms are left out, as is
        usual for analogies.

        Parameters
        ----------
        expression : str
            Such as ``said`` or ``king - man + woman``; see `milvise.queries.expression`.
        limit : int
            How many.
        filter : str
            A Milvus expression over ``word`` and ``rank`` (0 = most frequent).

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary; it carries close spellings.
        ExpressionError
            If the expression cannot be read, or its terms cancel out.
        """
        terms = parse(expression)
        own = {form for term in terms for form in lookups(term.phrase)} if len(terms) > 1 else set()
        hits = self.near(self.vector(terms), limit=limit + len(own), filter=filter)
        return [hit for hit in hits if hit.word not in own][:limit]

    def vector(self, terms: Sequence[Term] | str) -> Array:
        """Return the unit vector, float32 of shape (dim,), of an expression: the weighted mean of its terms' unit vectors.

        Raises
        ------
        UnknownWordError, ExpressionError
            As `similar`.
        """
        terms = parse(terms) if isinstance(terms, str) else terms
        known = self._vectors([form for term in terms for form in lookups(term.phrase)])
        for term in terms:
            for word in missing_words(term.phrase, known):
                raise UnknownWordError(word, suggest(word, self._ranks), place=self._place())
        vectors = [(term.weight, phrase_vector(term.phrase, known)) for term in terms]
        total = np.sum([weight * vector for weight, vector in vectors if vector is not None], axis=0)
        if float(np.linalg.norm(total)) < 1e-6:
            raise ExpressionError("the terms of the expression cancel out, so that nothing is left to search for.")
        return unit(total)

    def near(self, vector: Array, *, limit: int, filter: str = "") -> list[WordHit]:
        """Return the words closest to a vector of shape (dim,), closest first."""

        def search(words: Collection) -> list[WordHit]:
            answers = words.search(vector[np.newaxis], limit=limit, fields=["word"], filter=filter)
            return [WordHit(row["word"], score, distance(score)) for row, score in answers[0]]

        return self._live.read(search)

    def vectors(self, words: Sequence[str]) -> dict[str, Array]:
        """Return the vectors, by word, of those words that the vocabulary has exactly so."""
        return self._vectors(words)

    def _vectors(self, words: Sequence[str]) -> dict[str, Array]:
        return self._live.read(lambda collection: collection.vectors(list(dict.fromkeys(words))))

    def _ranks(self, words: Sequence[str]) -> dict[str, int]:
        rows = self._live.read(lambda collection: collection.get(words, fields=["rank"]))
        return {word: int(row["rank"]) for word, row in rows.items()}

    def _place(self) -> str:
        fingerprint = self.fingerprint
        return f"the vocabulary {fingerprint.get('words', '')} ({fingerprint.get('count', 0):,} words)"
