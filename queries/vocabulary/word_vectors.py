"""The words that stand in Milvus: their vectors, and the words around a vector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from milvise.adapter import Collection
from milvise.adapter.collection import MOST_HITS
from milvise.core.arrays import Floats, unit
from milvise.core.config import DEFAULT_LIMIT
from milvise.core.events import request_logged
from milvise.core.records import WordHit, distance
from milvise.core.stages import staged
from milvise.embeddings.words.phrases import lookups, missing_words, phrase_vector
from milvise.errors import ExpressionError, UnknownWordError
from milvise.gallery.live import Live, answered
from milvise.queries.fetched_vectors import FetchedVectors
from milvise.queries.limits import check_limit
from milvise.queries.vocabulary.expression import Term, parse
from milvise.queries.vocabulary.frequent_words import FrequentWords
from milvise.queries.vocabulary.knowledge import WordKnowledge
from milvise.queries.vocabulary.spelling import suggest
from milvise.queries.vocabulary.typed import TypedSearch, read_exactly

FREQUENT = 20_000
"""Tags are chosen among so many of the most frequent words: rarer ones are seldom what a picture shows."""


class Vocabulary:
    """The words of a Milvus; ``db.words`` of a `milvise.Database`."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self.known = FetchedVectors()
        self.known_ranks = FetchedVectors("rank")
        self.frequent = FrequentWords()

    def similar(
        self, expression: str, *, limit: int = DEFAULT_LIMIT, filter: str = "", fix: bool = False
    ) -> list[WordHit]:
        """Return the words closest to a word or expression, closest first.

        The word itself comes first, at distance 0; the words of an expression of several terms are left out, as is
        usual for analogies.

        Parameters
        ----------
        expression : str
            Such as ``said`` or ``king - man + woman``; see `milvise.queries.vocabulary.expression`.
        limit : int
            How many, at most 16,384.
        filter : str
            A Milvus expression over ``word`` and ``rank`` (0 = most frequent).
        fix : bool
            Whether an unknown word is replaced by the closest known one.

        Raises
        ------
        UnknownWordError
            If a word is not in the vocabulary; it carries close spellings.
        ExpressionError
            If the expression cannot be read, or its terms cancel out.
        """
        check_limit(limit)

        def request() -> list[WordHit]:
            words = self.live.collection
            reading = self._read(words, expression, fix=fix)
            require_known(reading, words)
            several = len(reading.terms) > 1
            own = {form for term in reading.terms for form in lookups(term.phrase)} if several else set()
            vector = expression_vector(words, reading.terms, self.known)
            hits = nearest_words(words, vector[np.newaxis], limit=min(MOST_HITS, limit + len(own)), filter=filter)[0]
            return [hit for hit in hits if hit.word not in own][:limit]

        with request_logged("words", limit=limit) as event:
            hits = answered(request, self.live)
            event["hits"] = len(hits)
        return hits

    def read(self, expression: str, *, fix: bool = False) -> TypedSearch:
        """Return what `similar` takes an expression for, in at most three calls; errors as `milvise.queries.vocabulary.typed.read`.

        The grammar holds exactly. Only punctuation at the ends of an unknown word without quotes is left out.
        """
        with request_logged("read"):
            return answered(lambda: self._read(self.live.collection, expression, fix=fix), self.live)

    def _read(self, words: Collection, expression: str, *, fix: bool) -> TypedSearch:
        return read_exactly(expression, WordKnowledge(words, self.known, self.known_ranks), fix=fix)

    def vector(self, expression: str) -> Floats:
        """Return the unit vector, float32 of shape (dim,), of an expression.

        Raises
        ------
        UnknownWordError, ExpressionError
            As `similar`.
        """
        terms = parse(expression)
        with request_logged("vector"):
            return answered(lambda: expression_vector(self.live.collection, terms, self.known), self.live)


@staged("words")
def expression_vector(words: Collection, terms: Sequence[Term], vectors: FetchedVectors) -> Floats:
    """Return the weighted mean of the terms' unit vectors, scaled to length one, shape (dim,).

    Raises
    ------
    UnknownWordError
        If a word is not in the vocabulary; it carries close spellings.
    ExpressionError
        If the terms cancel out.
    """
    found = term_vectors(words, terms, vectors, is_noun=lambda phrase: False)
    return weighted_sum((term.weight, vector) for term, vector in zip(terms, found, strict=True) if vector is not None)


def term_vectors(
    words: Collection, terms: Sequence[Term], vectors: FetchedVectors, *, is_noun: Callable[[str], bool]
) -> list[Floats | None]:
    """Return the unit vector, shape (dim,), of each term's phrase; those that are not known are fetched in one call.

    Parameters
    ----------
    vectors : FetchedVectors
        Vectors that were fetched before.
    is_noun : callable
        Whether a phrase that the vocabulary lacks has a place all the same: its vector is None where no word of it is known.

    Raises
    ------
    UnknownWordError
        If a word is not in the vocabulary, and its phrase is no noun; it carries close spellings.
    """
    known = vectors.of(words, _forms(terms))
    for term in terms:
        for word in missing_words(term.phrase, known):
            if is_noun(term.phrase):
                break
            raise UnknownWordError(word, suggest(word, lambda some: _ranks(words, some)), place=_place(words))
    return [phrase_vector(term.phrase, known) for term in terms]


def require_known(reading: TypedSearch, words: Collection) -> None:
    """Raise UnknownWordError if a reading has a word that is not known."""
    for word in reading.unknown:
        raise unknown_error(reading, word, words)


def unknown_error(reading: TypedSearch, word: str, words: Collection) -> UnknownWordError:
    """Return the error for a word of a reading that is not known, with its close spellings."""
    return UnknownWordError(word, reading.suggestions.get(word, ()), place=_place(words), can_fix=True)


def weighted_sum(weighted: Iterable[tuple[float, Floats]]) -> Floats:
    """Return the sum of weighted vectors, scaled to length one, shape (dim,).

    Raises
    ------
    ExpressionError
        If they cancel out.
    """
    total = sum(weight * vector for weight, vector in weighted)
    if float(np.linalg.norm(total)) < 1e-6:
        raise ExpressionError("the terms of the expression cancel out, so that nothing is left to search for.")
    return unit(total)


def nearest_words(words: Collection, vectors: Floats, *, limit: int, filter: str = "") -> list[list[WordHit]]:
    """Return for each of the vectors, shape (n, dim), the closest words, closest first, in one call to Milvus."""
    check_limit(limit)
    answers = words.search(vectors, limit=limit, fields=["word"], filter=filter)
    return [[WordHit(row["word"], score, distance(score)) for row, score in hits] for hits in answers]


def _forms(terms: Sequence[Term]) -> list[str]:
    """Return the vocabulary entries that may be needed for terms."""
    return list(dict.fromkeys(form for term in terms for form in lookups(term.phrase)))


def _place(words: Collection) -> str:
    made = words.manifest.fingerprint
    return f"the vocabulary {made.get('words', '')} ({made.get('count', 0):,} words)"


def _ranks(words: Collection, candidates: Sequence[str]) -> dict[str, int]:
    return {word: int(row["rank"]) for word, row in words.get(candidates, fields=["rank"]).items()}
