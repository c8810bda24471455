"""Several searches by words that are made at once, and what is told of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from anyio import CapacityLimiter, to_thread

from milvise.core.stages import Stage, watched
from milvise.operations.gallery import Gallery
from milvise.queries.search import Searched


@dataclass(frozen=True, slots=True)
class Options:
    """What searches must have in common to be made together; parameters of `milvise.Gallery.search_each`."""

    space: str | None
    limit: int
    filter: str
    fix: bool
    by: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What several searches found.

    Attributes
    ----------
    answers : list of Searched
        One for each expression; none where `error` says why.
    stages : dict of str to float
        Seconds by stage, see `milvise.core.stages`.
    error : Exception, optional
        Why none could be made.
    """

    answers: list[Searched]
    stages: dict[Stage, float]
    error: Exception | None = None


class BatchSearcher(Protocol):
    """Where searches are made: in this process, or in others (`milvise.service.search_processes`)."""

    at_once: int
    """Batches of the same kind that are made at a time."""

    async def search(self, gallery: Gallery, options: Options, expressions: Sequence[str]) -> Batch:
        """Return what each expression finds; errors are part of it."""

    def close(self) -> None:
        """Make none any more."""


class SearchThreads:
    """Searches in threads of this process.

    Parameters
    ----------
    threads : int
        Batches that are made at a time, whatever their kind.
    """

    at_once = 2
    """While one waits for Milvus, another one works here."""

    def __init__(self, threads: int = 16) -> None:
        self._limiter = CapacityLimiter(threads)

    async def search(self, gallery: Gallery, options: Options, expressions: Sequence[str]) -> Batch:
        """Return what each expression finds."""
        return await to_thread.run_sync(search_batch, gallery, options, expressions, limiter=self._limiter)

    def close(self) -> None:
        """Nothing is held."""


def search_batch(gallery: Gallery, options: Options, expressions: Sequence[str]) -> Batch:
    """Return what each expression finds in a gallery; errors are part of it."""
    stages = _Stages()
    try:
        with watched(stages):
            answers = gallery.search_each(
                expressions, space=options.space, limit=options.limit, filter=options.filter, fix=options.fix, by=options.by
            )  # fmt: skip
    except Exception as error:  # whoever asked is told
        return Batch([], stages.seconds, error)
    return Batch(answers, stages.seconds)


class _Stages:
    """A watcher that adds up stages. How each search ended is told by its answer."""

    def __init__(self) -> None:
        self.seconds: dict[Stage, float] = {}

    def stage(self, name: Stage, seconds: float) -> None:
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def confidence(self, best: float) -> None: ...

    def request(self, kind: str, *, hits: int | None, error: str) -> None: ...
