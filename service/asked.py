"""What requests hold, as OpenAPI shows it: pictures, and the documents that are posted."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from milvise.core.config import DEFAULT_LIMIT
from milvise.core.picture_types import PictureBytes, StoredPicture
from milvise.queries.vocabulary.word_vectors import FREQUENT
from milvise.service import parameters as of
from milvise.service.parameters import LONGEST_FILTER, LONGEST_NAME, LONGEST_WORDS, MOST, SearchSpace

MOST_PICTURES = 500
"""In one request."""

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Words = Annotated[
    str, Field(max_length=LONGEST_WORDS, description="Words, as for a search.", examples=["cat sofa", "+night -day"])
]
Filter = Annotated[str, Field(max_length=LONGEST_FILTER, description=of.FILTER, examples=['label != "sofa"'])]
Space = Annotated[SearchSpace | None, Field(description=of.SPACE, examples=["fused"])]
Limit = Annotated[int, Field(ge=1, le=MOST, description=of.LIMIT, examples=[10])]
Offset = Annotated[int, Field(ge=0, lt=MOST, description=of.OFFSET, examples=[0])]
Focus = Annotated[
    str | None, Field(min_length=1, max_length=LONGEST_WORDS, description=of.FOCUS, examples=["cat - sofa"])
]
MinConfidence = Annotated[float | None, Field(ge=0, le=1, description=of.CONFIDENCE, examples=[0.5])]
Among = Annotated[int, Field(ge=1, le=10**7, description=of.AMONG)]
WordFilter = Annotated[str, Field(max_length=LONGEST_FILTER, description=of.WORD_FILTER, examples=["rank < 10000"])]
Fix = Annotated[bool, Field(description=of.FIX)]


class Asked(BaseModel):
    """A document that is posted; a key that it does not know is an error."""

    model_config = ConfigDict(extra="forbid", strict=True)

    def told(self) -> dict[str, Any]:
        """Return what answers repeat of it: all but the bytes of pictures."""
        return {name: [one.told() for one in value] if name == "pictures" else value for name, value in self}


def _example(example: dict[str, JsonValue], **further: JsonValue) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example], **further})


_ONE: dict[str, JsonValue] = {"oneOf": [{"required": ["id"]}, {"required": ["data"]}]}
_CAT = "beach/cat.jpg"


class OnePicture(Asked):
    """A picture: a stored one, by its id or URI, or the file of another one, in base64."""

    model_config = ConfigDict(json_schema_extra=_ONE)

    id: Annotated[str | None, Field(max_length=LONGEST_NAME, description="The id or URI of a stored picture.")] = None
    data: Annotated[
        str | None,
        Field(
            description="The bytes of a picture file, in base64. They are never kept.",
            json_schema_extra={"contentEncoding": "base64"},
        ),
    ] = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.id is None) == (self.data is None):
            raise ValueError("a picture is named by either id or data")
        self.picture()
        return self

    def picture(self) -> StoredPicture | PictureBytes:
        """Return the picture."""
        if self.data is None:
            return StoredPicture(self.id or "")
        try:
            return PictureBytes(base64.b64decode(self.data, validate=True))
        except binascii.Error as error:
            raise ValueError(f"data is no base64: {error}") from None


class PictureRef(OnePicture):
    """One of several pictures, with its weight."""

    model_config = _example({"id": _CAT, "weight": 1.0}, **_ONE)

    weight: Annotated[
        float,
        Field(
            ge=-1_000, le=1_000, description="How much it counts, where pictures are mixed; below 0 it is subtracted."
        ),
    ] = 1.0

    def told(self) -> dict[str, str | float]:
        """Return what answers repeat of it; of a file only that it was one."""
        named: dict[str, str | float] = {"upload": "picture"} if self.id is None else {"id": self.id}
        return {**named, "weight": self.weight}


class SimilarValues(Asked):
    """How pictures are to look like one."""

    focus: Focus = None
    limit: Limit = DEFAULT_LIMIT
    filter: Filter = ""
    offset: Offset = 0


class SimilarAsked(SimilarValues, OnePicture):
    """A picture that others are to look like."""

    model_config = _example({"id": _CAT, "focus": "cat", "limit": 10}, **_ONE)


class TagsValues(Asked):
    """Which tags are wanted."""

    limit: Limit = DEFAULT_LIMIT
    among: Among = FREQUENT
    filter: WordFilter = ""


class TagsAsked(TagsValues, OnePicture):
    """A picture that is tagged."""

    model_config = _example({"id": _CAT, "limit": 10}, **_ONE)


Pictures = Annotated[list[PictureRef], Field(max_length=MOST_PICTURES, description="Pictures, each with its weight.")]
SomePictures = Annotated[list[PictureRef], Field(min_length=1, max_length=MOST_PICTURES, description="Pictures.")]
Names = Annotated[list[Name], Field(max_length=MOST_PICTURES, description="Ids or URIs of stored pictures.")]


class Brief(Asked):
    """Words and pictures that are looked for together."""

    words: Words = ""
    pictures: Pictures = []
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

    model_config = _example({"pictures": [{"id": _CAT}], "words": "+night -day", "limit": 10})

    limit: Limit = DEFAULT_LIMIT
    offset: Offset = 0


class CompleteAsked(Asked):
    """Pictures of which there are to be more."""

    model_config = _example({"pictures": [{"id": _CAT}, {"id": "beach/dog.jpg"}], "to": "any"})

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

    model_config = _example({"words": "cat sofa", "ids": [_CAT, "beach/dog.jpg"]})

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

    model_config = _example({"words": "cat sofa", "by": "owner", "evidence": 3})

    by: Annotated[str, Field(min_length=1, max_length=200, description="The metadata column that names the owner.")] = (
        "owner"
    )
    evidence: Annotated[int, Field(ge=1, le=100, description="How many of an owner's best pictures are judged.")] = 3
    limit: Annotated[int, Field(ge=1, le=1_000, description="How many owners.")] = DEFAULT_LIMIT


class RefineAsked(Brief):
    """A search that has heard what was liked."""

    model_config = _example({"words": "cat", "liked": [_CAT], "disliked": ["beach/dog.jpg"]})

    liked: Names = []
    disliked: Names = []
    weights: Annotated[
        list[Annotated[float, Field(ge=0, le=1_000)]],
        Field(
            min_length=3,
            max_length=3,
            description="How much the query, the mean of the liked and that of the disliked count.",
        ),
    ] = [1.0, 2.0, 1.0]
    limit: Limit = DEFAULT_LIMIT
    offset: Offset = 0


class ExplainAsked(Asked):
    """A hit, and the request that it answers."""

    model_config = _example({"id": _CAT, "words": "cat sofa"})

    id: Annotated[Name, Field(description="The id or URI of a stored picture.", examples=["beach/cat.jpg"])]
    words: Words = ""
    pictures: Pictures = []
    focus: Focus = None
    space: Space = None
    fix: Fix = False


class SearchManyAsked(Asked):
    """Several searches by words."""

    model_config = _example({"expressions": ["dog", "cat sofa"], "limit": 10})

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

    model_config = _example({"pictures": [{"id": _CAT}, {"id": "beach/dog.jpg"}]})

    pictures: SomePictures
    limit: Limit = DEFAULT_LIMIT
    among: Among = FREQUENT
    filter: WordFilter = ""


class FeedbackAsked(Asked):
    """What somebody liked and disliked in one answer."""

    model_config = _example({"gallery": "holiday", "words": "cat", "liked": [_CAT], "disliked": ["beach/dog.jpg"]})

    gallery: Annotated[str, Field(max_length=200, pattern=of.GALLERY, description="The name of a gallery.")]
    words: Words = ""
    pictures: Annotated[Names, Field(description="Stored pictures that were searched with.")] = []
    liked: Names = []
    disliked: Names = []


class TuneAsked(Asked):
    """How much a gallery's searches are to find."""

    model_config = _example({"recall": 0.95, "k": 10, "dry_run": True})

    recall: Annotated[
        float, Field(gt=0, le=1, description="Share of the exact k closest that a search is to find.")
    ] = 0.95
    k: Annotated[int, Field(ge=1, le=1_000, description="How many results count.")] = 10
    queries: Annotated[
        int, Field(ge=10, le=10_000, description="Choose by so many queries, and check by as many others.")
    ] = 400
    dry_run: Annotated[bool, Field(description="Whether nothing is stored.")] = False


def has_uploads(pictures: list[PictureRef]) -> bool:
    """Return whether any of the pictures is none of the gallery, so that its vector has to be computed."""
    return any(one.id is None for one in pictures)
