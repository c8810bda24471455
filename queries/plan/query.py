"""What is searched for, whatever it was made from: a weighted sum of unit vectors in one space or in both.

A gallery has two spaces. In the ``joint`` one a picture stands among the words; in the ``visual`` one it stands among
pictures, and a word is there as a mixture of classes (`milvise.queries.plan.class_mixture`). ``fused`` is both: the cosine of
two vectors laid end to end, the joint parts scaled so that they count `milvise.queries.ranking.score.JOINT_SHARE`, the visual parts so that they count
the rest. It therefore is the weighted mean of the two cosines, and a cosine itself. ``ranked`` is both for words, with the closest
pictures ordered by what the network saw in them (`milvise.queries.ranking.score`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from milvise.core.arrays import Floats, unit
from milvise.core.spaces import FUSED, JOINT, RANKED, VISUAL, SearchSpace, Space
from milvise.queries.ranking.score import JOINT_SHARE, WordScore
from milvise.queries.vocabulary.word_vectors import weighted_sum


def spaces_of(space: SearchSpace) -> tuple[Space, ...]:
    """Return the collections that a search in a space reads."""
    return (JOINT, VISUAL) if space in (FUSED, RANKED) else (JOINT,) if space == JOINT else (VISUAL,)


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One term of a query vector.

    Attributes
    ----------
    name : str
        The word or picture that it stands for.
    weight : float
        Negative where it is subtracted.
    vector : ndarray of shape (dim,), float32
        Of length one.
    """

    name: str
    weight: float
    vector: Floats


@dataclass(frozen=True)
class Recipe:
    """A query vector in one space, and what it is made of."""

    ingredients: tuple[Ingredient, ...]

    @cached_property
    def vector(self) -> Floats:
        """The weighted sum, shape (dim,), of length one.

        Raises
        ------
        ExpressionError
            If the ingredients cancel out.
        """
        return weighted_sum((one.weight, one.vector) for one in self.ingredients)

    @cached_property
    def length(self) -> float:
        """Length of the weighted sum before it is scaled; errors as `vector`."""
        return float(sum(one.weight * float(one.vector @ self.vector) for one in self.ingredients))

    def contributions(self, vector: Floats) -> tuple[float, ...]:
        """Return what each ingredient adds to the cosine with a unit vector: the sum is the cosine."""
        return tuple(one.weight * float(one.vector @ vector) / self.length for one in self.ingredients)


@dataclass(frozen=True, slots=True)
class Query:
    """A query in one space or in both.

    Attributes
    ----------
    recipes : mapping of str to Recipe
        By space: ``joint``, ``visual`` or both.
    ranking : WordScore, optional
        How the closest pictures are ordered; by their cosines where there is none.
    joint_share : float
        How much the joint cosine counts of one, where there are two and no ranking.
    """

    recipes: Mapping[Space, Recipe]
    ranking: WordScore | None = None
    joint_share: float = JOINT_SHARE

    @property
    def space(self) -> SearchSpace:
        """``joint``, ``visual``, ``fused`` or ``ranked``."""
        if self.ranking is not None:
            return RANKED
        return FUSED if len(self.recipes) > 1 else next(iter(self.recipes))

    @property
    def shares(self) -> dict[str, float]:
        """How much the cosine in each space counts, and what else does."""
        if self.ranking is not None:
            return self.ranking.shares
        if len(self.recipes) == 1:
            return {self.space: 1.0}
        return {JOINT: self.joint_share, VISUAL: 1 - self.joint_share}

    def similarity(self, parts: Mapping[str, float]) -> float:
        """Return what the cosines in the query's one or two spaces, and what else counts, make together."""
        return float(sum(share * parts[name] for name, share in self.shares.items()))

    def cosines(self, vectors: Mapping[Space, Floats]) -> dict[str, float]:
        """Return the cosines with a picture's vectors, shape (dim,), by space."""
        return {name: float(unit(vectors[name]) @ recipe.vector) for name, recipe in self.recipes.items()}
