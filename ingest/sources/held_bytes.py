"""Bytes of pictures that came along while a source was read, kept until the picture is loaded: within one bound for the process."""

from __future__ import annotations

import weakref
from collections import deque
from threading import Lock

MOST_HELD = 64 * 2**20
"""Of all pictures together; the bytes of further ones are read again when they are needed."""


class HeldBytes:
    """The bytes of one picture; the room that they take is free again when nobody holds this object.

    Attributes
    ----------
    data : bytes
    """

    __slots__ = ("__weakref__", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data


class _Room:
    """How much is taken. What is given back is only noted: that happens wherever an object goes away, where no lock may be waited for."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = 0
        self._given_back: deque[int] = deque()

    @property
    def taken(self) -> int:
        with self._lock:
            return self._now()

    def take(self, size: int) -> bool:
        with self._lock:
            if self._now() + size > MOST_HELD:
                return False
            self._taken += size
            return True

    def give_back(self, size: int) -> None:
        self._given_back.append(size)

    def _now(self) -> int:
        while self._given_back:
            self._taken -= self._given_back.popleft()
        return self._taken


ROOM = _Room()


def held(data: bytes) -> HeldBytes | None:
    """Return the bytes as an object that holds them, None where there is no room for them."""
    if not ROOM.take(len(data)):
        return None
    holder = HeldBytes(data)
    weakref.finalize(holder, ROOM.give_back, len(data)).atexit = False
    return holder
