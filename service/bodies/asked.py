"""What requests hold, as OpenAPI shows it: the values of documents, and pictures."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from milvise.core.config import DEFAULT_LIMIT
from milvise.core.picture_types import PictureBytes, StoredPicture
from milvise.queries.vocabulary.word_vectors import FREQUENT
from milvise.service.bodies import parameters as of
from milvise.service.bodies.parameters import LONGEST_FILTER, LONGEST_NAME, LONGEST_WORDS, MOST, SearchSpace

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


def example(values: dict[str, JsonValue], **further: JsonValue) -> ConfigDict:
    """Return what a document shows as its example."""
    return ConfigDict(json_schema_extra={"examples": [values], **further})


ONE: dict[str, JsonValue] = {"oneOf": [{"required": ["id"]}, {"required": ["data"]}]}
CAT = "beach/cat.jpg"


class OnePicture(Asked):
    """A picture: a stored one, by its id or URI, or the file of another one, in base64."""

    model_config = ConfigDict(json_schema_extra=ONE)

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

    model_config = example({"id": CAT, "weight": 1.0}, **ONE)

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

    model_config = example({"id": CAT, "focus": "cat", "limit": 10}, **ONE)


class TagsValues(Asked):
    """Which tags are wanted."""

    limit: Limit = DEFAULT_LIMIT
    among: Among = FREQUENT
    filter: WordFilter = ""


class TagsAsked(TagsValues, OnePicture):
    """A picture that is tagged."""

    model_config = example({"id": CAT, "limit": 10}, **ONE)


Pictures = Annotated[list[PictureRef], Field(max_length=MOST_PICTURES, description="Pictures, each with its weight.")]
SomePictures = Annotated[list[PictureRef], Field(min_length=1, max_length=MOST_PICTURES, description="Pictures.")]
Names = Annotated[list[Name], Field(max_length=MOST_PICTURES, description="Ids or URIs of stored pictures.")]


def has_uploads(pictures: list[PictureRef]) -> bool:
    """Return whether any of the pictures is none of the gallery, so that its vector has to be computed."""
    return any(one.id is None for one in pictures)
