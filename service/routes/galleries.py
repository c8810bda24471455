"""What galleries there are, and what each of them knows and holds twice."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from milvise.core.records import DuplicateGroup
from milvise.queries.requests.duplicates import SIMILARITY
from milvise.service.bodies import parameters as given
from milvise.service.bodies.answers import Groups, group_bodies
from milvise.service.bodies.hits import took
from milvise.service.context import Asked, Shared
from milvise.service.guards.keys import require
from milvise.service.guards.whole_gallery import WholeGallery

router = APIRouter(tags=["galleries"], dependencies=[Depends(require("read"))])


class GalleryBody(BaseModel):
    """One gallery."""

    name: str
    pictures: int = Field(description="How many it holds.")
    encoder: str
    has_words: bool = Field(description="Whether it can be searched by word.")
    has_classes: bool = Field(description="Whether a search can focus on a class.")


class Galleries(BaseModel):
    """The galleries, by name."""

    galleries: list[GalleryBody]


class Classes(BaseModel):
    """The names of the classes that a search can focus on."""

    classes: list[str]


class ClassShares(BaseModel):
    """The classes that words are a mixture of, each with its share; none where they have no place among them."""

    words: str
    classes: dict[str, float]


class WordsSpace(BaseModel):
    """The space in which words and pictures are compared by default."""

    space: Literal["joint", "ranked", "visual"]


@router.get("/galleries")
def galleries(context: Shared) -> Galleries:
    """List the galleries, with what each of them can be asked."""
    return Galleries(galleries=[GalleryBody(**asdict(one)) for one in context.db.galleries()])


@router.get("/galleries/{gallery}")
def gallery(context: Shared, gallery: given.GalleryName) -> GalleryBody:
    """Say what one gallery can be asked."""
    return GalleryBody(**asdict(context.db.galleries(gallery)[0]))


@router.get("/galleries/{gallery}/classes")
def classes(asked: Asked) -> Classes:
    """List the classes that a search can focus on."""
    return Classes(classes=asked.classes())


@router.get("/galleries/{gallery}/classes-of")
def classes_of(asked: Asked, words: given.Words) -> ClassShares:
    """Say which classes words are a mixture of."""
    return ClassShares(words=words, classes=asked.classes_of(words))


@router.get("/galleries/{gallery}/words-space")
def words_space(asked: Asked) -> WordsSpace:
    """Say in which space words and pictures are compared by default."""
    return WordsSpace.model_validate({"space": asked.words_space()})


@router.get("/galleries/{gallery}/duplicates")
def duplicates(
    context: Shared,
    whole: WholeGallery,
    asked: Asked,
    gallery: given.GalleryName,
    kind: Annotated[
        Literal["exact", "visual"],
        Query(description="Whether files are to be the same, or pictures to look the same.", examples=["exact"]),
    ] = "exact",
    similarity: Annotated[
        float, Query(gt=0, le=1, description="Of pictures that look the same: the least cosine.", examples=[SIMILARITY])
    ] = SIMILARITY,
    filter: given.Filter = "",
    limit: Annotated[int, Query(ge=1, le=given.MOST, description="How many groups.", examples=[100])] = 100,
) -> Groups:
    """Find pictures that a gallery holds more than once: the whole gallery is read, up to the last group."""
    started = time.perf_counter()

    def search() -> list[DuplicateGroup]:
        with closing(asked.duplicates(kind=kind, similarity=similarity, filter=filter)) as found:
            return list(islice(found, limit + 1))

    groups = whole.run(search)
    request = {
        "kind": "duplicates", "gallery": gallery, "of": kind, "similarity": similarity if kind == "visual" else None,
        "filter": filter, "limit": limit,
    }  # fmt: skip
    return Groups(
        request=request,
        took_ms=took(started),
        groups=group_bodies(gallery, groups[:limit], originals=context.settings.originals),
        more=len(groups) > limit,
    )
