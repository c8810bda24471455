"""``/readyz`` says what is missing, soon, and nothing that is nobody's business."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event, Thread

import pytest
from fastapi.testclient import TestClient
from memory_client import connect_to_memory

from milvise.adapter import Store
from milvise.errors import UnavailableError
from milvise.operations.database import Database
from milvise.operations.readiness import Readiness, no_answer, readiness
from milvise.service.app import make_app
from milvise.service.watching.watch import Watch


@pytest.fixture
def empty() -> Iterator[Database]:
    yield Database(Store(connect_to_memory()))


def checks(answer: dict) -> dict[str, bool]:
    return {check["name"]: check["ok"] for check in answer["checks"]}


def test_a_service_with_all_it_needs_is_ready(client: TestClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ready")
    assert all(checks(answer.json()).values())
    assert list(checks(answer.json())) == ["milvus", "galleries", "words", "classes", "engine"]


def test_an_empty_milvus_is_not_ready_and_what_is_missing_is_told(empty: Database) -> None:
    answer = TestClient(make_app(empty)).get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")
    assert answer.headers["retry-after"] == "5"
    found = checks(answer.json())
    assert (found["milvus"], found["galleries"], found["words"], found["classes"]) == (True, False, False, False)
    assert "milvise ingest words" in answer.text


def test_words_that_are_gone_are_missing(db: Database) -> None:
    words = db.store.live("words")
    assert words is not None
    db.store.unpublish("words")
    try:
        found = readiness(db)
        assert not found.is_ready
        assert [check.name for check in found.checks if not check.ok] == ["words"]
    finally:
        db.store.publish(words)
    assert readiness(db).is_ready


def test_a_missing_engine_is_told_and_the_service_is_ready(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("milvise.operations.readiness.importlib.util.find_spec", lambda name: None)
    found = readiness(db)
    assert [check.name for check in found.checks if not check.ok] == ["engine"]
    assert found.is_ready


def test_a_milvus_that_fails_is_told_without_its_address(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> list:
        raise UnavailableError("no answer from Milvus at http://secret.example:19530")

    monkeypatch.setattr(db.store, "manifests", fails)
    answer = TestClient(make_app(db)).get("/readyz")
    assert (answer.status_code, checks(answer.json())) == (503, {"milvus": False})
    assert "secret" not in answer.text


def test_who_asks_while_milvus_hangs_waits_a_moment_and_one_look_is_taken() -> None:
    going, looks = Event(), []

    def look() -> Readiness:
        looks.append(1)
        going.wait(30)
        return no_answer("looked")

    watch = Watch(look)
    told: list[str] = []

    def ask() -> None:
        told.append(watch.look(fresh_s=60, patience_s=0.2, stale_s=0).checks[0].detail)

    started = time.monotonic()
    asking = [Thread(target=ask) for _ in range(8)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert time.monotonic() - started < 5
    assert (len(looks), len(told)) == (1, 8)
    assert all("no answer" in one for one in told)
    going.set()
    assert watch.look(fresh_s=60, patience_s=10, stale_s=0).checks[0].detail == "looked"
    assert len(looks) == 1


def test_an_old_look_is_taken_while_the_next_one_hangs_but_not_for_ever() -> None:
    going, answers = Event(), iter([False, True])

    def look() -> Readiness:
        if next(answers):
            going.wait(30)
        return no_answer("first")

    watch = Watch(look)
    assert watch.look(fresh_s=60, patience_s=10, stale_s=0).checks[0].detail == "first"
    time.sleep(0.05)
    assert watch.look(fresh_s=0.01, patience_s=0.05, stale_s=60).checks[0].detail == "first"
    assert "no answer" in watch.look(fresh_s=0.01, patience_s=0.05, stale_s=0.02).checks[0].detail
    going.set()
