"""Passing failures are tried again for as long as the caller is patient, and no longer; others never."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from milvise.adapter.errors import MilvusBusyError
from milvise.adapter.retry import PAUSES_S, READING, WRITING, Patience, retrying
from milvise.adapter.waiting import Beside, wait_for
from milvise.errors import DeniedError, FilterError, MilviseError, NotFoundError, StoreError, UnavailableError


class Clock:
    """A clock that moves when somebody sleeps, or when a call takes its time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def tried(call: Callable[[float], object], patience: Patience, clock: Clock) -> object:
    return retrying(call, patience=patience, place="http://here", sleep=clock.sleep, clock=clock)


@pytest.mark.parametrize("error", [UnavailableError("gone"), MilvusBusyError("busy")])
def test_a_passing_failure_is_tried_again_with_growing_pauses(error: MilviseError) -> None:
    failures, clock = iter([error, error]), Clock()

    def call(left: float) -> str:
        for failure in failures:
            raise failure
        return "answer"

    assert tried(call, READING, clock) == "answer"
    assert clock.pauses == list(PAUSES_S[:2])


@pytest.mark.parametrize("takes", [0.0, 1.0, 1_000.0], ids=["refused at once", "a second each", "never answered"])
@pytest.mark.parametrize(("patience", "most"), [(READING, 26.0), (WRITING, 121.0)], ids=["reading", "writing"])
def test_patience_ends(patience: Patience, most: float, takes: float, caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()

    def call(left: float) -> None:
        clock.now += min(takes, left)
        raise UnavailableError("the cause")

    with (
        caplog.at_level(logging.WARNING, "milvise"),
        pytest.raises(
            UnavailableError, match=r"no answer from Milvus at http://here for \d+ s(.|\n)*the cause"
        ) as caught,
    ):
        tried(call, patience, clock)
    assert clock.now <= most
    assert patience.advice in str(caught.value)
    assert len(caplog.records) <= 1, "it is said once"
    assert caplog.records or takes > most, "a single try ends with the error itself"


@pytest.mark.parametrize("takes", [0.0, 1.0, 1_000.0])
def test_a_writer_says_within_half_a_minute_that_it_goes_on_trying(takes: float) -> None:
    clock = Clock()
    said: list[float] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(clock.now)  # type: ignore[method-assign]
    logging.getLogger("milvise").addHandler(handler)

    def call(left: float) -> None:
        clock.now += min(takes, left)
        raise UnavailableError("gone")

    try:
        with pytest.raises(UnavailableError, match="run the same command again, and it goes on from there"):
            tried(call, WRITING, clock)
    finally:
        logging.getLogger("milvise").removeHandler(handler)
    assert len(said) == 1
    assert said[0] <= 21


def test_a_restart_of_forty_seconds_is_survived_by_a_writer_and_not_by_a_reader() -> None:
    def down(clock: Clock) -> Callable[[float], str]:
        def call(left: float) -> str:
            if clock.now < 40:
                raise UnavailableError("gone")
            return "answer"

        return call

    clock = Clock()
    assert tried(down(clock), WRITING, clock) == "answer"
    clock = Clock()
    with pytest.raises(UnavailableError):
        tried(down(clock), READING, clock)


@pytest.mark.parametrize("error", [FilterError("x"), NotFoundError("x"), DeniedError("x"), StoreError("x")])
def test_other_failures_are_not_tried_again(error: MilviseError) -> None:
    calls, clock = [], Clock()

    def call(left: float) -> None:
        calls.append(1)
        raise error

    with pytest.raises(type(error)):
        tried(call, WRITING, clock)
    assert calls == [1]
    assert not clock.pauses


def test_what_makes_progress_is_waited_for_and_what_stands_still_is_not() -> None:
    clock, slow = Clock(), iter([*range(100), "done"])

    def progress() -> object:
        clock.now += 1_000
        return next(slow)

    wait_for(progress, "done", what="x", sleep=clock.sleep, clock=clock)  # type: ignore[arg-type]
    assert clock.now > 100_000
    clock = Clock()
    with pytest.raises(StoreError, match="building x has stood still for 1800 s, at 7"):
        wait_for(lambda: 7, "done", what="building x", sleep=clock.sleep, clock=clock)
    assert 1_800 < clock.now < 1_810


def test_what_runs_beside_is_told_to_end_and_not_waited_for() -> None:
    ended = []

    def endless(stopped: object) -> None:
        stopped.wait()  # type: ignore[attr-defined]
        ended.append(1)

    with pytest.raises(KeyboardInterrupt), Beside(endless) as work:
        raise KeyboardInterrupt
    work.wait()
    assert ended

    def fails(stopped: object) -> None:
        raise UnavailableError("gone")

    with pytest.raises(UnavailableError), Beside(fails) as work:
        work.wait()
