"""Pictures and owners that fit a brief, and a search that has heard what was liked."""

from __future__ import annotations

import time

from fastapi import APIRouter, Depends

from milvise.core.records import Hit, Owner
from milvise.queries.requests.refine import Rocchio
from milvise.service.bodies import parameters as given
from milvise.service.bodies.answers import FoundOwners, owner_bodies, read_as
from milvise.service.bodies.documents import OwnersAsked, RankAsked, RefineAsked
from milvise.service.bodies.hits import Found, found, took
from milvise.service.bodies.paging import page
from milvise.service.bodies.parameters import MOST
from milvise.service.context import Asked, Shared
from milvise.service.guards.inference import Network
from milvise.service.guards.keys import require
from milvise.service.guards.whole_gallery import WholeGallery

router = APIRouter(tags=["search"], dependencies=[Depends(require("read"))])


@router.post("/galleries/{gallery}/rank")
def rank(
    context: Shared, network: Network, whole: WholeGallery, asked: Asked, gallery: given.GalleryName, body: RankAsked
) -> Found:
    """Put given pictures, or all that fit a filter, in the order of how well they fit words and pictures."""
    started = time.perf_counter()

    def request() -> list[Hit]:
        return asked.rank(
            words=body.words, pictures=body.weighted, ids=body.ids, filter=body.filter, space=body.space,
            limit=body.limit or MOST, min_confidence=body.min_confidence, fix=body.fix,
        )  # fmt: skip

    turns = network if body.has_uploads else whole if body.ids is None else None
    hits = request() if turns is None else turns.run(request)
    said = {"kind": "rank", "gallery": gallery, **body.told(), **read_as(asked, body.words, fix=body.fix)}
    return found(said, started, hits, originals=context.settings.originals)


@router.post("/galleries/{gallery}/owners")
def owners(
    context: Shared, network: Network, asked: Asked, gallery: given.GalleryName, body: OwnersAsked
) -> FoundOwners:
    """Find whose pictures fit words and pictures best."""
    started = time.perf_counter()

    def request() -> list[Owner]:
        return asked.owners(
            words=body.words, pictures=body.weighted, by=body.by, evidence=body.evidence, space=body.space,
            limit=body.limit, filter=body.filter, fix=body.fix,
        )  # fmt: skip

    best = network.run(request) if body.has_uploads else request()
    return FoundOwners(
        request={"kind": "owners", "gallery": gallery, **body.told(), **read_as(asked, body.words, fix=body.fix)},
        took_ms=took(started),
        owners=owner_bodies(gallery, best, originals=context.settings.originals),
    )


@router.post("/galleries/{gallery}/refine")
def refine(context: Shared, network: Network, asked: Asked, gallery: given.GalleryName, body: RefineAsked) -> Found:
    """Search again, with pictures that were liked and disliked; those are left out. Nothing is written down, see POST feedback."""
    started = time.perf_counter()
    weights = Rocchio(*body.weights)

    def search(depth: int) -> list[Hit]:
        return asked.refine(
            words=body.words, pictures=body.weighted, liked=body.liked, disliked=body.disliked, weights=weights,
            space=body.space, limit=depth, filter=body.filter, fix=body.fix,
        )  # fmt: skip

    def request() -> tuple[list[Hit], bool]:
        return page(search, limit=body.limit, offset=body.offset)

    hits, more = network.run(request) if body.has_uploads else request()
    said = {"kind": "refine", "gallery": gallery, **body.told(), **read_as(asked, body.words, fix=body.fix)}
    return found(said, started, hits, originals=context.settings.originals, first=body.offset + 1, more=more)
