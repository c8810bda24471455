"""Which shard is tried next: those that wait, those whose worker was lost, and at the end slow ones a second time.

It starts nothing itself. `milvise.ingest.shards.processes` and `milvise.ingest.shards.ray_tasks` ask it and tell it what came of each.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median

ATTEMPTS = 3
"""How many workers one shard may lose: a picture that ends the process would else end all of them."""

SLOW = 3.0
"""A shard that takes so many times the median is tried a second time, once no other waits."""

IN_A_ROW = 5
"""So many shards that failed one after the other have a cause that is not theirs: the rest is not tried."""


@dataclass(slots=True)
class Schedule:
    """The shards of one run.

    Parameters
    ----------
    todo : iterable of int
        Those that are not done.

    Attributes
    ----------
    failed : dict of int to str
        Why shards could not be done.
    finished : int
        How many were done.
    """

    todo: Iterable[int]
    failed: dict[int, str] = field(default_factory=dict)
    finished: int = 0
    _waiting: deque[int] = field(init=False)
    _running: dict[int, list[float]] = field(default_factory=dict)
    _lost: dict[int, int] = field(default_factory=dict)
    _took: list[float] = field(default_factory=list)
    _in_a_row: int = 0

    def __post_init__(self) -> None:
        self._waiting = deque(self.todo)

    @property
    def is_over(self) -> bool:
        """Whether nothing is under way and nothing more is to be started."""
        return not self._running and (not self._waiting or self.gave_up)

    @property
    def gave_up(self) -> bool:
        """Whether so many failed one after the other that the rest is not tried."""
        return self._in_a_row >= IN_A_ROW

    def start(self, now: float) -> int | None:
        """Return a shard to be started now, None if there is none.

        Parameters
        ----------
        now : float
            Seconds of a clock that only goes forward.
        """
        if self.gave_up:
            return None
        number = self._waiting.popleft() if self._waiting else self._straggler(now)
        if number is not None:
            self._running.setdefault(number, []).append(now)
        return number

    def done(self, number: int, now: float) -> bool:
        """Note that a shard is done; return whether it was not before."""
        if number not in self._running:
            return False
        self._took.append(now - self._running.pop(number)[0])
        self.failed.pop(number, None)
        self.finished += 1
        self._in_a_row = 0
        return True

    def lose(self, number: int, reason: str) -> None:
        """Note that the worker that did it went away: the shard is tried again, unless it lost several."""
        self._lost[number] = self._lost.get(number, 0) + 1
        if self._ended(number):
            return
        if self._lost[number] >= ATTEMPTS:
            self._fail(number, f"{reason}, {ATTEMPTS} times")
        else:
            self._waiting.append(number)

    def fail(self, number: int, reason: str) -> None:
        """Note that a shard cannot be done."""
        if not self._ended(number):
            self._fail(number, reason)

    def _ended(self, number: int) -> bool:
        """Take one attempt away; return whether another one goes on, or the shard is done already."""
        if number not in self._running:
            return True
        self._running[number].pop()
        if self._running[number]:
            return True
        del self._running[number]
        return False

    def _fail(self, number: int, reason: str) -> None:
        self.failed[number] = reason
        self._in_a_row += 1

    def _straggler(self, now: float) -> int | None:
        """Return the slowest shard, if it is slow and tried once only."""
        single = {number: starts[0] for number, starts in self._running.items() if len(starts) == 1}
        if not single or not self._took:
            return None
        number = min(single, key=single.__getitem__)
        return number if now - single[number] > SLOW * median(self._took) else None
