"""Two calls to Milvus that do not wait for each other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

One = TypeVar("One")
Other = TypeVar("Other")


def at_once(one: Callable[[], One], other: Callable[[], Other]) -> tuple[One, Other]:
    """Return what two functions return, the first of which runs in another thread; an error of either is raised when both have ended."""
    with ThreadPoolExecutor(1, thread_name_prefix="milvise-query") as threads:
        waiting = threads.submit(one)
        answer = other()
        return waiting.result(), answer
