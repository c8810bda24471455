"""Galleries looked after: verified, tuned, removed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from milvise.errors import UsageError
from milvise.service.bodies import parameters as given
from milvise.service.bodies.documents import TuneAsked
from milvise.service.bodies.wording import in_http_terms
from milvise.service.context import Asked, Shared
from milvise.service.guards.keys import require
from milvise.service.guards.whole_gallery import WholeGallery

router = APIRouter(tags=["upkeep"])


class Verified(BaseModel):
    """Whether a gallery, and all that it stands on, is whole."""

    gallery: str
    whole: bool
    problems: list[str]
    kinds: list[str]
    remarks: list[str]
    checked: dict[str, int]
    not_checked: list[str]
    repaired: list[str]


class TunedBody(BaseModel):
    """The search parameters that were chosen for each of a gallery's collections."""

    gallery: str
    recall: float
    k: int
    stored: bool
    chosen: list[dict[str, Any]]


class DroppedBody(BaseModel):
    """The collections that are gone."""

    gallery: str
    dropped: list[str]


@router.get("/galleries/{gallery}/verify", dependencies=[Depends(require("read"))])
def verify(context: Shared, whole: WholeGallery, gallery: given.GalleryName) -> Verified:
    """Say whether a gallery is whole."""
    told = whole.run(lambda: context.db.verify(gallery)).to_json()
    for name in ("problems", "remarks", "not_checked"):
        told[name] = [in_http_terms(text) for text in told[name]]
    return Verified.model_validate(told)


@router.post("/galleries/{gallery}/tune", dependencies=[Depends(require("write"))])
def tune(asked: Asked, whole: WholeGallery, body: TuneAsked) -> TunedBody:
    """Choose the cheapest search parameters that find enough, and store them for everybody."""
    tuned = whole.run(lambda: asked.tune(recall=body.recall, k=body.k, queries=body.queries, dry_run=body.dry_run))
    return TunedBody.model_validate(tuned.to_json())


@router.delete("/galleries/{gallery}", dependencies=[Depends(require("write"))])
def drop(
    context: Shared,
    gallery: given.GalleryName,
    confirm: Annotated[str, Query(max_length=200, description="The gallery's name again.", examples=["holiday"])],
) -> DroppedBody:
    """Remove a gallery; the picture files stay."""
    if confirm != gallery:
        raise UsageError(
            f"a gallery is removed by whoever names it twice.\nExpected: confirm={gallery}\nReceived: {confirm}"
        )
    dropped = context.db.drop(gallery)
    context.galleries.pop(gallery, None)
    return DroppedBody.model_validate(dropped.to_json())
