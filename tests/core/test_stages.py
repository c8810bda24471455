"""Who watches a block is told of its stages, its requests and its confidence, in whatever thread they happen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Lock, Thread

import pytest
from reference_world import VISUAL, reference_gallery

from milvise.adapter import Store
from milvise.core.picture_types import PictureBytes
from milvise.core.stages import Stage, carried, stage, staged, waiting, watched, watcher
from milvise.errors import UnknownWordError
from milvise.operations.database import Database
from milvise.queries.at_once import at_once


class Heard:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.stages: list[tuple[Stage, float]] = []
        self.best: list[float] = []
        self.requests: list[tuple[str, int | None, str]] = []

    def stage(self, name: Stage, seconds: float) -> None:
        with self.lock:
            self.stages.append((name, seconds))

    def confidence(self, best: float) -> None:
        self.best.append(best)

    def request(self, kind: str, *, hits: int | None, error: str) -> None:
        self.requests.append((kind, hits, error))

    def seconds(self, name: Stage) -> float:
        return sum(seconds for stage, seconds in self.stages if stage == name)


@pytest.fixture(scope="module")
def db(store: Store) -> Iterator[Database]:
    yield from reference_gallery(store)


def test_a_stage_inside_another_is_taken_out_of_it() -> None:
    heard = Heard()
    with watched(heard), stage("words"):
        time.sleep(0.02)
        with stage("milvus"):
            time.sleep(0.06)
    assert [name for name, _ in heard.stages] == ["milvus", "words"]
    assert heard.seconds("milvus") >= 0.06
    assert 0.02 <= heard.seconds("words") < 0.06


def test_what_another_thread_does_is_told_and_the_wait_for_it_is_nobodys() -> None:
    heard = Heard()

    @staged("milvus")
    def slow() -> int:
        time.sleep(0.06)
        return 1

    with watched(heard), stage("ranking"):
        assert at_once(slow, lambda: 2) == (1, 2)
    assert heard.seconds("milvus") >= 0.06
    assert heard.seconds("ranking") < 0.05


def test_a_stage_that_fails_is_told_too_and_the_one_around_it_stays_right() -> None:
    heard = Heard()
    with watched(heard):
        with pytest.raises(ValueError, match="no"), stage("ranking"), stage("milvus"):
            raise ValueError("no")
        with stage("words"), waiting():
            pass
    assert [name for name, _ in heard.stages] == ["milvus", "ranking", "words"]


def test_without_a_watcher_nothing_is_told_and_a_thread_of_its_own_has_none() -> None:
    heard, found = Heard(), []
    with watched(heard):
        thread = Thread(target=lambda: found.append(watcher()))
        thread.start()
        thread.join()
        there = carried(watcher)
    assert found == [None]
    assert watcher() is None
    assert there() is heard
    with stage("words"):
        assert heard.stages == []


def test_a_stage_that_nobody_watches_costs_next_to_nothing() -> None:
    rounds = 10_000
    best = min(_timed(rounds) for _ in range(5))
    assert best / rounds < 5e-6


def _timed(rounds: int) -> float:
    started = time.perf_counter()
    for _ in range(rounds):
        with stage("words"):
            pass
    return time.perf_counter() - started


def test_a_search_is_told_by_its_stages_and_its_end(db: Database) -> None:
    heard = Heard()
    started = time.perf_counter()
    with watched(heard):
        db.gallery("r").search("cat sofa", limit=5)
    took = time.perf_counter() - started
    assert heard.requests == [("search", 5, "")]
    assert {name for name, _ in heard.stages} == {"words", "milvus", "ranking"}
    assert 0 < heard.seconds("words") + heard.seconds("ranking") < took


def test_a_search_that_judges_its_hits_tells_the_best_confidence(db: Database) -> None:
    heard = Heard()
    gallery = db.gallery("r")
    with watched(heard):
        hits = gallery.search("cat", space="joint", by="meaning", min_confidence=0.0)
        none = gallery.search("cat", space="joint", by="meaning", min_confidence=1.0)
    assert heard.best == [max(hit.confidence or 0 for hit in hits)] * 2
    assert all((hit.confidence or 0) == 1 for hit in none)


def test_a_request_that_fails_is_told_with_its_error(db: Database) -> None:
    heard = Heard()
    with watched(heard), pytest.raises(UnknownWordError):
        db.words.similar("unheardof")
    assert heard.requests == [("words", None, "UnknownWordError")]


def test_a_picture_from_outside_takes_a_stage_of_its_own(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: object) -> object:
        time.sleep(0.03)
        return VISUAL[0]

    monkeypatch.setattr("milvise.queries.pictures.encode.visual_vector", slow)
    heard = Heard()
    with watched(heard):
        db.gallery("r").similar(PictureBytes(b"a picture"), limit=3)
    assert heard.seconds("inference") >= 0.03
    assert heard.seconds("ranking") + heard.seconds("words") < 0.03
    assert heard.requests == [("similar", 3, "")]
