"""Searches by words that come while others run: they are made together, in as many calls to Milvus as one.

A search that comes alone starts at once. Those that come while it runs wait for each other, and not longer than it takes: the more people
search, the more is done at once, and the less each search costs.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from anyio import CapacityLimiter, to_thread

from milvise.core.stages import Stage, Watcher, watched, watcher
from milvise.operations.gallery import Gallery
from milvise.queries.search import Searched

MOST_AT_ONCE = 32
"""Expressions of one call."""
RUNNING = 2
"""Calls of the same kind that run at a time: while one waits for Milvus, another one works here."""


@dataclass(frozen=True, slots=True)
class Options:
    """What searches must have in common to be made together; parameters of `milvise.Gallery.search_each`."""

    space: str | None
    limit: int
    filter: str
    fix: bool
    by: str


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
    threads : int
        Calls that run at a time, whatever their kind.
    """

    def __init__(self, threads: int = 16) -> None:
        self._limiter = CapacityLimiter(threads)
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
        while self._waiting[kind] and len(running) < RUNNING:
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
            answers = await to_thread.run_sync(partial(_searched, *kind, batch), limiter=self._limiter)
        except BaseException as error:
            for asked in batch:
                if not asked.answer.done():
                    asked.answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for asked, answer in zip(batch, answers, strict=True):
            if asked.answer.done():
                # Who asked has gone away.
                continue
            if answer.error is not None:
                asked.answer.set_exception(answer.error)
            else:
                asked.answer.set_result(answer)


def _searched(gallery: Gallery, options: Options, batch: Sequence[_Asked]) -> list[Searched]:
    """Search, and tell each watcher of its own search what one that was made alone would."""
    watchers = [asked.watcher for asked in batch]
    try:
        with watched(_All([one for one in watchers if one is not None])):
            answers = gallery.search_each(
                [asked.words for asked in batch], space=options.space, limit=options.limit, filter=options.filter,
                fix=options.fix, by=options.by,
            )  # fmt: skip
    except Exception as error:
        for watching in watchers:
            if watching is not None:
                watching.request("search", hits=None, error=type(error).__name__)
        raise
    for watching, answer in zip(watchers, answers, strict=True):
        if watching is not None:
            _tell(watching, answer)
    return answers


def _tell(watching: Watcher, answer: Searched) -> None:
    if answer.error is not None:
        watching.request("search", hits=None, error=type(answer.error).__name__)
        return
    trusted = [hit.confidence for hit in answer.hits if hit.confidence is not None]
    if trusted:
        watching.confidence(max(trusted))
    watching.request("search", hits=len(answer.hits), error="")


class _All:
    """The watchers of several searches: each one waited for the stages of all."""

    def __init__(self, watchers: Sequence[Watcher]) -> None:
        self._watchers = watchers

    def stage(self, name: Stage, seconds: float) -> None:
        for one in self._watchers:
            one.stage(name, seconds)

    def confidence(self, best: float) -> None:
        """Each search is told by itself, afterwards."""

    def request(self, kind: str, *, hits: int | None, error: str) -> None:
        """Each search is told by itself, afterwards."""
