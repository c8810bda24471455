"""From what a request names to a query: words, pictures, and any mixture of them.

Vectors of length one are added, each as often as its weight says. A word stands in the joint space as itself and in the
visual one as a mixture of classes; a picture stands in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from milvise.embeddings.phrases import unit
from milvise.errors import UsageError
from milvise.queries.encoder import PictureLike
from milvise.queries.expression import Term, parse
from milvise.queries.opened import Opened
from milvise.queries.pictures import Named, find_pictures, require_several
from milvise.queries.query import FUSED, JOINT, VISUAL, Ingredient, Query, Recipe, spaces_of
from milvise.queries.vocabulary import term_vectors

Array = np.ndarray[Any, np.dtype[np.float32]]
Weighted = PictureLike | tuple[PictureLike, float]


def terms_of(words: str) -> tuple[Term, ...]:
    """Return the terms of an expression, none where there are no words; errors as `milvise.queries.expression.parse`."""
    return parse(words) if words.strip() else ()


def word_queries(now: Opened, expressions: Sequence[Sequence[Term]], *, space: str | None) -> list[Query]:
    """Return a query for each of several expressions.

    Parameters
    ----------
    space : {"joint", "visual", "fused"}, optional
        By default ``fused`` where the backbone's classes are loaded, else ``joint``.

    Raises
    ------
    UnknownWordError, ExpressionError
        If a word is not in the vocabulary, or terms cancel out.
    """
    spaces = spaces_of(space or words_space(now))
    # All words at once: what is not known yet is fetched in one call.
    term_vectors(now.words, [term for terms in expressions for term in terms], now.parts.known_words)
    return [Query({one: Recipe(_words(now, terms, one)) for one in spaces}) for terms in expressions]


def mixed_query(
    now: Opened, terms: Sequence[Term], pictures: Sequence[Weighted], *, space: str | None
) -> tuple[Query, list[Named]]:
    """Return a query for words and pictures together, and the pictures.

    Parameters
    ----------
    terms : sequence of Term
        Of an expression such as ``+night -day``; may be empty where there are pictures.
    pictures : sequence of pictures, each alone or with its weight
        May be empty where there are words.
    space : {"joint", "visual", "fused"}, optional
        By default ``visual`` for pictures alone; as `word_queries` where there are words.

    Raises
    ------
    UsageError
        If there are neither words nor pictures, or a weight is zero.
    """
    require_several(pictures=pictures)
    if not terms and not pictures:
        raise UsageError("there is nothing to search for.\nExpected: words, a picture, or both")
    spaces = spaces_of(space or (words_space(now) if terms else VISUAL))
    weighted = [one if isinstance(one, tuple) else (one, 1.0) for one in pictures]
    if any(weight == 0 for _, weight in weighted):
        raise UsageError("the weight of a picture must not be zero.")
    found = find_pictures(now, [picture for picture, _ in weighted], spaces)
    weights = [weight for _, weight in weighted]
    recipes = {one: Recipe((*_pictures(found, weights, one), *_words(now, terms, one))) for one in spaces}
    return Query(recipes), found


def mean_query(pictures: Sequence[Named], spaces: Sequence[str]) -> Query:
    """Return a query for the spherical mean of pictures: unit vectors are added, and the sum is scaled to length one."""
    return Query({space: Recipe(_pictures(pictures, [1.0] * len(pictures), space)) for space in spaces})


def words_space(now: Opened) -> str:
    """Return the space in which words are compared with pictures by default."""
    # Without joint vectors, or where they were made with other words, nothing is said of the classes.
    return FUSED if now.joint and now.places_words else JOINT


def _pictures(pictures: Sequence[Named], weights: Sequence[float], space: str) -> tuple[Ingredient, ...]:
    return tuple(
        Ingredient(one.name, weight, unit(one.vectors[space])) for one, weight in zip(pictures, weights, strict=True)
    )


def _words(now: Opened, terms: Sequence[Term], space: str) -> tuple[Ingredient, ...]:
    if not terms:
        return ()
    vectors: list[Array] = term_vectors(now.words, terms, now.parts.known_words)
    if space == VISUAL:
        if not now.mixture.tells_apart:
            raise UsageError(
                "the words know fewer than two of the classes' names, and no word has a place among visual vectors."
            )
        vectors = [now.mixture.visual(vector) for vector in vectors]
    return tuple(
        Ingredient(term.phrase, term.weight, unit(vector)) for term, vector in zip(terms, vectors, strict=True)
    )
