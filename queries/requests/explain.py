"""Why a picture is where it is in an answer: what the query was made of, and what each part of it adds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from milvise.adapter import IndexSpec
from milvise.core.arrays import Floats, unit
from milvise.core.records import Hit, Row, document_of
from milvise.core.spaces import JOINT, VISUAL, Space
from milvise.embeddings.devise.conse import ConseHead
from milvise.errors import UnknownWordError, UsageError
from milvise.gallery.names import encoder_of
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.pictures.find import find_rows
from milvise.queries.plan.query import Ingredient, Query, Recipe
from milvise.queries.plan.terms import place_terms
from milvise.queries.ranking.hit_confidence import trust
from milvise.queries.ranking.match import FIELDS, Match
from milvise.queries.ranking.picture_evidence import PictureEvidence
from milvise.queries.ranking.score import ALIKE, CLASSES
from milvise.queries.ranking.search import ranked_to_each
from milvise.queries.ranking.stored_evidence import picture_fields, plain, seen_in
from milvise.queries.vocabulary.expression import Term
from milvise.queries.vocabulary.word_vectors import weighted_sum

_CLASSES = 10


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one term adds to the similarity, in one space."""

    space: str
    term: str
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Tie:
    """A class that ties the words to the picture.

    Attributes
    ----------
    name : str
    probability : float
        Of the class, for the picture.
    similarity : float
        Cosine of the class's name and the words.
    contribution : float
        To the probability that the picture shows the words: the class's probability, as often as its share in the words says.
    """

    name: str
    probability: float
    similarity: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """A hit, taken apart.

    Attributes
    ----------
    hit : Hit
        With the exact similarity, and its confidence where there are words and it can be told.
    space : str
        ``joint``, ``visual``, ``fused`` or ``ranked``.
    cosines : mapping
        Cosine in each space, and in a ranking what else counts, see `milvise.queries.ranking.score`.
    shares : mapping
        How much each of them counts; the similarity is their weighted sum.
    terms : tuple of Contribution
        The sum of the contributions is the similarity.
    unknown_words : mapping
        Words that the vocabulary lacks, with close spellings; they took no part.
    classes : tuple of Tie
        Those of the words' classes that contribute most, where the request has words and the backbone's classes are loaded.
    searched : mapping
        By space: the collection, its index, and the parameters of a search for ten hits.
    """

    hit: Hit
    space: str
    cosines: Mapping[str, float]
    shares: Mapping[str, float]
    terms: tuple[Contribution, ...]
    unknown_words: Mapping[str, tuple[str, ...]]
    classes: tuple[Tie, ...]
    searched: Mapping[str, Mapping[str, Any]]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**asdict(self), "hit": document_of(self.hit)}


def explain(
    now: OpenCollections,
    name: str,
    query: Query,
    *,
    terms: Sequence[Term],
    focus: Floats | None,
    unknown: Mapping[str, UnknownWordError],
) -> Explanation:
    """Return why a stored picture has its place; see `Gallery.explain`.

    Calls to Milvus: one read in each space, what the classes and the confidence take the first time, and for a ranking those of a
    search, because a picture may be ranked by the first ones.
    """
    spaces = dict.fromkeys([*query.recipes, VISUAL])
    fields = {JOINT: FIELDS, VISUAL: picture_fields(now) if now.places_words else FIELDS}
    rows = {space: find_rows(now, [name], space, [*fields[space], "vector"])[name] for space in spaces}
    shown = seen_in(now, [rows[VISUAL]]) if now.places_words else None
    vectors = {space: np.asarray(row.pop("vector"), dtype=np.float32) for space, row in rows.items()}
    seen = {space: unit(vectors[space]) for space in query.recipes}
    if query.ranking is not None and shown is not None and not now.is_trained:
        # As the search has it.
        seen[JOINT] = query.ranking.mixture.conse(shown)[0]
    recipes = dict(query.recipes)
    if focus is not None:
        seen = {VISUAL: unit(vectors[VISUAL] * focus)}
        recipes = {VISUAL: _focused(query.recipes[VISUAL], focus)}
    told = {space: recipe.contributions(seen[space]) for space, recipe in recipes.items()}
    match, shares = _match(now, query, plain(rows[VISUAL]), {space: sum(found) for space, found in told.items()})
    contributions = tuple(
        Contribution(space, one.name, one.weight, shares.get(space, 0.0) * part)
        for space, recipe in recipes.items()
        for one, part in zip(recipe.ingredients, told[space], strict=True)
    )
    trusted = None
    if terms:
        # Without a class hierarchy nothing is said of a picture among visual vectors alone.
        with suppress(UsageError):
            trusted = trust(now, terms, [match])[0]
    return Explanation(
        hit=match.hit(trusted),
        space=query.space,
        cosines=match.parts,
        shares=shares,
        terms=(*contributions, *_ranked(query, match, shares, shown)),
        unknown_words={word: error.suggestions for word, error in unknown.items()},
        classes=_ties(now, terms, shown) if terms and shown is not None else (),
        searched={space: _searched(now, space, focus is not None) for space in recipes},
    )


