"""Searches by words."""

from __future__ import annotations

import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from milvise.core.config import DEFAULT_LIMIT
from milvise.service.bodies import Found, found
from milvise.service.context import Asked, Shared

router = APIRouter(tags=["search"])

Words = Annotated[str, Query(min_length=1, max_length=1_000, examples=["dog on the beach, without snow"])]
Filter = Annotated[
    str, Query(max_length=4_000, description='A Milvus expression over label, uri, width, height, meta["…"].')
]
Limit = Annotated[int, Query(ge=1, le=1_000)]
SearchSpace = Literal["joint", "visual", "fused", "ranked"]


@router.get("/galleries/{gallery}/search")
def search(
    context: Shared,
    asked: Asked,
    gallery: str,
    words: Words,
    filter: Filter = "",
    space: SearchSpace | None = None,
    limit: Limit = DEFAULT_LIMIT,
    min_confidence: Annotated[float | None, Query(ge=0, le=1)] = None,
    fix: bool = False,
    by: Literal["both", "meaning", "text"] = "both",
) -> Found:
    """Find the pictures that show what the words say."""
    started = time.perf_counter()
    hits = asked.search(words, space=space, limit=limit, filter=filter, min_confidence=min_confidence, fix=fix, by=by)
    reading = asked.read(words, fix=fix)
    request = {
        "kind": "images", "expression": words, "gallery": gallery, "space": space, "filter": filter, "limit": limit,
        "min_confidence": min_confidence, "by": by, "read_as": reading.expression, "remarks": list(reading.remarks),
    }  # fmt: skip
    return found(request, started, hits, originals=context.settings.originals)
