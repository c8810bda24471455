"""What a follower tells while it goes on: counts, and how long it took from an event until the gallery had it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import Lock

from milvise.ingest.follow.event import PictureEvent
from milvise.ingest.follow.stream import Delivery
from milvise.ingest.summary import Counts, Tally

_RECENT = 200
_BACKLOG_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Followed:
    """How far a follower is.

    Attributes
    ----------
    received : int
        Events that came, those that came again included.
    settled : int
        Events that are acknowledged: the gallery has what they say.
    rejected : int
        Dead letters.
    absent : int
        Events about pictures that are not there, though nothing said that they were deleted. They are settled.
    tried_again : int
        Looks that were made again because a picture could not be read, or was not there.
    held : int
        How often a picture that is gone was kept, because too many would have gone at once.
    under_way : int
        Events that were received and are not settled.
    backlog : int, optional
        Events that wait in the stream; None where it cannot tell.
    fresh_s : float, optional
        Seconds from an event's time until it was settled: the median of the last 200 that give a time.
    took_s : tuple of float
        The same of each event that was settled since this was told the last time.
    counts : Counts
        What became of the pictures.
    """

    received: int = 0
    settled: int = 0
    rejected: int = 0
    absent: int = 0
    tried_again: int = 0
    held: int = 0
    under_way: int = 0
    backlog: int | None = None
    fresh_s: float | None = None
    took_s: tuple[float, ...] = ()
    counts: Counts = field(default_factory=Counts)


class FollowWatch:
    """Counts, and tells. Threads share it.

    Parameters
    ----------
    tell : callable
        Given what was counted, several times a second.
    """

    def __init__(self, tell: Callable[[Followed], None] = lambda now: None) -> None:
        self.tally = Tally()
        self._tell = tell
        self._lock = Lock()
        self._now = Followed()
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._took: list[float] = []
        self._asked_at = 0.0

    @property
    def now(self) -> Followed:
        """What was counted."""
        with self._lock:
            recent = sorted(self._recent)
            fresh = recent[len(recent) // 2] if recent else None
            return replace(self._now, counts=self.tally.counts, fresh_s=fresh)

    def received(self, events: int) -> None:
        """Count events that came."""
        self._add(received=events)

    def settled(self, deliveries: Sequence[Delivery]) -> None:
        """Count events that are done."""
        now = time.time()
        events = [one.event for one in deliveries if isinstance(one.event, PictureEvent)]
        took = [now - event.time for event in events if event.time]
        with self._lock:
            self._recent.extend(took)
            self._took += took
        self._add(settled=len(deliveries))

    def rejected(self, events: int) -> None:
        """Count dead letters."""
        self._add(rejected=events)

    def absent(self, events: int) -> None:
        """Count events about pictures that are not there."""
        self._add(absent=events)

    def tried_again(self) -> None:
        """Count a look that will be made again."""
        self._add(tried_again=1)

    def held(self, pictures: int) -> None:
        """Count pictures that are gone and are not deleted for now."""
        self._add(held=pictures)

    def tell(self, under_way: int, backlog: Callable[[], int | None]) -> None:
        """Tell what was counted; the stream is asked how much waits every other second."""
        waiting = self._now.backlog
        if time.monotonic() - self._asked_at > _BACKLOG_EVERY_S:
            waiting, self._asked_at = backlog(), time.monotonic()
        with self._lock:
            self._now = replace(self._now, under_way=under_way, backlog=waiting)
            took, self._took = tuple(self._took), []
        self._tell(replace(self.now, took_s=took))

    def _add(self, **counts: int) -> None:
        with self._lock:
            self._now = replace(self._now, **{name: getattr(self._now, name) + more for name, more in counts.items()})
