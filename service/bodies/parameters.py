"""The parameters that several routes take, as OpenAPI describes them."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Path, Query

MOST = 16_384
"""Hits of one request, those that `offset` passes over included: a Milvus server answers no more."""

GALLERY = "^[A-Za-z_][A-Za-z0-9_]*$"
LONGEST_WORDS = 1_000
LONGEST_FILTER = 4_000
LONGEST_NAME = 4_096
"""Of an id or URI, in characters."""

FILTER = 'A Milvus expression over label, uri, width, height and meta["…"]: only these pictures.'
SPACE = "Where words and pictures are compared. By default ranked for words where the classes are loaded, and visual for pictures."
FIX = "Whether words that are misspelt, or perhaps are, are replaced by the likeliest known one."
OFFSET = "How many of the first hits are passed over; with limit at most 16,384."
LIMIT = "How many."
FOCUS = (
    "A class that the backbone knows, such as Siamese cat, any word, or several with and without, such as cat - sofa:"
    " only what speaks for it counts."
)
AMONG = "Only so many of the most frequent words are tags."
WORD_FILTER = "A Milvus expression over word and rank (0 = most frequent)."
CONFIDENCE = "Only hits that show what the words say with at least this probability."

SearchSpace = Literal["joint", "visual", "fused", "ranked"]

GalleryName = Annotated[
    str,
    Path(max_length=200, pattern=GALLERY, description="The name of a gallery.", examples=["holiday"]),
]
WordsOfAll = Annotated[
    str,
    Query(
        min_length=1,
        max_length=LONGEST_WORDS,
        description='An expression, such as dog; cat sofa; king - man + woman; cat^2 sofa; "dining table".',
        examples=["dog"],
    ),
]
Words = Annotated[
    str,
    Query(
        min_length=1,
        max_length=LONGEST_WORDS,
        description="What the pictures are to show: words, an expression such as cat^2 sofa -dog, or a sentence.",
        examples=["dog on the beach, without snow"],
    ),
]
WordsIfAny = Annotated[str, Query(max_length=LONGEST_WORDS, description="Words, as for a search.", examples=["dog"])]
Filter = Annotated[str, Query(max_length=LONGEST_FILTER, description=FILTER, examples=['label != "sofa"'])]
WordFilter = Annotated[
    str,
    Query(
        max_length=LONGEST_FILTER,
        description=WORD_FILTER,
        examples=["rank < 10000"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=MOST, description=LIMIT, examples=[10])]
Offset = Annotated[int, Query(ge=0, lt=MOST, description=OFFSET, examples=[0])]
Space = Annotated[SearchSpace | None, Query(description=SPACE, examples=["ranked"])]
Fix = Annotated[bool, Query(description=FIX, examples=[False])]
Focus = Annotated[str | None, Query(min_length=1, max_length=LONGEST_WORDS, description=FOCUS, examples=["cat - sofa"])]
MinConfidence = Annotated[float | None, Query(ge=0, le=1, description=CONFIDENCE, examples=[0.5])]
By = Annotated[
    Literal["both", "meaning", "text"],
    Query(
        description="Whether pictures are found by what they show, by their label, file name and metadata, or by either.",
        examples=["both"],
    ),
]
PictureName = Annotated[
    str,
    Query(
        alias="id",
        min_length=1,
        max_length=LONGEST_NAME,
        description="The id of a stored picture, or the URI that it was loaded with.",
        examples=["beach/cat.jpg"],
    ),
]
Among = Annotated[int, Query(ge=1, le=10**7, description=AMONG, examples=[20_000])]
