"""Stored pictures: what is known of one, and its files, small and as they were loaded."""

from __future__ import annotations

import io
from contextlib import ExitStack
from enum import IntEnum
from typing import Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response

from milvise.operations.files import SIZES, StoredFile, safe_names
from milvise.service.bodies.hits import PictureBody, picture_body
from milvise.service.bodies.picture_answers import (
    UNKNOWN,
    Streamed,
    disposition,
    file_chunks,
    is_known,
    kept_headers,
    media_type,
    not_modified,
)
from milvise.service.bodies.problems import problem
from milvise.service.context import Asked, Shared
from milvise.service.guards.keys import require

router = APIRouter(tags=["pictures"], dependencies=[Depends(require("read"))])

Id = Annotated[
    str,
    Path(
        pattern="^[0-9a-f]{32}$",
        description="The id of a stored picture, as searches return it.",
        examples=["9f86d081884c7d659a2feaa0c55ad015"],
    ),
]
Version = Annotated[
    str | None,
    Query(
        max_length=64,
        description="The content that is meant, as links have it: then the answer may be kept for ever.",
        examples=["9f86d081884c7d65"],
    ),
]


class Size(IntEnum):
    """Pixels of the longer side of a thumbnail."""

    SMALL, LARGE = SIZES


_SEEN: dict[int | str, dict[str, Any]] = {304: {"description": "Who asks has this picture already."}}


@router.get("/galleries/{gallery}/pictures/{id}")
def picture(context: Shared, asked: Asked, gallery: str, id: Id) -> PictureBody:
    """Return what is known of a stored picture."""
    return picture_body(gallery, asked.picture(id), originals=context.settings.originals)


@router.get(
    "/galleries/{gallery}/pictures/{id}/thumbnail",
    response_class=Response,
    responses={200: {"content": {"image/webp": {}}, "description": "The picture in its proportions."}, **_SEEN},
)
async def thumbnail(
    request: Request,
    context: Shared,
    asked: Asked,
    id: Id,
    size: Annotated[Size, Query(description="Its longer side in pixels.")] = Size.SMALL,
    v: Version = None,
) -> Response:
    """Return a small picture, its longer side `size` pixels or as it is; one that was made stays when the file is gone."""
    found = await to_thread.run_sync(_found, asked, id, limiter=context.reading)
    digest = found.picture.sha256
    tag = f"{digest[:32]}-{size}"
    headers = kept_headers(tag, digest, v, private=context.settings.api_keys is not None)
    if is_known(request, tag):
        return not_modified(headers)
    data = await to_thread.run_sync(context.thumbnails.kept, found, size, limiter=context.reading)
    if data is None:
        data = await to_thread.run_sync(context.thumbnails.make, found, size, limiter=context.making)
    (name,) = safe_names([found.picture.uri], extension=".webp")
    return Response(
        data, media_type="image/webp", headers={**headers, "Content-Disposition": disposition("inline", name)}
    )


@router.get(
    "/galleries/{gallery}/pictures/{id}/original",
    response_class=Response,
    responses={
        200: {
            "content": {kind: {} for kind in ("image/jpeg", "image/png", "image/webp", UNKNOWN)},
            "description": "The file. What browsers do not show is sent as an attachment.",
        },
        **_SEEN,
    },
)
async def original(request: Request, context: Shared, asked: Asked, id: Id, v: Version = None) -> Response:
    """Return the file of a picture, byte for byte as it was loaded; a file that was changed since is not given out."""
    if not context.settings.originals:
        return problem(403, "no_originals", "This service gives out thumbnails, and no originals.")
    found = await to_thread.run_sync(_found, asked, id, limiter=context.reading)
    digest = found.picture.sha256
    headers = kept_headers(digest, digest, v, private=context.settings.api_keys is not None)
    if is_known(request, digest):
        return not_modified(headers)
    with ExitStack() as held:
        file, length, start = await to_thread.run_sync(_opened, held, found, limiter=context.reading)
        kind = media_type(start)
        (name,) = safe_names([found.picture.uri])
        headers["Content-Disposition"] = disposition("attachment" if kind == UNKNOWN else "inline", name)
        headers["Content-Length"] = str(length)
        return Streamed(file_chunks(file), held.pop_all(), context.reading, media_type=kind, headers=headers)


def _found(asked: Asked, id: str) -> StoredFile:
    return asked.files([id])[0]


def _opened(held: ExitStack, found: StoredFile) -> tuple[io.BufferedReader, int, bytes]:
    """Open a file, which is closed with `held`; return it with its length and its first bytes."""
    file, length = held.enter_context(found.opened())
    return file, length, file.peek(32)[:32]
