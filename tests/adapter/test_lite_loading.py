"""Threads that call Milvus Lite about a collection at the same time, before anyone has opened it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from milvise.adapter import IndexSpec, Manifest, Store, connect

THREADS, ROWS = 8, 2_000


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "loading.db")
    connection = connect(path, create=True)
    store = Store(connection)
    for alias in ("first_words", "second_words"):
        made = store.build(Manifest(alias, "words", 4, {"words": alias}))
        vectors = np.random.default_rng(0).normal(size=(ROWS, 4)).astype(np.float32)
        made.upsert({"word": f"w{rank}", "rank": rank, "vector": vector} for rank, vector in enumerate(vectors))
        store.publish(store.finish(made, IndexSpec("flat")))
    connection.close()
    return path


@pytest.mark.parametrize("turn", range(5))
def test_each_finds_what_it_searches_for(path: str, turn: int) -> None:
    connection, start = connect(path), Barrier(THREADS)
    store = Store(connection)
    found = {alias: store.live(alias) for alias in ("first_words", "second_words")}

    def search(number: int) -> int:
        collection = found[("first_words", "second_words")[number % 2]]
        assert collection is not None
        start.wait()
        return len(collection.search([np.ones(4, np.float32)], limit=3, fields=["rank"])[0])

    with ThreadPoolExecutor(THREADS) as threads:
        assert list(threads.map(search, range(THREADS))) == [3] * THREADS
    connection.close()
