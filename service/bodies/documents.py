"""The documents that are posted, as OpenAPI shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from milvise.core.config import DEFAULT_LIMIT
from milvise.core.picture_types import PictureBytes, StoredPicture
from milvise.queries.vocabulary.word_vectors import FREQUENT
from milvise.service.bodies import parameters as of
from milvise.service.bodies.asked import (
    CAT,
    Among,
    Asked,
    Filter,
    Fix,
    Focus,
    Limit,
    MinConfidence,
    Name,
    Names,
    Offset,
    Pictures,
    SomePictures,
    Space,
    WordFilter,
    Words,
    example,
    has_uploads,
)
from milvise.service.bodies.parameters import LONGEST_WORDS, MOST


class Brief(Asked):
    """Words and pictures that are looked for together."""

    words: Words = ""
    pictures: Pictures = Field([])
    space: Space = None
    filter: Filter = ""
    fix: Fix = False

    @property
    def weighted(self) -> list[tuple[StoredPicture | PictureBytes, float]]:
        """The pictures with their weights."""
        return [(one.picture(), one.weight) for one in self.pictures]

    @property
    def has_uploads(self) -> bool:
        """Whether a vector has to be computed."""
        return has_uploads(self.pictures)


class MixedAsked(Brief):
    """Pictures with and without words."""

    model_config = example({"pictures": [{"id": CAT}], "words": "+night -day", "limit": 10})

    limit: Limit = DEFAULT_LIMIT
    offset: Offset = 0


class CompleteAsked(Asked):
    """Pictures of which there are to be more."""

    model_config = example({"pictures": [{"id": CAT}, {"id": "beach/dog.jpg"}], "to": "any"})

    pictures: SomePictures
    space: Annotated[
        Literal["visual", "joint", "fused"], Field(description="Whether to look alike, or to be about the same.")
    ] = "visual"
    to: Annotated[
        Literal["mean", "any"],
        Field(description="Closest to their mean, or to any one of them: one theme, or several."),
    ] = "mean"
    limit: Limit = DEFAULT_LIMIT
    filter: Filter = ""
    offset: Offset = 0


class RankAsked(Brief):
    """Pictures that are put in order."""

    model_config = example({"words": "cat sofa", "ids": [CAT, "beach/dog.jpg"]})

    ids: Annotated[
        list[Name] | None,
        Field(
            min_length=1,
            max_length=MOST,
            description="Ids or URIs of stored pictures; by default all that fit the filter.",
        ),
    ] = None
    limit: Annotated[int | None, Field(ge=1, le=MOST, description="The best so many; by default 16,384.")] = None
    min_confidence: MinConfidence = None


class OwnersAsked(Brief):
    """A brief that owners are found for."""

    model_config = example({"words": "cat sofa", "by": "owner", "evidence": 3})

    by: Annotated[str, Field(min_length=1, max_length=200, description="The metadata column that names the owner.")] = (
        "owner"
    )
    evidence: Annotated[int, Field(ge=1, le=100, description="How many of an owner's best pictures are judged.")] = 3
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many owners.")] = DEFAULT_LIMIT


class RefineAsked(Brief):
    """A search that has heard what was liked."""

    model_config = example({"words": "cat", "liked": [CAT], "disliked": ["beach/dog.jpg"]})

    liked: Names = Field([])
    disliked: Names = Field([])
    weights: Annotated[
        list[Annotated[float, Field(ge=0, le=1_000)]],
        Field(
            min_length=3,
            max_length=3,
            description="How much the query, the mean of the liked and that of the disliked count.",
        ),
    ] = Field([1.0, 2.0, 1.0])
    limit: Limit = DEFAULT_LIMIT
    offset: Offset = 0


class ExplainAsked(Asked):
    """A hit, and the request that it answers."""

    model_config = example({"id": CAT, "words": "cat sofa"})

    id: Annotated[Name, Field(description="The id or URI of a stored picture.", examples=["beach/cat.jpg"])]
    words: Words = ""
    pictures: Pictures = Field([])
    focus: Focus = None
    space: Space = None
    fix: Fix = False


class SearchManyAsked(Asked):
    """Several searches by words."""

    model_config = example({"expressions": ["dog", "cat sofa"], "limit": 10})

    expressions: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=LONGEST_WORDS)]],
        Field(min_length=1, max_length=256, description="One for each search.", examples=[["dog", "cat sofa"]]),
    ]
    space: Space = None
    limit: Limit = DEFAULT_LIMIT
    filter: Filter = ""
    fix: Fix = False
    by: Annotated[Literal["both", "meaning", "text"], Field(description="As for a search.")] = "both"


class TagsOfAsked(Asked):
    """Pictures that are tagged."""

    model_config = example({"pictures": [{"id": CAT}, {"id": "beach/dog.jpg"}]})

    pictures: SomePictures
    limit: Limit = DEFAULT_LIMIT
    among: Among = FREQUENT
    filter: WordFilter = ""


class FeedbackAsked(Asked):
    """What somebody liked and disliked in one answer."""

    model_config = example({"gallery": "holiday", "words": "cat", "liked": [CAT], "disliked": ["beach/dog.jpg"]})

    gallery: Annotated[str, Field(max_length=200, pattern=of.GALLERY, description="The name of a gallery.")]
    words: Words = ""
    pictures: Annotated[Names, Field(description="Stored pictures that were searched with.")] = Field([])
    liked: Names = Field([])
    disliked: Names = Field([])


class TuneAsked(Asked):
    """How much a gallery's searches are to find."""

    model_config = example({"recall": 0.95, "k": 10, "dry_run": True})

    recall: Annotated[
        float, Field(gt=0, le=1, description="Share of the exact k closest that a search is to find.")
    ] = 0.95
    k: Annotated[int, Field(ge=1, le=1_000, description="How many results count.")] = 10
    queries: Annotated[
        int, Field(ge=10, le=10_000, description="Choose by so many queries, and check by as many others.")
    ] = 400
    dry_run: Annotated[bool, Field(description="Whether nothing is stored.")] = False
