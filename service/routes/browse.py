"""The pictures of a gallery, one page after the other."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from milvise.service.bodies import parameters as given
from milvise.service.bodies.hits import PictureList, picture_list
from milvise.service.context import Asked, Shared
from milvise.service.guards.keys import require

router = APIRouter(tags=["pictures"], dependencies=[Depends(require("read"))])


@router.get("/galleries/{gallery}/pictures")
def pictures(
    context: Shared,
    asked: Asked,
    gallery: given.GalleryName,
    filter: given.Filter = "",
    limit: given.Limit = 100,
    offset: given.Offset = 0,
) -> PictureList:
    """Show the pictures that fit a filter, in the order of their URIs; of more than 16,384 that fit, so many of them."""
    found = asked.browse(filter, limit=min(given.MOST, limit + 1), offset=offset)
    return picture_list(gallery, found[:limit], more=len(found) > limit, originals=context.settings.originals)
