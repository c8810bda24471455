"""The gate: one at a time, in order, a bounded number waiting, and refusals that leave nothing behind."""

from __future__ import annotations

import contextvars
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from milvise.adapter.errors import MilvusBusyError
from milvise.errors import BusyError, MilviseError
from milvise.service.bodies.problems import status_of
from milvise.service.guards.inference import Gate


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(32) as made:
        yield made


def until(true: object, seconds: float = 5.0) -> None:
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.002)


def test_one_runs_at_a_time_in_the_order_of_arrival(pool: ThreadPoolExecutor) -> None:
    gate, go, running, most, order = Gate(10), threading.Event(), 0, 0, []

    def work(number: int) -> int:
        nonlocal running, most
        go.wait()
        running += 1
        most = max(most, running)
        order.append(number)
        running -= 1
        return number

    tasks = []
    for number in range(8):
        tasks.append(pool.submit(gate.run, lambda number=number: work(number)))  # type: ignore[misc]
        until(lambda number=number: gate.inside == number + 1)
    go.set()
    assert [task.result() for task in tasks] == list(range(8)) == order
    assert (most, gate.inside, gate.refused) == (1, 0, 0)


def test_beyond_those_that_may_wait_all_are_refused_at_once(pool: ThreadPoolExecutor) -> None:
    gate, go = Gate(2), threading.Event()
    inside = [pool.submit(gate.run, go.wait) for _ in range(3)]
    until(lambda: gate.inside == 3)
    for _ in range(5):
        with pytest.raises(BusyError):
            gate.run(lambda: None)
    assert gate.refused == 5
    go.set()
    assert [task.result() for task in inside] == [True] * 3
    assert gate.run(lambda: 1) == 1


def test_an_error_passes_and_frees_the_place() -> None:
    gate = Gate(1)
    for error in (ValueError("a"), TimeoutError("its own"), MilviseError("b")):

        def fail(error: Exception = error) -> None:
            raise error

        for _ in range(3):
            with pytest.raises(type(error), match=str(error)):
                gate.run(fail)
    assert (gate.inside, gate.refused) == (0, 0)


def test_who_waits_too_long_is_refused_and_never_run(pool: ThreadPoolExecutor) -> None:
    gate, go, ran = Gate(4, patience_s=0.05), threading.Event(), []
    first = pool.submit(gate.run, go.wait)
    until(lambda: gate.inside == 1)
    with pytest.raises(BusyError):
        gate.run(lambda: ran.append(1))
    with pytest.raises(BusyError):
        first.result()
    assert gate.inside == 1
    go.set()
    until(lambda: gate.inside == 0)
    assert (gate.run(lambda: 5), ran) == (5, [])


def test_what_waits_when_the_service_stops_is_refused(pool: ThreadPoolExecutor) -> None:
    gate, go = Gate(4), threading.Event()
    first, second = pool.submit(gate.run, go.wait), None
    until(lambda: gate.inside == 1)
    second = pool.submit(gate.run, lambda: 1)
    until(lambda: gate.inside == 2)
    gate.close()
    with pytest.raises(BusyError):
        second.result()
    with pytest.raises(BusyError):
        gate.run(lambda: 1)
    go.set()
    assert first.result() is True


def test_the_context_of_the_request_goes_along() -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="")
    gate = Gate(1)
    for text in ("a", "b"):
        name.set(text)
        assert gate.run(name.get) == text


def test_a_refusal_is_503() -> None:
    assert status_of(BusyError("x")) == 503
    # Milvus says that too.
    assert status_of(MilvusBusyError("x")) == 503
