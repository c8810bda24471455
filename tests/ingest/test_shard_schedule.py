"""Which shard is tried next."""

from __future__ import annotations

from milvise.ingest.shards.schedule import ATTEMPTS, IN_A_ROW, Schedule


def test_each_shard_is_given_out_once() -> None:
    schedule = Schedule(range(3))
    assert [schedule.start(0.0) for _ in range(4)] == [0, 1, 2, None]
    assert not schedule.is_over
    assert all(schedule.done(number, 1.0) for number in range(3))
    assert (schedule.is_over, schedule.finished, schedule.failed) == (True, 3, {})


def test_one_whose_worker_was_lost_is_tried_again_but_not_for_ever() -> None:
    schedule = Schedule([7])
    for _ in range(ATTEMPTS):
        assert schedule.start(0.0) == 7
        schedule.lose(7, "it went away")
    assert schedule.start(0.0) is None
    assert schedule.is_over
    assert schedule.failed == {7: f"it went away, {ATTEMPTS} times"}


def test_a_slow_one_is_tried_a_second_time_once_nothing_waits() -> None:
    schedule = Schedule(range(3))
    for _ in range(3):
        schedule.start(0.0)
    schedule.done(0, 10.0)
    assert schedule.start(30.0) is None, "not yet slow"
    assert schedule.start(30.1) == 1
    schedule.done(2, 30.2)
    assert schedule.start(99.0) is None, "not a third time"
    assert schedule.done(1, 40.0)
    assert schedule.is_over
    assert not schedule.done(1, 41.0), "the other attempt comes too late"
    assert schedule.finished == 3


def test_of_two_attempts_one_may_be_lost() -> None:
    schedule = Schedule(range(2))
    schedule.start(0.0)
    schedule.start(0.0)
    schedule.done(0, 1.0)
    assert schedule.start(9.0) == 1
    schedule.lose(1, "it went away")
    schedule.fail(0, "too late")
    assert not schedule.is_over
    assert schedule.done(1, 10.0)
    assert schedule.failed == {}


def test_where_one_after_the_other_fails_the_rest_is_not_tried() -> None:
    schedule = Schedule(range(20))
    for _ in range(IN_A_ROW):
        number = schedule.start(0.0)
        assert number is not None
        schedule.fail(number, "the disk is full")
    assert schedule.start(0.0) is None
    assert (schedule.gave_up, schedule.is_over, len(schedule.failed)) == (True, True, IN_A_ROW)
