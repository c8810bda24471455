"""The words that say what pictures show."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Depends

from milvise.core.config import DEFAULT_LIMIT
from milvise.core.picture_types import PictureBytes, StoredPicture
from milvise.core.records import WordHit
from milvise.queries.vocabulary.word_vectors import FREQUENT
from milvise.service.bodies import parameters as given
from milvise.service.bodies.answers import TagsOfMany
from milvise.service.bodies.asked import TagsAsked, TagsValues, has_uploads
from milvise.service.bodies.documents import TagsOfAsked
from milvise.service.bodies.hits import FoundWords, found_words, took, word_bodies
from milvise.service.bodies.uploaded import body_of, described
from milvise.service.context import Asked
from milvise.service.guards.inference import Network
from milvise.service.guards.keys import require

router = APIRouter(tags=["tags"], dependencies=[Depends(require("read"))])

Body = Annotated[TagsAsked | PictureBytes, Depends(body_of(TagsAsked))]


@router.get("/galleries/{gallery}/tags")
def tags_of_stored(
    asked: Asked,
    gallery: given.GalleryName,
    name: given.PictureName,
    limit: given.Limit = DEFAULT_LIMIT,
    among: given.Among = FREQUENT,
    filter: given.WordFilter = "",
) -> FoundWords:
    """Find the words that say what a stored picture shows."""
    started = time.perf_counter()
    hits = asked.tags(StoredPicture(name), limit=limit, among=among, filter=filter)
    request = {"kind": "tag", "picture": name, "gallery": gallery, "among": among, "filter": filter, "limit": limit}
    return found_words(request, started, hits)


@router.post("/galleries/{gallery}/tags", openapi_extra=described(TagsAsked))
def tags(
    network: Network,
    asked: Asked,
    gallery: given.GalleryName,
    body: Body,
    limit: given.Limit = DEFAULT_LIMIT,
    among: given.Among = FREQUENT,
    filter: given.WordFilter = "",
) -> FoundWords:
    """Find the words that say what a picture shows.

    It is named or held by a document, which holds the other values too; or the body is the file itself (Content-Type image/…), and the query has the
    other values.
    """
    started = time.perf_counter()
    picture, name = (body.picture(), body.id) if isinstance(body, TagsAsked) else (body, None)
    values = body if isinstance(body, TagsAsked) else TagsValues(limit=limit, among=among, filter=filter)

    def request() -> list[WordHit]:
        return asked.tags(picture, limit=values.limit, among=values.among, filter=values.filter)

    hits = request() if name is not None else network.run(request)
    said = {
        "kind": "tag", "picture": name or "an upload", "gallery": gallery, "among": values.among, "filter": values.filter,
        "limit": values.limit,
    }  # fmt: skip
    return found_words(said, started, hits)


@router.post("/galleries/{gallery}/tags-of")
def tags_of(network: Network, asked: Asked, gallery: given.GalleryName, body: TagsOfAsked) -> TagsOfMany:
    """Find the words that say what each of several pictures shows, at the cost of one."""
    started = time.perf_counter()
    pictures = [one.picture() for one in body.pictures]

    def request() -> list[list[WordHit]]:
        return asked.tags_of(pictures, limit=body.limit, among=body.among, filter=body.filter)

    answers = network.run(request) if has_uploads(body.pictures) else request()
    return TagsOfMany(
        request={"kind": "tags-of", "gallery": gallery, **body.told()},
        took_ms=took(started),
        answers=[word_bodies(hits) for hits in answers],
    )
