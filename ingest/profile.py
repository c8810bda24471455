"""How busy each stage of a load is: its calls are timed, in memory that does not grow with the run.

    look    finds what is new or changed in the sources
    read    reads and decodes pictures, in several threads
    embed   computes their vectors
    write   writes rows

A stage that is busy nearly all the time is what the others wait for. `milvise.operations.profile_page` draws it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Lock, get_ident
from typing import Any, TypeVar

import numpy as np

from milvise.core.arrays import Floats
from milvise.ingest.picture_stages import PictureStages

T = TypeVar("T")

STAGES = ("look", "read", "embed", "write")
SLOTS = 240
_FIRST_SLOT_S = 0.05


@dataclass(frozen=True, slots=True)
class StageTime:
    """How a stage spent a run.

    Attributes
    ----------
    stage : str
        One of `STAGES`.
    threads : int
        How many worked at it.
    pictures : int
        How many it gave on.
    busy_s, waiting_s : float
        Of all its threads together.
    over_time : ndarray of shape (SLOTS,) or fewer
        The part of each of so many equal times in which its threads were busy.
    """

    stage: str
    threads: int
    pictures: int
    busy_s: float
    waiting_s: float
    over_time: Floats

    @property
    def share(self) -> float:
        """The part of the time in which it was busy."""
        whole = self.busy_s + self.waiting_s
        return self.busy_s / whole if whole else 0.0


class Profile:
    """Takes the time of each call; threads share it."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._lock = Lock()
        self._clocks = {stage: _Clock() for stage in STAGES}

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.perf_counter() - self._began

    def looked(self, items: Iterable[T]) -> Iterator[T]:
        """Yield items, and take the time that each of them took to come."""
        found = iter(items)
        try:
            while True:
                with self._timing("look") as gave:
                    try:
                        item = next(found)
                    except StopIteration:
                        return
                    gave(0 if item is None else 1)
                yield item
        finally:
            if isinstance(found, Iterator) and hasattr(found, "close"):
                found.close()

    def timed(self, stages: PictureStages) -> PictureStages:
        """Return stages whose calls are timed."""
        return replace(
            stages,
            read=self._timed("read", stages.read),
            embed=self._timed("embed", stages.embed),
            write=self._timed("write", stages.write),
        )

    def times(self, seconds: float) -> tuple[StageTime, ...]:
        """Return how each stage spent so many seconds since the profile began."""
        with self._lock:
            return tuple(clock.time(stage, seconds) for stage, clock in self._clocks.items())

    def _timed(self, stage: str, work: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def call(batch: Any) -> Any:
            with self._timing(stage) as gave:
                made = work(batch)
                gave(len(made))
            return made

        return call

    @contextmanager
    def _timing(self, stage: str) -> Iterator[Callable[[int], None]]:
        """Take the time of a block, which says how many pictures it gave on."""
        pictures = [0]
        started = self.seconds
        try:
            yield lambda count: pictures.__setitem__(0, count)
        finally:
            ended = self.seconds
            with self._lock:
                self._clocks[stage].add(started, ended, pictures[0])


class _Clock:
    """The busy time of one stage, in slots that get twice as long whenever the run is longer than all of them."""

    def __init__(self) -> None:
        self._slot_s = _FIRST_SLOT_S
        self._slots = np.zeros(SLOTS)
        self._threads: set[int] = set()
        self._pictures = 0

    def add(self, started: float, ended: float, pictures: int) -> None:
        self._threads.add(get_ident())
        self._pictures += pictures
        while ended > SLOTS * self._slot_s:
            merged = self._slots.reshape(-1, 2).sum(axis=1)
            self._slots = np.concatenate([merged, np.zeros(SLOTS - len(merged))])
            self._slot_s *= 2
        first, last = int(started / self._slot_s), min(SLOTS - 1, int(ended / self._slot_s))
        for slot in range(first, last + 1):
            begin, end = slot * self._slot_s, (slot + 1) * self._slot_s
            self._slots[slot] += max(0.0, min(ended, end) - max(started, begin))

    def time(self, stage: str, seconds: float) -> StageTime:
        threads, busy = len(self._threads), float(self._slots.sum())
        count = min(SLOTS, max(1, round(seconds / self._slot_s)))
        over_time = self._slots[:count] / (self._slot_s * max(1, threads))
        return StageTime(
            stage, threads, self._pictures, busy, max(0.0, threads * seconds - busy), over_time.astype(np.float32)
        )
