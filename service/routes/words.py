"""The words that are loaded."""

from __future__ import annotations

import time

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from milvise.core.config import DEFAULT_LIMIT
from milvise.service.bodies import parameters as given
from milvise.service.bodies.answers import Reading, read_as, reading
from milvise.service.bodies.hits import FoundWords, found_words
from milvise.service.context import Shared
from milvise.service.guards.keys import require

router = APIRouter(prefix="/words", tags=["words"], dependencies=[Depends(require("read"))])


class WordVector(BaseModel):
    """The unit vector of words."""

    words: str
    vector: list[float] = Field(description="As many numbers as the words that are loaded are wide.")


@router.get("/similar")
def similar_words(
    context: Shared,
    words: given.WordsOfAll,
    limit: given.Limit = DEFAULT_LIMIT,
    filter: given.WordFilter = "",
    fix: given.Fix = False,
) -> FoundWords:
    """Find the words closest to a word or an expression."""
    started = time.perf_counter()
    hits = context.db.words.similar(words, limit=limit, filter=filter, fix=fix)
    request = {
        "kind": "words", "expression": words, "filter": filter, "limit": limit, **read_as(context.db.words, words, fix=fix),
    }  # fmt: skip
    return found_words(request, started, hits)


@router.get("/read")
def read_words(context: Shared, words: given.WordsOfAll, fix: given.Fix = False) -> Reading:
    """Say what an expression is taken for among words."""
    return reading(context.db.words.read(words, fix=fix))


@router.get("/vector")
def word_vector(context: Shared, words: given.WordsOfAll) -> WordVector:
    """Return the unit vector of an expression."""
    return WordVector(words=words, vector=context.db.words.vector(words).tolist())
