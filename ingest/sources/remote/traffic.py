"""How much a process asks of stores at a time: a bounded number of connections, a rate, and tries that wait longer and longer."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from milvise.core import config
from milvise.ingest.sources.remote.failures import RemoteError, is_passing, reason_of, status_of, wait_of

T = TypeVar("T")

PAUSES_S = (0.2, 0.6, 2.0, 5.0, 10.0)
"""Between the tries of one request; each is shortened at random by up to a half, so that many requests do not come back together."""


class Traffic:
    """The requests of this process.

    Parameters
    ----------
    connections : int
        Requests at a time.
    per_second : float, optional
        Requests that begin within a second, tries included; by default as many as there are.

    Attributes
    ----------
    requests, retries : int
        How many were begun, and how many of them because another one had failed.
    """

    def __init__(self, connections: int, per_second: float | None = None) -> None:
        self.connections = connections
        self.requests = self.retries = 0
        self._open = threading.BoundedSemaphore(connections)
        self._lock = threading.Lock()
        self._per_second = per_second
        self._next = 0.0

    @contextmanager
    def at_most(self, per_second: float | None) -> Iterator[None]:
        """Begin at most so many requests within a second, in a ``with`` block; None leaves it as it was."""
        before = self._per_second
        self._per_second = before if per_second is None else per_second
        try:
            yield
        finally:
            self._per_second = before

    def request(self, call: Callable[[], T], what: str) -> T:
        """Return the result of `call`, tried again while it fails with a passing error.

        Parameters
        ----------
        what : str
            What is asked for, for the error: a URL.

        Raises
        ------
        RemoteError
            If it failed for good, or with a passing error each time.
        """
        for pause in (*PAUSES_S, None):
            try:
                # Not while it pauses: others may use the connection meanwhile.
                with self._open:
                    self._take_turn()
                    return call()
            except Exception as error:  # each store's library raises errors of its own
                passing = is_passing(error)
                if not passing or pause is None:
                    tries = f"; it was tried {len(PAUSES_S) + 1} times" if passing else ""
                    raise RemoteError(
                        f"{what}: {reason_of(error)}{tries}", status=status_of(error), passing=passing
                    ) from error
                asked = wait_of(error)
                with self._lock:
                    self.retries += 1
            time.sleep(asked if asked is not None else pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
        raise AssertionError("the last try returns or raises")

    def _take_turn(self) -> None:
        with self._lock:
            self.requests += 1
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + (1 / self._per_second if self._per_second else 0.0)
        if turn > now:
            time.sleep(turn - now)


TRAFFIC = Traffic(config.connections(), config.requests_per_second())
"""Of this process."""
