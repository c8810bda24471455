"""From the JSON of an answer to the records that a `milvise.Gallery` returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.core.records import DuplicateGroup, Hit, Owner, Picture, WordHit
from milvise.queries.galleries import GallerySummary
from milvise.queries.requests.explain import Contribution, Explanation, Tie
from milvise.queries.requests.facets import Facet, Facets
from milvise.queries.requests.suggest import Suggestions
from milvise.queries.vocabulary.expression import Term
from milvise.queries.vocabulary.typed import TypedSearch

Json = Mapping[str, Any]


def hits(body: Json) -> list[Hit]:
    """Return the pictures that were found."""
    return [hit(one) for one in body["hits"]]


def hits_of_each(body: Json) -> list[list[Hit]]:
    """Return the pictures that each of several searches found."""
    return [[hit(one) for one in answer] for answer in body["answers"]]


def hit(body: Json) -> Hit:
    """Return one picture that was found."""
    return Hit(**_known(Hit, body) | {"reasons": tuple(body.get("reasons", ()))})


def pictures(body: Json) -> list[Picture]:
    """Return a page of pictures."""
    return [picture(one) for one in body["pictures"]]


def picture(body: Json) -> Picture:
    """Return one picture."""
    return Picture(**_known(Picture, body))


def facets(body: Json) -> Facets:
    """Return what pictures have in common."""
    labels, sizes, dates = (_facets(body[name]) for name in ("labels", "sizes", "dates"))
    meta = {column: _facets(values) for column, values in body["meta"].items()}
    return Facets(int(body["pictures"]), bool(body["is_whole"]), labels, sizes, dates, meta)


def suggestions(body: Json) -> Suggestions:
    """Return how a text may go on."""
    return Suggestions(
        str(body["completes"]), *(tuple(map(str, body[name])) for name in ("words", "labels", "classes"))
    )


def _facets(bodies: Sequence[Json]) -> tuple[Facet, ...]:
    return tuple(Facet(**_known(Facet, one)) for one in bodies)


def word_hits(body: Json) -> list[WordHit]:
    """Return the words that were found."""
    return [WordHit(**_known(WordHit, one)) for one in body["hits"]]


def word_hits_of_each(body: Json) -> list[list[WordHit]]:
    """Return the words that were found for each of several pictures."""
    return [[WordHit(**_known(WordHit, one)) for one in answer] for answer in body["answers"]]


def owners(body: Json) -> list[Owner]:
    """Return whose pictures fit best."""
    return [
        Owner(str(one["name"]), float(one["similarity"]), tuple(hit(found) for found in one["evidence"]))
        for one in body["owners"]
    ]


def groups(body: Json) -> tuple[list[DuplicateGroup], bool]:
    """Return pictures that are the same, and whether there are more."""
    found = [
        DuplicateGroup(
            bool(one["exact"]),
            float(one["similarity"]),
            tuple((picture["id"], picture["uri"]) for picture in one["pictures"]),
        )
        for one in body["groups"]
    ]
    return found, bool(body["more"])


def typed_search(body: Json) -> TypedSearch:
    """Return what an expression was taken for."""
    return TypedSearch(
        tuple(Term(**_known(Term, one)) for one in body["terms"]),
        body["expression"],
        tuple(body["remarks"]),
        {word: tuple(close) for word, close in body["suggestions"].items()},
        tuple(body["unknown"]),
    )


def explanation(body: Json) -> Explanation:
    """Return why a picture has its place."""
    return Explanation(
        hit=hit(body["hit"]),
        space=body["space"],
        cosines=body["cosines"],
        shares=body["shares"],
        terms=tuple(Contribution(**_known(Contribution, one)) for one in body["terms"]),
        unknown_words={word: tuple(close) for word, close in body["unknown_words"].items()},
        classes=tuple(Tie(**_known(Tie, one)) for one in body["classes"]),
        searched=body["searched"],
    )


def galleries(body: Json) -> list[GallerySummary]:
    """Return the galleries that there are."""
    return [gallery(one) for one in body["galleries"]]


def gallery(body: Json) -> GallerySummary:
    """Return one gallery."""
    return GallerySummary(**_known(GallerySummary, body))


def vector(body: Json) -> Floats:
    """Return a vector, float32 of shape (dim,)."""
    return np.asarray(body["vector"], dtype=np.float32)


def _known(kind: type, body: Json) -> dict[str, Any]:
    """Return what a body holds for a record; links, and what a later version adds, are left out."""
    return {field.name: body[field.name] for field in fields(kind) if field.name in body}
