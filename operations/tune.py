"""A gallery's search parameters, chosen and stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from milvise.core.config import DEFAULT_GALLERY
from milvise.evaluation.index.tune import Tuned
from milvise.evaluation.index.tune import tune as run
from milvise.operations.checks import require_count
from milvise.operations.progress import Progress, notes, silent
from milvise.queries.database import Database
from milvise.queries.evaluation_reads import read_gallery


@dataclass(frozen=True, slots=True)
class Tune:
    """What a gallery's searches are to reach.

    Attributes
    ----------
    recall : float
        Share of the exact `k` closest that a search is to find, above 0 and at most 1.
    k : int
        How many results count.
    queries : int
        The choice is made on so many queries, and checked on as many others.
    store : bool
        Whether the choice is stored for every client of this Milvus.

    Raises
    ------
    UsageError
        If a number cannot be.
    """

    gallery: str = DEFAULT_GALLERY
    recall: float = 0.95
    k: int = 10
    queries: int = 400
    store: bool = True

    def __post_init__(self) -> None:
        require_count("k", self.k, 1, 1_000)
        require_count("queries", self.queries, 10)


@dataclass(frozen=True, slots=True)
class Tuning:
    """The search parameters that were chosen.

    Attributes
    ----------
    gallery : str
    recall : float
        What was to be reached.
    k : int
    stored : bool
        Whether they stand for every client now.
    chosen : tuple of Tuned
        For each of the gallery's collections.
    """

    gallery: str
    recall: float
    k: int
    stored: bool
    chosen: tuple[Tuned, ...]

    @property
    def reached(self) -> bool:
        """Whether all of them reach the recall."""
        return all(one.reached for one in self.chosen)

    def to_json(self) -> dict[str, Any]:
        """Return the choice as plain values."""
        asked = {"gallery": self.gallery, "recall": self.recall, "k": self.k, "stored": self.stored}
        return {**asked, "chosen": [one.to_json() for one in self.chosen]}


def tune(db: Database, request: Tune, progress: Progress = silent) -> Tuning:
    """Choose the cheapest search parameters that find enough; errors as `milvise.operations.gallery.Gallery.tune`."""
    reading = read_gallery(db, request.gallery)
    chosen = run(
        reading, recall=request.recall, k=request.k, queries=request.queries, note=notes(progress), store=request.store
    )
    return Tuning(request.gallery, request.recall, request.k, request.store, tuple(chosen))
