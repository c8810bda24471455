"""What answers hold that are no lists of hits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from pydantic import BaseModel, Field

from milvise.core.records import DuplicateGroup, Owner
from milvise.queries.requests.explain import Explanation
from milvise.queries.search import Gallery
from milvise.queries.vocabulary.typed import TypedSearch
from milvise.queries.vocabulary.word_vectors import Vocabulary
from milvise.service.bodies.hits import HitBody, Links, PlainHit, WordBody, hit_body, links
from milvise.service.bodies.wording import in_http_terms


class AnsweredMany(BaseModel):
    """The answers to several searches, in their order."""

    request: dict[str, Any]
    took_ms: dict[str, float]
    answers: list[list[HitBody]]


class TagsOfMany(BaseModel):
    """The tags of several pictures, in their order."""

    request: dict[str, Any]
    took_ms: dict[str, float]
    answers: list[list[WordBody]]


class OwnerBody(BaseModel):
    """One owner of pictures that fit a brief."""

    rank: int
    name: str
    similarity: float
    evidence: list[HitBody] = Field(description="The pictures that speak for the owner, closest first.")


class FoundOwners(BaseModel):
    """Whose pictures fit a brief."""

    request: dict[str, Any]
    took_ms: dict[str, float]
    owners: list[OwnerBody]


class TermBody(BaseModel):
    """One phrase that is searched for."""

    phrase: str
    weight: float


class Reading(BaseModel):
    """What words are taken for."""

    terms: list[TermBody]
    expression: str = Field(description="The terms as an expression that is read literally.")
    remarks: list[str] = Field(description="A sentence for each thing that was done to the text, or is suspected.")
    suggestions: dict[str, list[str]] = Field(description="Close known words of each word that may be misspelt.")
    unknown: list[str]


class ContributionBody(BaseModel):
    """What one term adds to the similarity."""

    space: str
    term: str
    weight: float
    contribution: float


class TieBody(BaseModel):
    """A class that ties the words to the picture."""

    name: str
    probability: float
    similarity: float
    contribution: float


class ExplanationBody(BaseModel):
    """Why a picture has its place in an answer: the contributions of the terms sum up to the similarity."""

    hit: PlainHit
    space: str
    cosines: dict[str, float]
    shares: dict[str, float]
    terms: list[ContributionBody]
    unknown_words: dict[str, list[str]]
    classes: list[TieBody]
    searched: dict[str, dict[str, Any]]


class DuplicatePicture(BaseModel):
    """One picture of a group."""

    id: str
    uri: str
    links: Links


class GroupBody(BaseModel):
    """Pictures that are the same, or nearly."""

    exact: bool = Field(description="Whether their files are the same, byte for byte.")
    similarity: float
    pictures: list[DuplicatePicture]


class Groups(BaseModel):
    """Pictures that a gallery holds more than once."""

    request: dict[str, Any]
    took_ms: dict[str, float]
    groups: list[GroupBody]
    more: bool = Field(description="Whether there are more groups than the limit.")


def reading(read: TypedSearch) -> Reading:
    """Return what words are taken for."""
    return Reading(
        terms=[TermBody(phrase=term.phrase, weight=term.weight) for term in read.terms],
        expression=read.expression,
        remarks=[in_http_terms(remark) for remark in read.remarks],
        suggestions={word: list(near) for word, near in read.suggestions.items()},
        unknown=list(read.unknown),
    )


def owner_bodies(gallery: str, found: Sequence[Owner], *, originals: bool) -> list[OwnerBody]:
    """Return owners, best first."""
    return [
        OwnerBody(
            rank=rank,
            name=one.name,
            similarity=one.similarity,
            evidence=[
                hit_body(gallery, place, hit, originals=originals) for place, hit in enumerate(one.evidence, start=1)
            ],
        )
        for rank, one in enumerate(found, start=1)
    ]


def explanation(gallery: str, told: Explanation, *, originals: bool) -> ExplanationBody:
    """Return why a picture has its place."""
    seen = links(gallery, told.hit.id, originals=originals, sha256=told.hit.sha256)
    return ExplanationBody.model_validate({**told.to_json(), "hit": {**asdict(told.hit), "links": seen}})


def group_bodies(gallery: str, groups: Sequence[DuplicateGroup], *, originals: bool) -> list[GroupBody]:
    """Return groups of duplicates."""
    return [
        GroupBody(
            exact=group.exact,
            similarity=group.similarity,
            pictures=[
                DuplicatePicture(id=key, uri=uri, links=links(gallery, key, originals=originals))
                for key, uri in group.pictures
            ],
        )
        for group in groups
    ]


def read_as(asked: Gallery | Vocabulary, words: str, *, fix: bool) -> dict[str, Any]:
    """Return what an answer says of the words of its request: nothing where there are none."""
    return read_to(asked.read(words, fix=fix)) if words.strip() else {}


def read_to(read: TypedSearch) -> dict[str, Any]:
    """Return what an answer says of what its words were read as."""
    return {"read_as": read.expression, "remarks": [in_http_terms(remark) for remark in read.remarks]}
