"""From what a request names to a query: words, pictures, and any mixture of them.

Vectors of length one are added, each as often as its weight says. A word stands in the joint space as itself and in the
visual one as a mixture of classes; a picture stands in both. A noun that the words lack stands in both as a mixture of classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from milvise.core.arrays import unit
from milvise.core.spaces import JOINT, RANKED, VISUAL, SearchSpace, Space, search_space
from milvise.core.stages import staged
from milvise.errors import UsageError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.pictures.find import NamedPicture, find_pictures, require_several
from milvise.queries.pictures.given import PictureLike
from milvise.queries.plan.query import Ingredient, Query, Recipe, spaces_of
from milvise.queries.plan.terms import Placed, place_terms
from milvise.queries.ranking.score import WordScore
from milvise.queries.vocabulary.expression import Term, parse

Weighted: TypeAlias = "PictureLike | tuple[PictureLike, float]"


def terms_of(words: str) -> tuple[Term, ...]:
    """Return the terms of an expression, none where there are no words; errors as `milvise.queries.vocabulary.expression.parse`."""
    return parse(words) if words.strip() else ()


@staged("words")
def word_queries(now: OpenCollections, expressions: Sequence[Sequence[Term]], *, space: str | None) -> list[Query]:
    """Return a query for each of several expressions.

    Parameters
    ----------
    space : {"joint", "visual", "fused", "ranked"}, optional
        By default ``ranked`` where the backbone's classes are loaded, else ``joint``.

    Raises
    ------
    UnknownWordError, ExpressionError
        If a word is not in the vocabulary, or terms cancel out.
    """
    searched = search_space(space) if space else words_space(now)
    # All words at once: what is not known yet is fetched in one call.
    placed = iter(place_terms(now, [term for terms in expressions for term in terms]))
    return [_query(searched, [], [], [next(placed) for _ in terms], now) for terms in expressions]


def mixed_query(
    now: OpenCollections, terms: Sequence[Term], pictures: Sequence[Weighted], *, space: str | None
) -> tuple[Query, list[NamedPicture]]:
    """Return a query for words and pictures together, and the pictures.

    Parameters
    ----------
    terms : sequence of Term
        Of an expression such as ``+night -day``; may be empty where there are pictures.
    pictures : sequence of pictures, each alone or with its weight
        May be empty where there are words.
    space : {"joint", "visual", "fused", "ranked"}, optional
        By default ``visual`` for pictures alone; as `word_queries` where there are words.

    Raises
    ------
    UsageError
        If there are neither words nor pictures, or a weight is zero.
    """
    require_several(pictures=pictures)
    if not terms and not pictures:
        raise UsageError("there is nothing to search for.\nExpected: words, a picture, or both")
    searched = search_space(space) if space else words_space(now) if terms else VISUAL
    weighted = [one if isinstance(one, tuple) else (one, 1.0) for one in pictures]
    if any(weight == 0 for _, weight in weighted):
        raise UsageError("the weight of a picture must not be zero.")
    found = find_pictures(now, [picture for picture, _ in weighted], spaces_of(searched))
    return _query(searched, found, [weight for _, weight in weighted], place_terms(now, terms), now), found


def mean_query(pictures: Sequence[NamedPicture], spaces: Sequence[Space]) -> Query:
    """Return a query for the spherical mean of pictures: unit vectors are added, and the sum is scaled to length one."""
    return Query({space: Recipe(_pictures(pictures, [1.0] * len(pictures), space)) for space in spaces})


def words_space(now: OpenCollections) -> SearchSpace:
    """Return the space in which words are compared with pictures by default."""
    if now.text_space == VISUAL:
        return VISUAL
    # Without joint vectors, or where they were made with other words, nothing is said of the classes.
    return RANKED if now.joint and now.places_words else JOINT


def _query(
    space: SearchSpace,
    pictures: Sequence[NamedPicture],
    weights: Sequence[float],
    words: Sequence[Placed],
    now: OpenCollections,
) -> Query:
    spaces = spaces_of(space)
    if JOINT in spaces:
        # Where there is no such space, that is the first thing to say.
        _ = now.joint
    if words and space not in (JOINT, now.text_space) and not now.mixture.tells_apart:
        raise UsageError(
            "the words know fewer than two of the classes' names, and no word has a place among visual vectors."
        )
    recipes = {
        name: Recipe((*_pictures(pictures, weights, name), *(word.ingredient(name) for word in words)))
        for name in spaces
    }
    if space != RANKED or not words:
        return Query(recipes)
    beside = float(sum(abs(weight) for weight in weights))
    seen = tuple(word.seen(now.joint_share(word.term.phrase, word.phrase)) for word in words)
    trusted = now.calibration.shown if now.mixture.hierarchy else None
    return Query(recipes, WordScore(now.mixture, seen, beside, trusted))


def _pictures(pictures: Sequence[NamedPicture], weights: Sequence[float], space: Space) -> tuple[Ingredient, ...]:
    return tuple(
        Ingredient(one.name, weight, unit(one.vectors[space])) for one, weight in zip(pictures, weights, strict=True)
    )
