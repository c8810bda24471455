"""Two calls to Milvus that do not wait for each other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import TypeVar

from milvise.core.stages import carried, waiting

One = TypeVar("One")
Other = TypeVar("Other")

_THREADS = 16
"""More requests at the same time wait for a thread, but never for each other."""


_lock = Lock()


def at_once(one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
    """Return what two functions return, the first of which runs in another thread; an error of the second is raised without waiting."""
    with _lock:
        task = _threads().submit(carried(one))
    answer = other()
    with waiting():
        return task.result(), answer


def close_threads() -> None:
    """End the threads after what they were asked for; the next call starts others."""
    with _lock:
        threads = _threads()
        _threads.cache_clear()
    threads.shutdown()


@cache
def _threads() -> ThreadPoolExecutor:
    """Return threads that stay: to start one takes longer than a call to Milvus saves."""
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="milvise-query")
