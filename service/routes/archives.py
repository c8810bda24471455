"""Several pictures as one archive, sent while it is made."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from milvise.operations.zip_archive import zipped
from milvise.service.bodies.picture_answers import Streamed, disposition
from milvise.service.context import Asked, Shared
from milvise.service.guards.keys import require

router = APIRouter(tags=["pictures"], dependencies=[Depends(require("read"))])

MOST = 500


class Chosen(BaseModel):
    """The pictures of an archive."""

    ids: list[Annotated[str, Field(pattern="^[0-9a-f]{32}$")]] = Field(
        min_length=1,
        max_length=MOST,
        description="The ids of stored pictures, as searches return them.",
        examples=[["9f86d081884c7d659a2feaa0c55ad015"]],
    )


@router.post(
    "/galleries/{gallery}/zip",
    response_class=Response,
    responses={200: {"content": {"application/zip": {}}, "description": "The archive."}},
)
async def archive(context: Shared, asked: Asked, gallery: str, chosen: Chosen) -> Response:
    """Return pictures as a zip file: originals, or thumbnails of 512 pixels where the service gives out no originals.

    Pictures whose file is not there as it was loaded are listed in ``missing.txt`` inside.
    """
    wanted = list(dict.fromkeys(chosen.ids))
    found = await to_thread.run_sync(partial(asked.files, wanted), limiter=context.reading)
    thumbnails = None if context.settings.originals else context.thumbnails
    chunks = zipped(found, thumbnails)
    with ExitStack() as held:
        held.callback(chunks.close)
        # Pictures are read one after the other, and made small one after the other.
        limiter = context.reading if thumbnails is None else context.making
        headers = {
            "Content-Disposition": disposition("attachment", f"{gallery}.zip"),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return Streamed(chunks, held.pop_all(), limiter, media_type="application/zip", headers=headers)
