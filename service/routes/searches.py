"""Searches by words."""

from __future__ import annotations

import time
from dataclasses import asdict
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, Response
from fastapi.concurrency import run_in_threadpool

from milvise.core.config import DEFAULT_LIMIT
from milvise.operations.gallery import Gallery
from milvise.queries.vocabulary.typed import TypedSearch
from milvise.service.bodies import parameters as given
from milvise.service.bodies.answers import AnsweredMany, Reading, read_to, reading
from milvise.service.bodies.documents import SearchManyAsked
from milvise.service.bodies.hits import Found, found, hit_body, took
from milvise.service.bodies.paging import page
from milvise.service.context import Asked, Context, Shared
from milvise.service.guards.keys import require
from milvise.service.search_batch import Options

router = APIRouter(tags=["search"], dependencies=[Depends(require("read"))])


@router.get("/galleries/{gallery}/search", response_model=Found)
async def search(
    context: Shared,
    asked: Asked,
    gallery: given.GalleryName,
    words: given.Words,
    filter: given.Filter = "",
    space: given.Space = None,
    limit: given.Limit = DEFAULT_LIMIT,
    offset: given.Offset = 0,
    min_confidence: given.MinConfidence = None,
    fix: given.Fix = False,
    by: given.By = "both",
    focus: given.Focus = None,
) -> Response:
    """Find the pictures that show what the words say."""
    options = Options(space, limit, filter, fix, by)
    if min_confidence is None and focus is None and not offset:
        return await answered_together(context, asked, gallery, words, options)
    started = time.perf_counter()
    alone = partial(
        asked.search, words, space=space, filter=filter, min_confidence=min_confidence, fix=fix, by=by, focus=focus
    )
    hits, more = await run_in_threadpool(page, lambda depth: alone(limit=depth), limit=limit, offset=offset)
    read = await run_in_threadpool(asked.read, words, fix=fix)
    request = _told(gallery, words, options, read, offset=offset, min_confidence=min_confidence, focus=focus)
    return _response(found(request, started, hits, originals=context.settings.originals, first=offset + 1, more=more))


async def answered_together(context: Context, asked: Gallery, gallery: str, words: str, options: Options) -> Response:
    """Return the answer to a search that is made together with others; errors as `milvise.service.together.Together.search`."""
    started = time.perf_counter()
    searched = await context.together.search(asked, words, options)
    if context.shadow is not None:
        ids = [hit.id for hit in searched.hits]
        context.shadow.consider(gallery, words, asdict(options), ids, time.perf_counter() - started)
    hits, more = page(lambda _: searched.hits, limit=options.limit, offset=0)
    assert searched.read is not None
    request = _told(gallery, words, options, searched.read)
    return _response(found(request, started, hits, originals=context.settings.originals, more=more))


def _told(
    gallery: str,
    words: str,
    options: Options,
    read: TypedSearch,
    *,
    offset: int = 0,
    min_confidence: float | None = None,
    focus: str | None = None,
) -> dict[str, Any]:
    """Return what an answer says of its request."""
    return {
        "kind": "images", "expression": words, "gallery": gallery, "space": options.space, "filter": options.filter,
        "limit": options.limit, "offset": offset, "min_confidence": min_confidence, "by": options.by, "focus": focus,
        **read_to(read),
    }  # fmt: skip


def _response(body: Found) -> Response:
    # What is made here is as described: to check it again would take as long as to make it.
    return Response(body.model_dump_json(), media_type="application/json")


@router.post("/galleries/{gallery}/search-many")
def search_many(context: Shared, asked: Asked, gallery: given.GalleryName, body: SearchManyAsked) -> AnsweredMany:
    """Find for each of several expressions the pictures that show it, at the cost of one."""
    started = time.perf_counter()
    answers = asked.search_many(
        body.expressions, space=body.space, limit=body.limit, filter=body.filter, fix=body.fix, by=body.by
    )
    bodies = [
        [hit_body(gallery, rank, hit, originals=context.settings.originals) for rank, hit in enumerate(hits, start=1)]
        for hits in answers
    ]
    request = {"kind": "search-many", "gallery": gallery, **body.told()}
    return AnsweredMany(request=request, took_ms=took(started), answers=bodies)


@router.get("/galleries/{gallery}/read")
def read(asked: Asked, words: given.Words, fix: given.Fix = False) -> Reading:
    """Say what words are taken for, without a search."""
    return reading(asked.read(words, fix=fix))
