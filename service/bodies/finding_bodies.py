"""What answers hold that help people to ask: what pictures have in common, and how a text may go on."""

from __future__ import annotations

from dataclasses import asdict

from pydantic import BaseModel, Field

from milvise.queries.requests.facets import Facets
from milvise.queries.requests.suggest import Suggestions


class FacetBody(BaseModel):
    """One value that pictures have in common."""

    value: bool | int | float | str
    count: int = Field(description="How many of the pictures have it.")
    filter: str = Field(description="The Milvus expression that selects them.")
    column: str = Field(description="The metadata column that it stands in, empty for labels and sizes.")


class FacetsBody(BaseModel):
    """What the pictures that fit a filter have in common."""

    pictures: int = Field(description="How many fit.")
    is_whole: bool = Field(description="Whether all of them were looked at; otherwise the counts are of some of them.")
    labels: list[FacetBody] = Field(description="The most frequent first.")
    sizes: list[FacetBody] = Field(description="By the longer side, the smallest first.")
    dates: list[FacetBody] = Field(description="Each year, the latest first, followed by its months.")
    meta: dict[str, list[FacetBody]] = Field(description="By metadata column.")


class SuggestionsBody(BaseModel):
    """How a text that is typed may go on."""

    completes: str = Field(description="The end of the text, in whose place each suggestion may be put.")
    words: list[str]
    labels: list[str]
    classes: list[str]


def facets_body(facets: Facets) -> FacetsBody:
    """Return what pictures have in common."""
    return FacetsBody.model_validate(asdict(facets))


def suggestions_body(suggestions: Suggestions) -> SuggestionsBody:
    """Return how a text may go on."""
    return SuggestionsBody.model_validate(asdict(suggestions))
