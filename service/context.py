"""What the routes of one service share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from anyio import CapacityLimiter
from fastapi import Depends, Request

from milvise.operations.database import Database
from milvise.operations.files import Thumbnails
from milvise.operations.gallery import Gallery
from milvise.service.parameters import GalleryName
from milvise.service.settings import Settings


@dataclass(slots=True)
class Context:
    """What stands behind a service for as long as it runs; threads share it.

    Attributes
    ----------
    db : Database
    settings : Settings
    galleries : dict of str to Gallery
        Those that were asked for, with what they keep between requests.
    thumbnails : Thumbnails
        Kept on the disk.
    reading, making : CapacityLimiter
        How many threads read picture files, and how many make thumbnails; searches have threads of their own.
    """

    db: Database
    settings: Settings
    galleries: dict[str, Gallery]
    thumbnails: Thumbnails = field(default_factory=Thumbnails)
    reading: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(8))
    making: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(2))


MOST_GALLERIES = 64
"""More than so many are not kept at a time."""


def context_of(request: Request) -> Context:
    """Return the context of the service that a request came to."""
    context: Context = request.app.state.context
    return context


Shared = Annotated[Context, Depends(context_of)]


def gallery_of(context: Shared, gallery: GalleryName) -> Gallery:
    """Return the gallery that a path names; one that is not there shows when it is asked something.

    Only what is there is kept: names come from strangers.
    """
    kept = context.galleries.get(gallery)
    if kept is not None:
        return kept
    opened = context.db.gallery(gallery)
    if len(context.galleries) < MOST_GALLERIES and context.db.has_gallery(gallery):
        return context.galleries.setdefault(gallery, opened)
    return opened


Asked = Annotated[Gallery, Depends(gallery_of)]
