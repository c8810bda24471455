"""From deliveries to pictures that are to be looked at, each by one look at a time, and again where that did not settle it."""

from __future__ import annotations

import heapq
import itertools
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock

from milvise.ingest.follow.event import DELETED, PictureEvent
from milvise.ingest.follow.root import Looked, Seen
from milvise.ingest.follow.stream import Delivery

TRIES = 3
"""Of a picture that cannot be read, or is not there though an event says so. It may be half-written, or on its way."""

PAUSE_S = 1.0
"""Before the second try; twice as long before each further one."""


@dataclass(slots=True)
class Look:
    """One picture that is looked at, for one or several deliveries.

    Attributes
    ----------
    file : Looked
    deliveries : list of Delivery
        What is acknowledged once the picture is settled.
    tries : int
        Looks so far that found it unreadable or absent, as it is now.
    seen : tuple, optional
        What the file looked like before it was read; None where there was none.
    """

    file: Looked
    deliveries: list[Delivery]
    tries: int = 0
    seen: Seen | None = None

    @property
    def uri(self) -> str:
        """The picture."""
        return self.file.uri

    @property
    def newest(self) -> PictureEvent:
        """The event that happened last; of several at the same time, the one that was delivered last."""
        events = [one.event for one in self.deliveries if isinstance(one.event, PictureEvent)]
        return max(reversed(events), key=lambda event: event.time)

    @property
    def is_deleted(self) -> bool:
        """Whether the event that happened last says that the picture is gone."""
        return self.newest.kind == DELETED

    @property
    def said(self) -> tuple[str, dict[str, object]] | None:
        """The newest label and metadata that an event gives, None where none does."""
        events = [one.event for one in self.deliveries if isinstance(one.event, PictureEvent) and one.event.said]
        return max(reversed(events), key=lambda event: event.time).said if events else None


class Looks:
    """All looks of one follower. Threads share it.

    A picture has one look at a time: what is delivered about it meanwhile waits until that one is settled.

    Attributes
    ----------
    inbox : deque of Delivery
        What was received and is no look yet.
    suspects : list of Delivery
        What followers ended at, which is looked at when nothing else is.
    """

    def __init__(self) -> None:
        self.inbox: deque[Delivery] = deque()
        self.suspects: list[Delivery] = []
        self._lock = Lock()
        self._under_way: dict[str, Look] = {}
        self._waiting: dict[str, Look] = {}
        self._due: list[tuple[float, int, Look]] = []
        self._count = itertools.count()

    def __len__(self) -> int:
        """How many pictures are under way or wait."""
        with self._lock:
            return len(self._under_way) + len(self._waiting)

    @property
    def deliveries(self) -> int:
        """How many deliveries are not answered yet."""
        with self._lock:
            looks = itertools.chain(self._under_way.values(), self._waiting.values())
            return sum(len(look.deliveries) for look in looks)

    def add(self, asked: Iterable[tuple[Looked, Delivery]]) -> list[Look]:
        """Return the looks that can be made now for these deliveries."""
        found: dict[str, Look] = {}
        with self._lock:
            for file, delivery in asked:
                busy = file.uri in self._under_way and file.uri not in found
                looks = self._waiting if busy else found
                if file.uri in looks:
                    looks[file.uri].deliveries.append(delivery)
                else:
                    looks[file.uri] = Look(file, [delivery])
                    if not busy:
                        self._under_way[file.uri] = found[file.uri]
        return list(found.values())

    def due(self) -> list[Look]:
        """Return the looks that are to be made again now."""
        found = []
        with self._lock:
            while self._due and self._due[0][0] <= time.monotonic():
                found.append(heapq.heappop(self._due)[2])
        return found

    def under_way(self, uri: str) -> Look:
        """Return the look at a picture."""
        with self._lock:
            return self._under_way[uri]

    def again(self, look: Look, after_s: float = 0.0) -> None:
        """Have a picture looked at again, with what was delivered about it meanwhile."""
        with self._lock:
            if (more := self._waiting.pop(look.uri, None)) is not None:
                look.deliveries += more.deliveries
            self._put(look, after_s)

    def settle(self, look: Look) -> list[Delivery]:
        """Return the deliveries that are done with a look; what was delivered meanwhile is looked at now."""
        with self._lock:
            del self._under_way[look.uri]
            if (more := self._waiting.pop(look.uri, None)) is not None:
                self._under_way[more.uri] = more
                self._put(more, 0.0)
        return look.deliveries

    def all_again(self) -> None:
        """Have all pictures that are under way looked at again: what was made of them is not known."""
        with self._lock:
            self._due.clear()
            for look in self._under_way.values():
                self._put(look, 0.0)

    def _put(self, look: Look, after_s: float) -> None:
        heapq.heappush(self._due, (time.monotonic() + after_s, next(self._count), look))
