"""The pictures of a gallery, one page after the other."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from milvise.service.bodies import PictureList, picture_list
from milvise.service.context import Asked, Shared

router = APIRouter(tags=["pictures"])

Filter = Annotated[
    str,
    Query(
        max_length=4_000,
        description='A Milvus expression over label, uri, width, height, meta["…"].',
        examples=['label != "sofa"'],
    ),
]
Limit = Annotated[int, Query(ge=1, le=1_000, description="How many at most.", examples=[100])]
Offset = Annotated[
    int, Query(ge=0, le=1_000_000, description="How many are passed over, in the order of the URIs.", examples=[0])
]


@router.get("/galleries/{gallery}/pictures")
def pictures(
    context: Shared, asked: Asked, gallery: str, filter: Filter = "", limit: Limit = 100, offset: Offset = 0
) -> PictureList:
    """Show the pictures that fit a filter, in the order of their URIs; of more than 16,384 that fit, so many of them."""
    found = asked.browse(filter, limit=limit + 1, offset=offset)
    return picture_list(gallery, found[:limit], more=len(found) > limit, originals=context.settings.originals)