def _match(now: OpenCollections, query: Query, row: Row, cosines: dict[str, float]) -> tuple[Match, dict[str, float]]:
    """Return the picture with its similarity, and how much each part of that counts."""
    if query.ranking is None:
        return Match(row, query.similarity(cosines), cosines), query.shares
    # What the first pictures look like counts too, and they are found by the search itself.
    (matches,) = ranked_to_each(now, [query], limit=1, also=[[row["id"]]])
    found = next(one for one in matches if one.row["id"] == row["id"])
    return found, {name: query.shares[name] for name in found.parts}


def _ranked(
    query: Query, match: Match, shares: Mapping[str, float], seen: PictureEvidence | None
) -> list[Contribution]:
    """Return what a ranking adds beside the cosines."""
    if query.ranking is None or seen is None:
        return []
    parts = query.ranking.evidence(query.ranking.chances(seen))[0].tolist()
    told = [
        Contribution(CLASSES, one.name, one.weight, shares[CLASSES] * part)
        for one, part in zip(query.ranking.seen, parts, strict=True)
    ]
    if shares.get(ALIKE):
        told.append(Contribution(ALIKE, "(the first pictures)", 1.0, shares[ALIKE] * match.parts[ALIKE]))
    return told


def _focused(recipe: Recipe, weights: Floats) -> Recipe:
    return Recipe(tuple(Ingredient(one.name, one.weight, one.vector * weights) for one in recipe.ingredients))


def _ties(now: OpenCollections, terms: Sequence[Term], shown: PictureEvidence) -> tuple[Tie, ...]:
    placed, mixture = place_terms(now, terms), now.mixture
    probabilities = shown.probabilities(len(mixture.labels))[0]
    total = sum(abs(one.term.weight) for one in placed)
    shares = np.sum([one.term.weight / total * one.classes.relative for one in placed], axis=0)
    wanted = weighted_sum((one.weight, one.vector) for one in (each.ingredient(JOINT) for each in placed))
    cosines = mixture.names @ wanted
    parts = probabilities * shares
    # Of classes that the picture does not show, those come first that the words mean most.
    order = np.lexsort((-np.abs(shares), -np.abs(parts)))
    return tuple(
        Tie(mixture.labels[place], float(probabilities[place]), float(cosines[place]), float(parts[place]))
        for place in order[:_CLASSES]
        if shares[place]
    )


def _searched(now: OpenCollections, space: Space, focused: bool) -> dict[str, Any]:
    manifest = now.space(space).manifest
    index = IndexSpec.parse(manifest.index)
    made = manifest.fingerprint
    return {
        "collection": manifest.collection,
        "made_by": made.get("backbone", encoder_of(made))
        if space == VISUAL
        else made.get("head", {}).get("kind", ConseHead.KIND),
        "index": manifest.index,
        "search_params": dict(index.search_params(10)),
        "re_ranked": focused,
    }
