"""Words into Milvus: read from a file, or trained on tag lists."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from milvise.adapter import IndexSpec
from milvise.core.events import ingest_logged
from milvise.embeddings.words.load import load_words
from milvise.embeddings.words.tag_vectors import TagTraining, train_words
from milvise.ingest.words import WordsSummary
from milvise.ingest.words import ingest_words as run
from milvise.operations.checks import require_count, require_index
from milvise.operations.progress import Count, Progress, notes, silent
from milvise.queries.database import Database

__all__ = ["IngestWords", "TagTraining", "WordsSummary", "ingest_words"]


@dataclass(frozen=True, slots=True)
class IngestWords:
    """Which words to load.

    Attributes
    ----------
    source : str
        A file as `milvise.embeddings.words.load.load_words` reads it, or ``glove-6b-50d``; with `training` a text file with one
        tag list a line.
    limit : int, optional
        Only the first so many words.
    components : int, optional
        Principal components to remove; by default one for each 100 dimensions, at least one, and none with `training`.
    index : str
        For the collection.
    training : TagTraining, optional
        Train the vectors on the tag lists in the file.
    replace : bool
        Whether they take the place of words that galleries were made with, or of more than twice as many.

    Raises
    ------
    UsageError
        If a value cannot be.
    """

    source: str
    limit: int | None = None
    components: int | None = None
    index: str = "auto"
    training: TagTraining | None = None
    replace: bool = False

    def __post_init__(self) -> None:
        require_index(self.index)
        require_count("limit", self.limit, 1)
        require_count("components", self.components, 0)


def ingest_words(db: Database, request: IngestWords, progress: Progress = silent) -> WordsSummary:
    """Load words in place of those that are there, and log it; errors as `Database.ingest_words`."""
    with ingest_logged("words") as counts:
        summary = _ingest_words(db, request, progress)
        counts.update(words=summary.words, malformed=summary.malformed, duplicates=summary.duplicates)
    return summary


def _ingest_words(db: Database, request: IngestWords, progress: Progress) -> WordsSummary:
    note, index = notes(progress), IndexSpec.parse(request.index)
    db.store.indexes.require(index)
    note(f"Reading {request.source} …")
    if request.training is not None:
        words = train_words(
            Path(request.source), request.training,
            limit=request.limit, components=request.components or 0, progress=note,
        )  # fmt: skip
    else:
        words = load_words(request.source, limit=request.limit, components=request.components)
    total = len(words.words)
    note(f"Loading {total:,} words of width {words.vectors.shape[1]} …")
    return run(
        db.store, words, source=request.source, index=index, replace=request.replace,
        progress=lambda done: progress(Count("words", done, total)),
    )  # fmt: skip
