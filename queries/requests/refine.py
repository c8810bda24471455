"""A search that has heard what was liked in its answer, and what was not.

References
----------
Rocchio 1971, "Relevance feedback in information retrieval"; Manning, Raghavan and Schütze 2008, "Introduction to
Information Retrieval", section 9.1.1, whose weights for texts are 1, 0.75 and 0.15. Ours were chosen on half of the words of
`benchmarks/answers.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from milvise.core.arrays import unit
from milvise.core.spaces import Space
from milvise.core.stages import staged
from milvise.errors import UsageError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.pictures.find import NamedPicture
from milvise.queries.plan.query import Ingredient, Query, Recipe
from milvise.queries.ranking.match import Match
from milvise.queries.ranking.nearest import nearest


@dataclass(frozen=True, slots=True)
class Rocchio:
    """How much each part of a refined query counts.

    Attributes
    ----------
    query : float
        What was searched for.
    liked : float
        The mean of the liked pictures.
    disliked : float
        The mean of the disliked ones, which is subtracted.
    """

    query: float = 1.0
    liked: float = 2.0
    disliked: float = 1.0

    def __post_init__(self) -> None:
        if min(self.query, self.liked, self.disliked) < 0:
            raise UsageError(f"the weights of feedback must not be negative.\nReceived: {self}")


DEFAULT_WEIGHTS = Rocchio()


@staged("ranking")
def refine(
    now: OpenCollections,
    query: Query,
    asked: Sequence[NamedPicture],
    liked: Sequence[NamedPicture],
    disliked: Sequence[NamedPicture],
    *,
    weights: Rocchio,
    limit: int,
    filter: str,
) -> list[Match]:
    """Return the pictures closest to the refined query, without those that were `asked` with or judged."""
    without = {one.key for one in (*asked, *liked, *disliked)}
    return nearest(now, refined(query, liked, disliked, weights), limit=limit, filter=filter, without=without)


def refined(query: Query, liked: Sequence[NamedPicture], disliked: Sequence[NamedPicture], weights: Rocchio) -> Query:
    """Return ``query * q + liked * mean(liked) - disliked * mean(disliked)`` of unit vectors, in each of the query's spaces.

    What was judged says more than the classes of the words, so that pictures are not ordered by these any more.
    """
    if not liked and not disliked:
        raise UsageError("there is no feedback.\nExpected: pictures that were liked, disliked, or both")
    recipes = {name: _refined(recipe, name, liked, disliked, weights) for name, recipe in query.recipes.items()}
    share = query.joint_share if query.ranking is None else query.ranking.joint_share
    return Query(recipes, joint_share=share)


def _refined(
    recipe: Recipe, space: Space, liked: Sequence[NamedPicture], disliked: Sequence[NamedPicture], weights: Rocchio
) -> Recipe:
    parts = [Ingredient(one.name, weights.query * one.weight / recipe.length, one.vector) for one in recipe.ingredients]
    for share, pictures in ((weights.liked, liked), (-weights.disliked, disliked)):
        parts += [Ingredient(one.name, share / len(pictures), unit(one.vectors[space])) for one in pictures]
    return Recipe(tuple(parts))
