"""How long a search takes, and how many of them a Milvus answers in a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

import numpy as np

CLIENTS = 8
WARM_UP = 3


@dataclass(frozen=True, slots=True)
class Speed:
    """Times of single searches.

    Attributes
    ----------
    p50_ms, p95_ms, p99_ms : float
        Percentiles of one client's searches, one after another.
    qps_1, qps_8 : float
        Searches per second of one client and of eight at once (threads of one process); None where that was not tried.
    searches : int
        How many the percentiles are of: of fewer than a hundred, the 99th is the slowest.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float
    qps_1: float
    qps_8: float | None
    searches: int

    def to_json(self) -> dict[str, Any]:
        """Return the times as plain values."""
        return {name: None if value is None else round(value, 3) for name, value in asdict(self).items()}


def time_searches(search: Callable[[int], object], *, most: int, seconds: float, together: bool = True) -> Speed:
    """Time a search that is given a running number: `most` times, or for so many seconds, by one client and by eight.

    Parameters
    ----------
    together : bool
        Whether eight clients are tried.
    """
    for number in range(WARM_UP):
        search(number)
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < most and time.perf_counter() - started < seconds:
        before = time.perf_counter()
        search(len(times))
        times.append(time.perf_counter() - before)
    alone = len(times) / (time.perf_counter() - started)
    p50, p95, p99 = (float(value) for value in 1000 * np.percentile(times, [50, 95, 99]))
    return Speed(p50, p95, p99, alone, _together(search, most, seconds) if together else None, len(times))


def _together(search: Callable[[int], object], most: int, seconds: float) -> float:
    numbers = count()
    started = time.perf_counter()

    def client() -> int:
        done = 0
        while (number := next(numbers)) < most and time.perf_counter() - started < seconds:
            search(number)
            done += 1
        return done

    with ThreadPoolExecutor(CLIENTS) as pool:
        done = sum(future.result() for future in [pool.submit(client) for _ in range(CLIENTS)])
    return done / (time.perf_counter() - started)
