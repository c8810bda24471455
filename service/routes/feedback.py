"""What people liked and disliked in answers, written to Milvus."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from milvise.service.bodies.documents import FeedbackAsked
from milvise.service.context import Shared, open_gallery
from milvise.service.guards.keys import require

router = APIRouter(tags=["feedback"], dependencies=[Depends(require("feedback"))])


@router.post("/feedback", status_code=204)
def feedback(context: Shared, body: FeedbackAsked) -> None:
    """Write down what was liked and disliked in an answer, for training."""
    open_gallery(context, body.gallery).feedback(
        words=body.words, pictures=body.pictures, liked=body.liked, disliked=body.disliked
    )
