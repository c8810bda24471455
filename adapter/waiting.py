"""Waiting for what Milvus does by itself: as long as it takes, but not for something that stands still."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from threading import Event, Thread
from types import TracebackType
from typing import TypeVar

from milvise.adapter.retry import logger
from milvise.errors import StoreError

T = TypeVar("T")

STILL_S = 1_800.0
"""For so long a state may stay the same. An index over many millions of rows is built in large pieces."""

SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0


def wait_for(
    state: Callable[[], Hashable],
    done: Hashable,
    *,
    what: str,
    still_s: float = STILL_S,
    remark_s: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Ask for a state until it is `done`. Each question has an end of its own.

    Parameters
    ----------
    state : callable
        Asks Milvus once; what it returns changes while there is progress.
    what : str
        What is waited for, for the message.
    remark_s : float, optional
        After so many seconds it is logged that somebody waits: for waits that nobody expects.

    Raises
    ------
    StoreError
        If the state stayed the same for `still_s`.
    """
    started = clock()
    last, changed = state(), clock()
    while last != done:
        sleep(min(SHORTEST_PAUSE_S + (clock() - started) / 20, LONGEST_PAUSE_S))
        now = state()
        if remark_s is not None and clock() - started >= remark_s:
            logger.warning("%s takes long; waiting for as long as it goes on", what)
            remark_s = None
        if now != last:
            last, changed = now, clock()
        elif clock() - changed > still_s:
            raise StoreError(
                f"{what} has stood still for {still_s:.0f} s, at {last}. Look at the server's logs; when it works again,"
                " run the same command again."
            )


class Beside:
    """Work in a thread beside a ``with`` block. A block that fails does not wait for it: the work is told to end."""

    def __init__(self, work: Callable[[Event], None]) -> None:
        self._work = work
        self._stopped = Event()
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            self._work(self._stopped)
        except BaseException as error:
            self._error = error

    def wait(self) -> None:
        """Wait for the end of the work, and raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Beside:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stopped.set()
