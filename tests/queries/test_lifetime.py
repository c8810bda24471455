"""A database that threads share for months: what it keeps is bounded, made once, right, and released in the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakSet

import numpy as np
import pytest
from reference_world import VECTOR, WORDS, reference_gallery
from small_world import put_words, save_net

from milvise.adapter import Store
from milvise.adapter.collection import Collection
from milvise.adapter.connection import connect
from milvise.embeddings import registry
from milvise.gallery import kept_models, models
from milvise.operations.database import Database
from milvise.queries import at_once, lifetime
from milvise.queries import fetched_vectors as known
from milvise.queries import gallery_collections as opened
from milvise.queries.fetched_vectors import FetchedVectors
from milvise.queries.text import words as text_words

T = TypeVar("T")
THREADS = 16


def by_threads(calls: list[Callable[[], T]]) -> list[T]:
    """Return what each call returns, all of them begun at the same moment."""
    together = threading.Barrier(len(calls))

    def call(one: Callable[[], T]) -> T:
        together.wait(timeout=30)
        return one()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(call, calls))


def alive() -> list[str]:
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("milvise-"))


# -- bounds --------------------------------------------------------------------------------------------------------------


def test_many_different_words_do_not_grow_the_kept_vectors(
    own_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(known, "MOST_VECTORS", 20)
    put_words(own_store, tmp_path)
    db = Database(own_store)
    for number in range(60):
        db.words.read(f"cat unheard{number} dog")
        assert len(db.words.known) <= 20
        assert len(db.words.known_ranks) <= 20
    np.testing.assert_allclose(db.words.vector("cat"), [1, 0, 0, 0])
    words = own_store.live("words")
    assert words is not None
    vectors = FetchedVectors()
    # More in one request than are kept.
    found = vectors.of(words, ["queen", *(f"unheard{number}" for number in range(100)), "cat"])
    assert set(found) == {"queen", "cat"}
    assert len(vectors) == 20


def test_what_was_not_asked_for_longest_goes_first(
    own_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(known, "MOST_VECTORS", 2)
    put_words(own_store, tmp_path)
    words = own_store.live("words")
    assert words is not None
    fetched: list[str] = []
    vectors = FetchedVectors()
    real = vectors._fetched

    def noting(collection: Collection, keys: list[str]) -> dict:
        fetched.extend(keys)
        return real(collection, keys)

    monkeypatch.setattr(vectors, "_fetched", noting)
    for word in ("cat", "dog", "cat", "queen", "cat", "dog"):
        vectors.of(words, [word])
    assert fetched == ["cat", "dog", "queen", "dog"]


def test_few_models_are_kept_and_those_that_go_are_closed() -> None:
    closed: list[str] = []
    kept: kept_models.KeptModels[str] = kept_models.KeptModels(closed.append)
    for name in ("a", "b", "a", "c", "c"):
        assert kept.get(name, lambda name=name: name.upper()) == name.upper()  # type: ignore[misc]
    assert (len(kept), closed) == (kept_models.MOST_MODELS, ["B"])
    kept.close()
    assert (len(kept), sorted(closed)) == (0, ["A", "B", "C"])
    assert kept._loading == {}


def test_long_texts_are_read_and_not_kept() -> None:
    before = text_words._kept_readings.cache_info().currsize
    long = "some words " * 200
    assert text_words.readings(long) == (tuple(long.split()),)
    assert text_words._kept_readings.cache_info().currsize == before


# -- threads -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    connection = connect(str(tmp_path_factory.mktemp("shared") / "world.db"), create=True)
    yield from reference_gallery(Store(connection))
    connection.close()


def requests(db: Database) -> list[Callable[[], Any]]:
    """Different requests to one gallery object, as the threads of a service share it."""
    gallery = db.gallery("r")
    kinds: list[Callable[[int], Any]] = [
        lambda number: gallery.search(f"dog word{number}", limit=5),
        lambda number: gallery.search(f"cat sofa word{number + 50}", space="joint", limit=5),
        lambda number: gallery.similar(f"folder/{number}.jpg", limit=5),
        lambda number: gallery.tags(f"folder/{number + 9}.jpg", limit=5),
        lambda number: gallery.mixed([f"folder/{number}.jpg"], "king - man + woman", limit=5),
        lambda number: gallery.search("cat", limit=5, min_confidence=0.01),
        lambda number: db.words.similar(f"word{number} table", limit=5),
        lambda number: gallery.similar(f"folder/{number}.jpg", focus="cat", limit=5),
    ]
    return [lambda kind=kind, number=number: kind(number) for number in range(4) for kind in kinds]  # type: ignore[misc]


def test_sixteen_threads_get_the_answers_that_one_gets(world: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = [request() for request in requests(Database(world.store))]
    monkeypatch.setattr(known, "MOST_VECTORS", 10)
    shared = requests(Database(world.store))
    for part in (slice(0, THREADS), slice(THREADS, 2 * THREADS)):
        assert by_threads(shared[part]) == alone[part]
    assert len(shared) == 2 * THREADS


def test_vectors_of_sixteen_threads_are_right_and_bounded(world: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known, "MOST_VECTORS", 10)
    words = world.store.live("words")
    assert words is not None
    vectors = FetchedVectors()

    def ask(start: int) -> None:
        for number in range(start, start + 40):
            word = WORDS[number % len(WORDS)]
            np.testing.assert_allclose(vectors.of(words, [word])[word], VECTOR[word], atol=1e-6)

    by_threads([lambda start=start: ask(12 * start) for start in range(THREADS)])  # type: ignore[misc]
    assert len(vectors) <= 10


def test_what_sixteen_threads_want_is_made_once(world: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def slowly(name: str) -> None:
        real = getattr(opened, name)

        def making(*args: Any) -> Any:
            made.append(name)
            time.sleep(0.2)
            return real(*args)

        monkeypatch.setattr(opened, name, making)

    for name in ("load_mixture", "read_hierarchy", "load_texts"):
        slowly(name)
    gallery = Database(world.store).gallery("r")
    answers = by_threads([lambda: gallery.search("dog", limit=3)] * THREADS)
    assert all(answer == answers[0] for answer in answers)
    assert sorted(made) == ["load_mixture", "load_texts", "read_hierarchy"]


def test_a_network_that_sixteen_threads_want_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []

    class Fake:
        def close(self) -> None:
            return

    def slowly(recipe: dict[str, str]) -> Fake:
        loaded.append(recipe["backbone"])
        time.sleep(0.2)
        return Fake()

    monkeypatch.setattr(models, "_encoders", kept_models.KeptModels(Fake.close))
    monkeypatch.setattr(registry, "load_encoder", slowly)
    found = by_threads([lambda: models._encoder({"backbone": "net"}, "devise")] * THREADS)
    assert loaded == ["net"]
    assert len({id(one) for one in found}) == 1


def test_a_network_that_does_not_load_is_tried_again() -> None:
    kept: kept_models.KeptModels[int] = kept_models.KeptModels()
    with pytest.raises(ZeroDivisionError):
        kept.get("a", lambda: 1 // 0)
    assert kept.get("a", lambda: 7) == 7


# -- the end -------------------------------------------------------------------------------------------------------------


def test_the_last_database_that_is_closed_ends_all_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setattr(lifetime, "_open", WeakSet())
    at_once.close_threads()
    models.close_models()
    before = set(alive())
    one, other = (Database(Store(connect(str(tmp_path / f"{name}.db"), create=True))) for name in "ab")
    encoder = models._encoder({"backbone": str(save_net(tmp_path / "net.keras", 5))}, "devise")
    size = encoder.info.size
    pixels = np.random.default_rng(0).integers(0, 256, (6, size, size, 3), dtype=np.uint8)
    vectors = encoder.encode_images(pixels)["visual"]
    assert at_once.at_once(lambda: 1, lambda: 2) == (1, 2)
    kinds = {name.split("_")[0] for name in set(alive()) - before}
    assert "milvise-query" in kinds
    one.close()
    assert {name.split("_")[0] for name in set(alive()) - before} == kinds, "the other one still uses them"
    other.close()
    assert set(alive()) - before == set()
    assert len(models._encoders) == 0
    # A thread that was still at work goes on.
    np.testing.assert_array_equal(encoder.encode_images(pixels)["visual"], vectors)
    encoder.close()
    assert set(alive()) - before == set()


def test_threads_are_ended_under_requests_and_every_request_is_answered() -> None:
    stop = threading.Event()

    def closing() -> None:
        while not stop.is_set():
            at_once.close_threads()

    closer = threading.Thread(target=closing)
    closer.start()
    try:
        answers = by_threads([lambda: [at_once.at_once(lambda: 1, lambda: 2) for _ in range(50)]] * 8)
    finally:
        stop.set()
        closer.join()
    assert answers == [[(1, 2)] * 50] * 8
