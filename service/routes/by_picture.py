"""Searches by pictures, stored ones and uploads; an upload is forgotten with its answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends

from milvise.core.config import DEFAULT_LIMIT
from milvise.core.picture_types import PictureBytes
from milvise.core.records import Hit
from milvise.service.bodies import parameters as given
from milvise.service.bodies.answers import read_as
from milvise.service.bodies.asked import SimilarAsked, SimilarValues, has_uploads
from milvise.service.bodies.documents import CompleteAsked, MixedAsked
from milvise.service.bodies.hits import Found, found
from milvise.service.bodies.paging import page
from milvise.service.bodies.uploaded import body_of, described
from milvise.service.context import Asked, Shared
from milvise.service.guards.inference import Network
from milvise.service.guards.keys import require

router = APIRouter(tags=["search"], dependencies=[Depends(require("read"))])

Body = Annotated[SimilarAsked | PictureBytes, Depends(body_of(SimilarAsked))]


@router.post("/galleries/{gallery}/similar", openapi_extra=described(SimilarAsked))
def similar(
    context: Shared,
    network: Network,
    asked: Asked,
    gallery: given.GalleryName,
    body: Body,
    focus: given.Focus = None,
    limit: given.Limit = DEFAULT_LIMIT,
    filter: given.Filter = "",
    offset: given.Offset = 0,
) -> Found:
    """Find the pictures that look like a picture.

    It is named or held by a document, which holds the other values too; or the body is the file itself (Content-Type image/…), and the query has the
    other values.
    """
    started = time.perf_counter()
    picture, name = (body.picture(), body.id) if isinstance(body, SimilarAsked) else (body, None)
    values = (
        body
        if isinstance(body, SimilarAsked)
        else SimilarValues(focus=focus, limit=limit, filter=filter, offset=offset)
    )

    def search(depth: int) -> list[Hit]:
        return asked.similar(picture, focus=values.focus, limit=depth, filter=values.filter)

    hits, more = _paged(network, search, values, name is None)
    said = {
        "kind": "similar", "picture": name or "an upload", "gallery": gallery, "focus": values.focus, "filter": values.filter,
        "limit": values.limit, "offset": values.offset,
    }  # fmt: skip
    return found(said, started, hits, originals=context.settings.originals, first=values.offset + 1, more=more)


@router.post("/galleries/{gallery}/mixed")
def mixed(context: Shared, network: Network, asked: Asked, gallery: given.GalleryName, body: MixedAsked) -> Found:
    """Find the pictures closest to pictures with and without words, such as one picture +night -day."""
    started = time.perf_counter()

    def search(depth: int) -> list[Hit]:
        return asked.mixed(body.weighted, body.words, space=body.space, limit=depth, filter=body.filter, fix=body.fix)

    hits, more = _paged(network, search, body, body.has_uploads)
    request = {"kind": "mixed", "gallery": gallery, **body.told(), **read_as(asked, body.words, fix=body.fix)}
    return found(request, started, hits, originals=context.settings.originals, first=body.offset + 1, more=more)


@router.post("/galleries/{gallery}/complete")
def complete(context: Shared, network: Network, asked: Asked, gallery: given.GalleryName, body: CompleteAsked) -> Found:
    """Find more pictures like some, which are left out."""
    started = time.perf_counter()
    pictures = [one.picture() for one in body.pictures]

    def search(depth: int) -> list[Hit]:
        return asked.complete(pictures, space=body.space, to=body.to, limit=depth, filter=body.filter)

    hits, more = _paged(network, search, body, has_uploads(body.pictures))
    request = {"kind": "complete", "gallery": gallery, **body.told()}
    return found(request, started, hits, originals=context.settings.originals, first=body.offset + 1, more=more)


def _paged(
    network: Network,
    search: Callable[[int], list[Hit]],
    body: MixedAsked | CompleteAsked | SimilarValues,
    uploads: bool,
) -> tuple[list[Hit], bool]:
    def request() -> tuple[list[Hit], bool]:
        return page(search, limit=body.limit, offset=body.offset)

    return network.run(request) if uploads else request()
