"""Iterators that run in threads of their own, only so far ahead of who reads them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Full, Queue
from threading import Event, Thread
from types import TracebackType
from typing import Any, Generic, TypeVar, cast

S = TypeVar("S")
T = TypeVar("T")

_POLL_S = 0.1


class Prefetched(Generic[T]):
    """An iterator that is run in a thread, at most `depth` items ahead of who reads it; used in a ``with`` block.

    At the end of the block the thread ends after the item that it is working at, and what it reads is closed. An exception
    in the thread is raised where it is read.

    Parameters
    ----------
    source : iterable
        Iterated, and closed if it is a generator, in the thread.
    """

    def __init__(self, source: Iterable[T], *, depth: int, name: str) -> None:
        self._source = source
        self._queue: Queue[tuple[str, Any]] = Queue(depth)
        self._stop = Event()
        self._thread = Thread(target=self._work, name=f"milvise-{name}", daemon=True)

    def __enter__(self) -> Prefetched[T]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def __iter__(self) -> Iterator[T]:
        return cast(Iterator[T], self.or_every(None))

    def or_every(self, seconds: float | None) -> Iterator[T | None]:
        """Yield the items, and None whenever none has come for so long."""
        while True:
            try:
                kind, value = self._queue.get(timeout=seconds)
            except Empty:
                yield None
                continue
            if kind == "error":
                raise value
            if kind == "end":
                return
            yield value

    def _work(self) -> None:
        last: tuple[str, Any] = ("end", None)
        try:
            for item in self._source:
                if not self._offer(("item", item)):
                    break
        except BaseException as error:
            last = ("error", error)
        finally:
            if isinstance(self._source, Iterator) and hasattr(self._source, "close"):
                self._source.close()
            self._offer(last)

    def _offer(self, item: tuple[str, Any]) -> bool:
        """Put an item into the queue once there is room; return false if nobody reads any more."""
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=_POLL_S)
            except Full:
                continue
            return True
        return False


def map_in_order(
    pool: ThreadPoolExecutor, function: Callable[[S], T], items: Iterable[S | None], *, window: int
) -> Iterator[tuple[S, T] | None]:
    """Yield each item with what the function makes of it, in order, computed in the pool up to `window` items ahead.

    None among the items is passed on in its place: everything before it is yielded before another item is asked for.
    """
    pending: deque[tuple[S, Future[T]]] = deque()

    def first() -> tuple[S, T]:
        item, future = pending.popleft()
        return item, future.result()

    try:
        for item in items:
            if item is not None:
                pending.append((item, pool.submit(function, item)))
            while pending and (item is None or len(pending) >= window):
                yield first()
            if item is None:
                yield None
        while pending:
            yield first()
    finally:
        for _, future in pending:
            future.cancel()
