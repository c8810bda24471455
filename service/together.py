"""Searches by words that come while others run: they are made together, in a few calls to Milvus.

A search that comes alone starts at once. Those that come while it runs wait for each other, and not longer than it takes: the more people
search, the more is done at once, and the less each search costs.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from milvise.core.stages import Watcher, watcher
from milvise.operations.gallery import Gallery
from milvise.queries.search import Searched
from milvise.service.search_batch import BatchSearcher, Options, SearchThreads

MOST_AT_ONCE = 32
"""Expressions of one batch."""


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    words: str
    answer: asyncio.Future[Searched]
    watcher: Watcher | None


_Kind = tuple[Gallery, Options]


class Together:
    """Answers the searches of one service; its methods are called in the event loop alone.

    Parameters
    ----------
    searcher : BatchSearcher, optional
        What makes them; by default threads of this process.
    """

    def __init__(self, searcher: BatchSearcher | None = None) -> None:
        self._searcher = searcher or SearchThreads()
        self._waiting: defaultdict[_Kind, list[_Asked]] = defaultdict(list)
        self._running: defaultdict[_Kind, set[asyncio.Task[None]]] = defaultdict(set)

    async def search(self, gallery: Gallery, words: str, options: Options) -> Searched:
        """Return what words find in a gallery.

        Raises
        ------
        MilviseError
            What is wrong with these words, or with the options.
        """
        kind = gallery, options
        asked = _Asked(words, asyncio.get_running_loop().create_future(), watcher())
        self._waiting[kind].append(asked)
        self._start(kind)
        return await asked.answer

    def _start(self, kind: _Kind) -> None:
        running = self._running[kind]
        while self._waiting[kind] and len(running) < self._searcher.at_once:
            batch = self._waiting[kind][:MOST_AT_ONCE]
            del self._waiting[kind][:MOST_AT_ONCE]
            task = asyncio.create_task(self._answer(kind, batch))
            running.add(task)
            task.add_done_callback(partial(self._ended, kind))
        if not running:
            del self._running[kind], self._waiting[kind]

    def _ended(self, kind: _Kind, task: asyncio.Task[None]) -> None:
        self._running[kind].discard(task)
        self._start(kind)

    async def _answer(self, kind: _Kind, batch: Sequence[_Asked]) -> None:
        try:
            found = await self._searcher.search(*kind, [asked.words for asked in batch])
        except BaseException as error:
            for asked in batch:
                _fail(asked, error)
            if not isinstance(error, Exception):
                raise
            return
        for asked in batch:
            if asked.watcher is not None:
                # Each one waited for the stages of all.
                for name, seconds in found.stages.items():
                    asked.watcher.stage(name, seconds)
        if found.error is not None:
            for asked in batch:
                _fail(asked, found.error)
            return
        for asked, answer in zip(batch, found.answers, strict=True):
            _give(asked, answer)


def _give(asked: _Asked, answer: Searched) -> None:
    """Give a search its answer, and tell its watcher what one that was made alone would."""
    if answer.error is not None:
        _fail(asked, answer.error)
        return
    if asked.watcher is not None:
        trusted = [hit.confidence for hit in answer.hits if hit.confidence is not None]
        if trusted:
            asked.watcher.confidence(max(trusted))
        asked.watcher.request("search", hits=len(answer.hits), error="")
    if not asked.answer.done():
        # Otherwise who asked has gone away.
        asked.answer.set_result(answer)


def _fail(asked: _Asked, error: BaseException) -> None:
    if asked.watcher is not None:
        asked.watcher.request("search", hits=None, error=type(error).__name__)
    if not asked.answer.done():
        asked.answer.set_exception(error)
