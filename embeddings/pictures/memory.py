"""Memory that decoding pictures takes at a time, however many threads decode."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Condition
from typing import Any

MOST_MEMORY = 800 * 2**20
"""Bytes that decoding takes at a time, however many threads decode."""

MOST_CONTENT = 96 * 2**20
"""Bytes of files that are held in memory at a time."""

TRIMMED = 4_000_000
"""What pictures of more pixels took is given back to the system at once."""


class Budget:
    """Memory that threads take and give back; who asks first gets first, so that large pictures are not passed over for ever."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._free = most
        self._waiting: deque[object] = deque()
        self._changed = Condition()

    @contextmanager
    def taken(self, amount: int) -> Iterator[None]:
        """Wait until so many bytes are free, at most `most`, and take them for the block."""
        amount = min(amount, self.most)
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            try:
                self._changed.wait_for(lambda: self._waiting[0] is ticket and self._free >= amount)
                self._free -= amount
            finally:
                self._waiting.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()


DECODING = Budget(MOST_MEMORY)
CONTENTS = Budget(MOST_CONTENT)
"""Whoever takes from both takes from this one first, so that none waits for another in a circle."""


def trim() -> None:
    """Give memory that was freed back to the system, which glibc keeps for the thread that had it."""
    libc = _libc()
    if libc is not None:
        libc.malloc_trim(0)


@cache
def _libc() -> Any:
    try:
        libc = ctypes.CDLL(None)
        return libc if hasattr(libc, "malloc_trim") else None
    except (OSError, TypeError):
        return None
