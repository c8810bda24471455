"""The stages of a load composed in two ways: in threads for whole sources, and in a plain loop for one small batch.

Neither knows what a stage does. A stage is a function from a batch to a batch, and this module passes the batches on, joins
small ones and reports what was rejected. None among items, or among batches, is the mark that nothing more comes for now: what was
taken before it goes through all stages without waiting for company.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from milvise.core.blas import one_blas_thread
from milvise.ingest.prefetch import Prefetched, map_in_order

ITEMS_AHEAD = 512
_BATCHES_AHEAD = 2
_PROGRESS_S = 0.2
_WRITE_ROWS = 128
_WRITE_S = 2.0
"""Milvus takes many rows at once faster than few; they wait for each other no longer than this."""


class Batch(Protocol):
    """What goes from stage to stage."""

    def __len__(self) -> int: ...


Item = TypeVar("Item")
Read = TypeVar("Read", bound=Batch)
Embedded = TypeVar("Embedded", bound=Batch)
Written = TypeVar("Written", bound=Batch)
Made = TypeVar("Made", bound=Batch)


@dataclass(frozen=True, slots=True)
class Stages(Generic[Item, Read, Embedded, Written]):
    """What becomes of a batch.

    Attributes
    ----------
    read, embed, write : callable
        From a batch to a batch. `read` is called in several threads at a time, the others in one each.
    join_read, join_embedded : callable
        From several batches to one.
    report : callable
        Given each batch that a stage made, before the next stage: it reports what was rejected, and counts.
    """

    read: Callable[[Sequence[Item]], Read]
    embed: Callable[[Read], Embedded]
    write: Callable[[Embedded], Written]
    join_read: Callable[[Sequence[Read]], Read]
    join_embedded: Callable[[Sequence[Embedded]], Embedded]
    report: Callable[[Read | Embedded | Written], None]

    def reported(self, batch: Made) -> Made:
        """Report a batch and return it."""
        self.report(batch)  # type: ignore[arg-type]  # one of the three
        return batch


def run_one_batch(items: Sequence[Item], stages: Stages[Item, Read, Embedded, Written]) -> Written | None:
    """Send items through the stages, one stage after the other, in this thread.

    Returns
    -------
    batch, optional
        What was written, None if nothing was left to write.
    """
    read = stages.reported(stages.read(items))
    embedded = stages.reported(stages.embed(read)) if len(read) else None
    return stages.reported(stages.write(embedded)) if embedded is not None and len(embedded) else None


def run_in_threads(
    items: Iterable[Item | None],
    stages: Stages[Item, Read, Embedded, Written],
    *,
    batch_size: int,
    progress: Callable[[], None],
    readers: int | None = None,
) -> None:
    """Send items through the stages, which run beside each other, each only so far ahead of the next one.

    None waits for another, and memory does not grow with the number of items. What was embedded is written also where
    another stage fails or somebody presses Ctrl-C.

    Parameters
    ----------
    items : iterable
        None among them says that nothing more comes for now.
    batch_size : int
        Items for each call of `embed`.
    progress : callable
        Called in this thread several times a second, and at the end.
    readers : int, optional
        Threads that read; by default as many as there are processors.
    """
    # The other stages keep the processors busy while one multiplies matrices.
    with one_blas_thread(), read_ahead(items, stages.read, batch_size, readers=readers) as read:
        embedded = _embedded(read, stages, batch_size)
        with (
            Prefetched(embedded, depth=_BATCHES_AHEAD, name="embed") as done,
            Prefetched(_written(done, stages), depth=1, name="write") as written,
        ):
            for _ in written.or_every(_PROGRESS_S):
                progress()
    progress()


@contextmanager
def read_ahead(
    items: Iterable[Item | None],
    read: Callable[[Sequence[Item]], Read],
    batch_size: int,
    *,
    readers: int | None = None,
) -> Iterator[Iterator[Read | None]]:
    """Yield what the first stage makes of each item, in order, read ahead in a pool of threads: a ``with`` block.

    Parameters
    ----------
    batch_size : int
        How many items the next stage takes at once.
    readers : int, optional
        Threads that read; by default as many as there are processors.
    """
    pool = ThreadPoolExecutor(readers or max(2, os.cpu_count() or 2), thread_name_prefix="milvise-read")
    try:
        with Prefetched(items, depth=ITEMS_AHEAD, name="changes") as ahead:
            single = (None if item is None else (item,) for item in ahead)
            done = map_in_order(pool, read, single, window=(_BATCHES_AHEAD + 1) * batch_size)
            yield (None if each is None else each[1] for each in done)
    finally:
        pool.shutdown(cancel_futures=True)


def _embedded(
    read: Iterable[Read | None], stages: Stages[Item, Read, Embedded, Written], batch_size: int
) -> Iterator[Embedded | None]:
    for batches in _groups(_reported(read, stages), batch_size):
        if batches is None:
            yield None
            continue
        embedded = stages.reported(stages.embed(stages.join_read(batches)))
        if len(embedded):
            yield embedded


def _reported(read: Iterable[Read | None], stages: Stages[Item, Read, Embedded, Written]) -> Iterator[Read | None]:
    """Report batches, and yield those that hold something."""
    for batch in read:
        if batch is None or len(stages.reported(batch)):
            yield batch


def _groups(batches: Iterable[Made | None], size: int) -> Iterator[list[Made] | None]:
    """Yield so many batches at once, and those before a None with the None behind them."""
    group: list[Made] = []
    for batch in batches:
        if batch is not None:
            group.append(batch)
        if group and (batch is None or len(group) == size):
            yield group
            group = []
        if batch is None:
            yield None
    if group:
        yield group


def _written(embedded: Iterable[Embedded | None], stages: Stages[Item, Read, Embedded, Written]) -> Iterator[Written]:
    pending: list[Embedded] = []
    oldest = 0.0
    try:
        for batch in embedded:
            if batch is not None:
                oldest = oldest if pending else time.monotonic()
                pending.append(batch)
            if pending and (batch is None or _is_time(sum(len(each) for each in pending), oldest)):
                batches, pending = pending, []
                yield stages.reported(stages.write(stages.join_embedded(batches)))
    finally:
        # Also where another stage failed or somebody pressed Ctrl-C: what was computed is kept.
        if pending:
            stages.reported(stages.write(stages.join_embedded(pending)))


def _is_time(rows: int, oldest: float) -> bool:
    return rows >= _WRITE_ROWS or time.monotonic() - oldest > _WRITE_S
