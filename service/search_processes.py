"""Searches by words in other processes: Python does one thing at a time in each, and a service has more to do.

The process with the open port goes on to hold all limits, keys and metrics. It sends expressions to the others, each of which has a
connection to Milvus of its own, and gets back what they found. Milvus Lite, which one process alone can open, is searched in threads.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import wait

from milvise.operations.database import Database, connect
from milvise.operations.gallery import Gallery
from milvise.service.search_batch import Batch, Options, SearchThreads, search_batch
from milvise.service.watching.logs import log_as_json

RESTART_S = 10.0
"""Processes that were lost are not started again more often."""

MOST_GALLERIES = 64
"""So many are kept in each process."""


@dataclass(frozen=True, slots=True)
class Opening:
    """How each process begins.

    Attributes
    ----------
    uri, token : str, optional
        Milvus, as `milvise.connect` takes it.
    quiet, verbose : bool
        What it logs, see `milvise.service.watching.logs.log_as_json`.
    """

    uri: str | None
    token: str | None
    quiet: bool = False
    verbose: bool = False


class SearchProcesses:
    """Makes batches of searches in processes. Until these run, and where one was lost, they are made in threads.

    Parameters
    ----------
    opening : Opening
    count : int
        How many processes.
    """

    def __init__(self, opening: Opening, count: int) -> None:
        self._opening = opening
        self._count = count
        self._threads = SearchThreads()
        self._started = 0.0
        self.at_once = max(2, count)
        self._start()

    async def search(self, gallery: Gallery, options: Options, expressions: Sequence[str]) -> Batch:
        """Return what each expression finds."""
        if not all(one.done() for one in self._beginning):
            return await self._threads.search(gallery, options, expressions)
        try:
            return await asyncio.wrap_future(self._pool.submit(_search, gallery.name, options, list(expressions)))
        except BrokenProcessPool:
            if time.monotonic() - self._started > RESTART_S:
                self._pool.shutdown(wait=False)
                self._start()
            return await self._threads.search(gallery, options, expressions)

    def close(self) -> None:
        """Have the processes end after what they are at, and wait for it."""
        self._pool.shutdown(cancel_futures=True)

    def _start(self) -> None:
        self._started = time.monotonic()
        self._pool = ProcessPoolExecutor(
            self._count, multiprocessing.get_context("spawn"), initializer=_begin, initargs=(self._opening,)
        )
        self._beginning: list[Future[None]] = [self._pool.submit(_ready) for _ in range(self._count)]


_opening = Opening(None, None)


def _begin(opening: Opening) -> None:
    global _opening
    _opening = opening
    # Ctrl-C reaches all processes of a terminal; the one with the port ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    log_as_json(quiet=opening.quiet, verbose=opening.verbose)


def _end_with_parent() -> None:
    """End this process when the one with the port has gone, in whatever way."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(0)


def _ready() -> None:
    """Say that this process runs."""


def _search(gallery: str, options: Options, expressions: list[str]) -> Batch:
    try:
        asked = _gallery(gallery)
    except Exception as error:  # whoever asked is told
        return Batch([], {}, error)
    return search_batch(asked, options, expressions)


@lru_cache(maxsize=1)
def _database() -> Database:
    return connect(_opening.uri, token=_opening.token)


@lru_cache(maxsize=MOST_GALLERIES)
def _gallery(name: str) -> Gallery:
    return _database().gallery(name)
