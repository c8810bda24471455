"""How a text may go on, while it is typed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from milvise.queries.requests.suggest import MOST_SUGGESTIONS, SUGGESTIONS
from milvise.service.bodies import parameters as given
from milvise.service.bodies.finding_bodies import SuggestionsBody, suggestions_body
from milvise.service.context import Asked
from milvise.service.guards.keys import require

router = APIRouter(tags=["search"], dependencies=[Depends(require("read"))])

Text = Annotated[str, Query(max_length=1_000, description="All that was typed so far.", examples=["golden re"])]
Many = Annotated[int, Query(ge=1, le=MOST_SUGGESTIONS, description="How many of each kind.", examples=[8])]


@router.get("/galleries/{gallery}/suggestions")
def suggestions(
    asked: Asked,
    gallery: given.GalleryName,  # noqa: ARG001
    text: Text = "",
    limit: Many = SUGGESTIONS,
) -> SuggestionsBody:
    """Suggest words, labels and classes that the end of a text begins; for an empty text the most frequent labels.

    Each may be put in the place of the end that `completes` tells.
    """
    return suggestions_body(asked.suggest(text, limit=limit))
