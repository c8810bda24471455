"""The stages of a load composed in two ways: in threads for whole sources, and in a plain loop for one small batch.

Neither knows what a stage does. A stage is a function from a batch to a batch, and this module passes the batches on, joins
small ones and reports what was rejected.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from milvise.core.chunks import chunks
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
    items: Iterable[Item],
    stages: Stages[Item, Read, Embedded, Written],
    *,
    batch_size: int,
    progress: Callable[[], None],
) -> None:
    """Send items through the stages, which run beside each other, each only so far ahead of the next one.

    None waits for another, and memory does not grow with the number of items. What was embedded is written also where
    another stage fails or somebody presses Ctrl-C.

    Parameters
    ----------
    batch_size : int
        Items for each call of `embed`.
    progress : callable
        Called in this thread several times a second, and at the end.
    """
    with read_ahead(items, stages.read, batch_size) as read:
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
    items: Iterable[Item], read: Callable[[Sequence[Item]], Read], batch_size: int
) -> Iterator[Iterator[Read]]:
    """Yield what the first stage makes of each item, in order, read ahead in a pool of threads: a ``with`` block.

    Parameters
    ----------
    batch_size : int
        How many items the next stage takes at once.
    """
    pool = ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="milvise-read")
    try:
        with Prefetched(items, depth=ITEMS_AHEAD, name="changes") as ahead:
            single = ((item,) for item in ahead)
            batches = map_in_order(pool, read, single, window=(_BATCHES_AHEAD + 1) * batch_size)
            yield (batch for _, batch in batches)
    finally:
        pool.shutdown(cancel_futures=True)


def _embedded(
    read: Iterable[Read], stages: Stages[Item, Read, Embedded, Written], batch_size: int
) -> Iterator[Embedded]:
    for batches in chunks((batch for batch in read if len(stages.reported(batch))), batch_size):
        embedded = stages.reported(stages.embed(stages.join_read(batches)))
        if len(embedded):
            yield embedded


def _written(embedded: Iterable[Embedded], stages: Stages[Item, Read, Embedded, Written]) -> Iterator[Written]:
    pending: list[Embedded] = []
    oldest = 0.0
    try:
        for batch in embedded:
            oldest = oldest if pending else time.monotonic()
            pending.append(batch)
            if sum(len(each) for each in pending) >= _WRITE_ROWS or time.monotonic() - oldest > _WRITE_S:
                batches, pending = pending, []
                yield stages.reported(stages.write(stages.join_embedded(batches)))
    finally:
        # Also where another stage failed or somebody pressed Ctrl-C: what was computed is kept.
        if pending:
            stages.reported(stages.write(stages.join_embedded(pending)))
