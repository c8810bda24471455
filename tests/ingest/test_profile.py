"""A profile says how busy each stage was, in memory that does not grow, whatever the stages do."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import numpy as np
import pytest

from milvise.ingest import profile as module
from milvise.ingest.profile import SLOTS, STAGES, Profile
from milvise.ingest.runners import Stages, run_in_threads
from milvise.operations.profile_page import profile_page


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def spending(clock: Clock, seconds: float):  # type: ignore[no-untyped-def]
    def work(batch: list[int]) -> list[int]:
        clock.now += seconds
        return batch

    return work


def stages(read, embed, write) -> Stages:  # type: ignore[no-untyped-def,type-arg]
    def join(batches: list[list[int]]) -> list[int]:
        return [one for batch in batches for one in batch]

    return Stages(read, embed, write, join, join, lambda batch: None)


def test_the_time_of_each_stage_is_taken(clock: Clock) -> None:
    taken = Profile()
    timed = taken.timed(stages(spending(clock, 1.0), spending(clock, 6.0), spending(clock, 2.0)))  # type: ignore[arg-type]
    timed.write(timed.embed(timed.read([1, 2, 3])))
    clock.now += 3.0
    look, read, embed, write = taken.times(taken.seconds)
    assert [one.stage for one in (look, read, embed, write)] == list(STAGES)
    assert [(one.busy_s, one.waiting_s, one.pictures) for one in (read, embed, write)] == [
        (pytest.approx(1.0), pytest.approx(11.0), 3), (pytest.approx(6.0), pytest.approx(6.0), 3), (pytest.approx(2.0), pytest.approx(10.0), 3),
    ]  # fmt: skip
    assert embed.share == pytest.approx(0.5)
    assert (look.threads, look.busy_s, look.share) == (0, 0.0, 0.0)


def test_the_parts_over_time_are_those_of_the_calls(clock: Clock) -> None:
    taken = Profile()
    timed = taken.timed(stages(spending(clock, 4.0), spending(clock, 2.0), spending(clock, 2.0)))  # type: ignore[arg-type]
    timed.read([1])
    timed.embed([1])
    timed.write([1])
    _, read, embed, _ = taken.times(8.0)
    half = len(read.over_time) // 2
    np.testing.assert_allclose(read.over_time[:half], 1.0, atol=1e-5)
    np.testing.assert_allclose(read.over_time[half:], 0.0, atol=1e-5)
    np.testing.assert_allclose(embed.over_time[half : half * 3 // 2], 1.0, atol=1e-5)


def test_a_long_run_takes_no_more_memory_and_loses_no_time(clock: Clock) -> None:
    taken = Profile()
    timed = taken.timed(stages(spending(clock, 0.5), spending(clock, 1.0), spending(clock, 0.0)))  # type: ignore[arg-type]
    for _ in range(2_000):
        timed.embed(timed.read([1]))
    _, read, embed, _ = taken.times(taken.seconds)
    assert len(read.over_time) <= SLOTS
    assert (read.busy_s, embed.busy_s) == (pytest.approx(1_000.0), pytest.approx(2_000.0))


def test_a_stage_that_fails_is_timed_too(clock: Clock) -> None:
    def fail(batch: list[int]) -> list[int]:
        clock.now += 1.5
        raise ValueError("no")

    taken = Profile()
    timed = taken.timed(stages(fail, fail, fail))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no"):
        timed.embed([1])
    embed = taken.times(3.0)[2]
    assert (embed.busy_s, embed.pictures) == (pytest.approx(1.5), 0)


def test_a_run_in_threads_counts_every_picture(tmp_path: Path) -> None:
    taken, threads = Profile(), set()

    def read(batch: list[int]) -> list[int]:
        threads.add(threading.get_ident())
        return list(batch)

    timed = taken.timed(stages(read, list, list))  # type: ignore[arg-type]
    closed: list[bool] = []

    def items():  # type: ignore[no-untyped-def]
        try:
            yield from [*range(70), None]
        finally:
            closed.append(True)

    run_in_threads(taken.looked(items()), timed, batch_size=8, progress=lambda: None)
    times = taken.times(taken.seconds)
    assert [one.pictures for one in times] == [70, 70, 70, 70]
    assert closed == [True]
    assert times[1].threads == len(threads)
    page = profile_page("Loading <pictures>", times, taken.seconds, ["Gallery a&b"])
    assert "Loading &lt;pictures&gt;" in page
    assert "Gallery a&amp;b" in page
    assert page.count("<tr>") == 1 + len(STAGES)
    assert len(re.findall("<path ", page)) == len(STAGES)
    assert "http" not in page, "nothing outside the page is needed"
