"""What the routes of one service share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from milvise.operations.database import Database
from milvise.operations.files import Thumbnails
from milvise.operations.gallery import Gallery
from milvise.operations.shadow import Shadow
from milvise.service.bodies.parameters import GalleryName
from milvise.service.settings import Settings
from milvise.service.together import Together


@dataclass(slots=True)
class Context:
    """What stands behind a service for as long as it runs; threads share it.

    Attributes
    ----------
    db : Database
    settings : Settings
    galleries : dict of str to Gallery
        Those that were asked for, with what they keep between requests.
    together : Together
        Makes the searches by words of all who ask.
    thumbnails : Thumbnails
        Kept on the disk.
    reading, making : CapacityLimiter
        How many threads read picture files, and how many make thumbnails; searches have threads of their own.
    shadow : Shadow, optional
        Asks versions to come, where a share of searches is to be compared.
    """

    db: Database
    settings: Settings
    galleries: dict[str, Gallery]
    together: Together
    thumbnails: Thumbnails = field(default_factory=Thumbnails)
    reading: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(8))
    making: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2))
    shadow: Shadow | None = None


MOST_GALLERIES = 64
"""More than so many are not kept at a time."""


async def context_of(request: Request) -> Context:
    """Return the context of the service that a request came to.

    Like all that waits for nothing it is a coroutine: a plain function would take a thread of its own.
    """
    context: Context = request.app.state.context
    return context


Shared = Annotated[Context, Depends(context_of)]


async def gallery_of(context: Shared, gallery: GalleryName) -> Gallery:
    """Return the gallery that a path names; one that is not there shows when it is asked something.

    Only what is there is kept: names come from strangers.
    """
    kept = context.galleries.get(gallery)
    return kept if kept is not None else await run_in_threadpool(open_gallery, context, gallery)


def open_gallery(context: Context, gallery: str) -> Gallery:
    """Return a gallery; Milvus is asked whether it is there, unless it is kept."""
    kept = context.galleries.get(gallery)
    if kept is not None:
        return kept
    opened = context.db.gallery(gallery)
    if len(context.galleries) < MOST_GALLERIES and context.db.has_gallery(gallery):
        return context.galleries.setdefault(gallery, opened)
    return opened


Asked = Annotated[Gallery, Depends(gallery_of)]
