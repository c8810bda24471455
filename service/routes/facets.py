"""What the pictures of a gallery have in common, with the filters that select it."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from milvise.service.bodies import parameters as given
from milvise.service.bodies.finding_bodies import FacetsBody, facets_body
from milvise.service.context import Asked
from milvise.service.guards.keys import require

router = APIRouter(tags=["pictures"], dependencies=[Depends(require("read"))])


@router.get("/galleries/{gallery}/facets")
def facets(asked: Asked, gallery: given.GalleryName, filter: given.Filter = "") -> FacetsBody:  # noqa: ARG001
    """Count the labels, sizes, dates and metadata of the pictures that fit a filter, each with the expression that selects it.

    Expressions can be joined by `and`. Of more than 16,384 pictures some are counted, and `is_whole` is false.
    """
    return facets_body(asked.facets(filter))
