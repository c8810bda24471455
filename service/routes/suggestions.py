"""How a text may go on, while it is typed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from milvise.service.context import Asked
from milvise.service.finding_bodies import SuggestionsBody, suggestions_body

router = APIRouter(tags=["search"])


@router.get("/galleries/{gallery}/suggestions")
def suggestions(
    asked: Asked,
    text: Annotated[str, Query(max_length=1_000, description="What was typed so far.", examples=["golden re"])] = "",
    limit: Annotated[int, Query(ge=1, le=100, description="How many of each kind at most.", examples=[8])] = 8,
) -> SuggestionsBody:
    """Suggest words, labels and classes that the end of a text begins; for an empty text the most frequent labels."""
    return suggestions_body(asked.suggest(text, limit=limit))
