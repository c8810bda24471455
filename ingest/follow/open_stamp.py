"""The gallery's load stamp for who writes now and then: taken away before a write, and left again after a while without one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sized
from threading import Lock

from milvise.ingest.changes.load_stamp import LoadStamp

QUIET_S = 30.0
"""While the stamp is away, clients ask Milvus for what they keep in memory at other times; each new stamp has them read it again."""


class OpenStamp:
    """A `LoadStamp` that is taken and left many times. Threads share it.

    Parameters
    ----------
    opened : callable
        Returns the gallery's stamp as it stands.
    count : callable
        Returns the number of pictures.
    """

    def __init__(self, opened: Callable[[], LoadStamp], count: Callable[[], int]) -> None:
        self._opened = opened
        self._count = count
        self._stamp: LoadStamp | None = None
        self._written_at = 0.0
        self._lock = Lock()

    def take(self) -> None:
        """Take the stamp away; called before every write."""
        with self._lock:
            if self._stamp is None:
                self._stamp = self._opened()
                self._stamp.take()
            self._written_at = time.monotonic()

    def settle(self, under_way: Sized) -> None:
        """Leave a stamp if nothing is under way and nothing was written for `QUIET_S`."""
        with self._lock:
            if self._stamp is not None and not len(under_way) and time.monotonic() - self._written_at > QUIET_S:
                self._leave(self._stamp)

    def close(self) -> None:
        """Leave a stamp at the end."""
        with self._lock:
            if self._stamp is not None:
                self._leave(self._stamp)

    def _leave(self, stamp: LoadStamp) -> None:
        stamp.leave(self._count())
        self._stamp = None
