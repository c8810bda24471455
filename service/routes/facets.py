"""What the pictures of a gallery have in common, with the filters that select it."""

from __future__ import annotations

from fastapi import APIRouter

from milvise.service.context import Asked
from milvise.service.finding_bodies import FacetsBody, facets_body
from milvise.service.routes.browse import Filter

router = APIRouter(tags=["pictures"])


@router.get("/galleries/{gallery}/facets")
def facets(asked: Asked, filter: Filter = "") -> FacetsBody:
    """Count the labels, sizes, dates and metadata of the pictures that fit a filter, each with the expression that selects it.

    Expressions can be joined by `and`. Of more than 16,384 pictures some are counted, and `is_whole` is false.
    """
    return facets_body(asked.facets(filter))
