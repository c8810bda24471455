"""Stages that run beside each other: in order, not too far ahead, and ended together."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from milvise.ingest.prefetch import Prefetched, map_in_order


def test_items_come_in_order_through_several_stages() -> None:
    with (
        Prefetched(range(1_000), depth=3, name="a") as first,
        Prefetched((2 * n for n in first), depth=2, name="b") as second,
    ):
        assert list(second) == list(range(0, 2_000, 2))


def test_a_stage_is_only_so_far_ahead() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with Prefetched(numbers(), depth=5, name="a") as stage:
        reader = iter(stage)
        next(reader)
        time.sleep(0.3)
        # One that was read, five that wait, and one that waits for room.
        assert len(made) == 7


def test_an_exception_is_raised_where_it_is_read_behind_what_was_made_before() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("disk on fire")

    got = []
    with pytest.raises(ValueError, match="disk on fire"), Prefetched(failing(), depth=5, name="a") as stage:
        got += [*stage]
    with Prefetched(failing(), depth=5, name="a") as stage, pytest.raises(ValueError, match="disk"):
        got += [next(iter(stage))]
        list(stage)
    assert got == [1]


def test_leaving_early_ends_the_thread_after_its_item_and_closes_what_it_reads() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt), Prefetched(endless(), depth=2, name="a") as stage:
        for _ in stage:
            raise KeyboardInterrupt
    assert closed.is_set()
    assert threading.active_count() == before


def test_a_reader_that_waits_is_told_every_now_and_then() -> None:
    def slow() -> Iterator[int]:
        time.sleep(0.3)
        yield 1

    with Prefetched(slow(), depth=1, name="a") as stage:
        got = list(stage.or_every(0.05))
    assert got[-1] == 1
    assert got.count(None) >= 2


def test_work_in_a_pool_comes_back_in_order_and_at_most_a_window_is_begun() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        time.sleep(0.01 * (number % 3))
        return number * number

    with ThreadPoolExecutor(4) as pool:
        results = map_in_order(pool, work, iter(range(50)), window=6)
        assert next(results) == (0, 0)
        time.sleep(0.1)
        assert len(begun) == 6
        assert list(results) == [(number, number * number) for number in range(1, 50)]
