"""A scan that is cut off goes on behind the last key that it read."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from threading import Thread
from typing import Any

import numpy as np
import pytest
from memory_client import MemoryClient
from milvus_server import Server
from pymilvus.exceptions import MilvusUnavailableException

from milvise.adapter import Connection, Manifest, Store, collection, connect, pages, retry
from milvise.adapter.pages import PageSize
from milvise.errors import UnavailableError

DIM = 8
ROWS = 2_500
KEYS = [f"{number:06d}" for number in range(ROWS)]


class FlakyClient(MemoryClient):
    """A Milvus in memory that does not answer some of its pages at first."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = 0
        self.pages: list[str] = []

    def query(self, name: str, *, filter: str, iterator: str = "False", **asked: Any) -> list[dict[str, Any]]:
        if iterator == "True":
            self.pages.append(filter)
            if self.lost and len(self.pages) % 3 == 0:
                self.lost -= 1
                raise MilvusUnavailableException(message="the connection was lost")
        return super().query(name, filter=filter, iterator=iterator, **asked)


def fill(store: Store) -> Any:
    """Return a collection of words, whose keys are `KEYS`."""
    made = store.build(Manifest("cut_words", "words", DIM, {"made": "to be cut"}))
    vectors = np.random.default_rng(0).normal(size=(ROWS, DIM))
    made.upsert({"word": key, "rank": rank, "vector": vectors[rank]} for rank, key in enumerate(KEYS))
    made.settle()
    return made


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_FIRST_ROWS", 100)
    monkeypatch.setattr(pages, "MOST_ROWS", 100)


@pytest.mark.usefixtures("small_pages")
def test_a_page_that_is_lost_is_asked_for_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSES_S", (0.0,))
    client = FlakyClient()
    made = fill(Store(Connection(client, uri="http://memory-cut", is_lite=False, version="2.3.5")))  # type: ignore[arg-type]
    client.lost = 4
    assert [row["word"] for row in made.scan(["rank"])] == KEYS
    assert client.lost == 0
    # 25 pages, one that is empty, and the four that were lost: none was read twice.
    assert len(client.pages) == 30
    assert len(set(client.pages)) == 26


@pytest.mark.usefixtures("small_pages")
def test_a_server_that_is_killed_and_started_again_in_the_middle(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fill(Store(connect(own_server.uri)))
    monkeypatch.setattr(collection, "SHORT_SCAN_S", 0.0)
    rows: Iterator[Any] = made.scan(["rank"])
    read = [next(rows)["word"] for _ in range(250)]
    own_server.kill()
    Thread(target=own_server.start_again).start()
    started = time.monotonic()
    read += [row["word"] for row in rows]
    assert read == KEYS
    assert time.monotonic() - started < 120


def test_one_that_nobody_starts_again_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "SHORT_SCAN_S", -1.0)
    monkeypatch.setattr(retry, "PAUSES_S", (0.0,))
    gone = retry.Patience(0.0, 1.0, retry.SCANNING.advice)
    monkeypatch.setattr(Connection, "in_the_middle", lambda self: self._with(gone))
    client = FlakyClient()
    made = fill(Store(Connection(client, uri="http://memory-gone", is_lite=False, version="2.3.5")))  # type: ignore[arg-type]
    client.lost = 1_000
    with pytest.raises(UnavailableError, match="in the middle of a scan"):
        list(made.scan(["rank"]))


def test_pages_are_as_long_as_their_rows_allow() -> None:
    def learned(rows: Sequence[dict[str, Any]], times: int = 6) -> int:
        size = PageSize()
        for _ in range(times):
            size.learn(rows)
        return size.rows

    assert learned([{"id": "x" * 32}]) == pages.MOST_ROWS
    assert learned([{"id": "x" * 32, "vector": [0.5] * 4096}]) == pages.PAGE_BYTES // (4 * 4096 + 33)
    assert learned([{"id": "x", "meta": {"text": "y" * pages.PAGE_BYTES}}]) == 1
    # What comes next need not be like what came.
    assert learned([{"id": "x"}], times=1) == 2_000
