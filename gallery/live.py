"""Live collections, which may be replaced while they are read."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Protocol, TypeVar

from milvise.adapter import Collection, Store
from milvise.adapter.store import LEASE_S
from milvise.errors import NotFoundError, ReplacedError

T = TypeVar("T")

REFRESH_S = 30.0
"""How long a client may go on searching a collection without reading its manifest again, in which parameters are tuned."""


PAUSES_S = (0.0, 0.02, 0.08, 0.3, 0.9)
"""Before a request is made again. The aliases of a gallery move within some milliseconds."""


class Live:
    """The collection behind an alias, found once and kept for a moment, or until it is forgotten.

    It is kept for less time than `Store.publish` waits before it drops what it replaced: a server answers searches in a
    collection that is being dropped with nothing, and without an error.

    Parameters
    ----------
    missing : str or callable
        What to say when there is none, or what makes the error that says it.
    """

    def __init__(self, store: Store, alias: str, *, missing: str | Callable[[], NotFoundError]) -> None:
        self._store = store
        self.alias = alias
        self._missing = missing
        self._collection: Collection | None = None
        self._found_at = self._read_at = 0.0
        self._lock = Lock()

    @property
    def collection(self) -> Collection:
        """The live collection.

        Raises
        ------
        NotFoundError
            If there is none.
        """
        # One thread asks Milvus; those that come meanwhile wait for its answer.
        with self._lock:
            now = time.monotonic()
            if self._collection is not None and now - self._found_at < LEASE_S:
                return self._collection
            known = self._collection if now - self._read_at < REFRESH_S else None
            found = self._store.live(self.alias, known=known)
            if found is not None:
                if found is not known:
                    self._read_at = now
                self._collection, self._found_at = found, now
                return found
        raise NotFoundError(self._missing) if isinstance(self._missing, str) else self._missing()

    def forget(self) -> None:
        """Ask Milvus again next time."""
        with self._lock:
            self._collection = None


class Forgets(Protocol):
    """Something that was found in Milvus and kept."""

    def forget(self) -> None:
        """Ask Milvus again next time."""


def answered(request: Callable[[], T], *lives: Forgets) -> T:
    """Return what a request answers; asked again as a whole while a collection that it reads is being replaced or dropped.

    Every other error is raised at once. A request takes its collections from `lives` once, at its start, and checks that they belong together: each
    try sees either the old collections or the new ones, never a vector of the old among the new.

    Raises
    ------
    ReplacedError
        If the last try found a collection replaced, too, more than a second after the first.
    """
    for pause in PAUSES_S:
        try:
            return request()
        except ReplacedError:
            time.sleep(pause)
            for live in lives:
                live.forget()
    return request()
