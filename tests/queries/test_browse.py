"""Pictures one page after the other; the order is kept while the gallery is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from milvise.adapter import Collection, IndexSpec, Manifest, Store
from milvise.core.records import record_id
from milvise.errors import UsageError
from milvise.operations.database import Database
from milvise.operations.gallery import Gallery
from milvise.queries.recent import Recent

Make = Callable[[str], tuple[Gallery, Collection]]


def row(uri: str) -> dict[str, Any]:
    return {
        "id": record_id(uri), "uri": uri, "label": "", "sha256": "", "width": 1, "height": 1, "meta": {},
        "vector": np.ones(4, np.float32),
    }  # fmt: skip


@pytest.fixture
def make(store: Store) -> Iterator[Make]:
    """Make a gallery of nine pictures with a stamp."""

    def made(stamp: str) -> tuple[Gallery, Collection]:
        built = store.build(Manifest("b_visual", "visual", 4, {"backbone": "b", "weights": "none"}, stamp=stamp))
        built.upsert(row(f"{number}.jpg") for number in range(9))
        store.publish(store.finish(built, IndexSpec.parse("flat")))
        return Database(store).gallery("b"), built

    yield made
    store.drop("b_visual")


@pytest.fixture
def calls(store: Store, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counted: Counter[str] = Counter()
    call = store.connection.call

    def counting(method: Any, *args: Any, **kwargs: Any) -> Any:
        counted[method.__name__] += "count(*)" not in kwargs.get("output_fields", ())
        return call(method, *args, **kwargs)

    monkeypatch.setattr(store.connection, "call", counting)
    return counted


def uris(gallery: Gallery, **asked: Any) -> list[str]:
    return [picture.uri for picture in gallery.browse(**asked)]


def test_the_next_page_takes_one_read(make: Make, calls: Counter[str]) -> None:
    gallery, _ = make("closed")
    assert uris(gallery, limit=4) == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    calls.clear()
    assert uris(gallery, limit=4, offset=4) == ["4.jpg", "5.jpg", "6.jpg", "7.jpg"]
    assert calls["query"] == 1
    assert uris(gallery, filter='uri > "6"', offset=1) == ["7.jpg", "8.jpg"]
    assert uris(gallery, offset=9) == []


@pytest.mark.parametrize("stamp", ["closed", "open:1", ""])
def test_what_is_added_or_removed_is_seen_at_once(make: Make, stamp: str) -> None:
    gallery, collection = make(stamp)
    uris(gallery)
    collection.upsert([row("10.jpg")])
    assert uris(gallery, limit=3) == ["0.jpg", "1.jpg", "10.jpg"]
    collection.delete([record_id("0.jpg"), record_id("1.jpg")])
    assert uris(gallery, limit=2) == ["10.jpg", "2.jpg"]


def test_an_offset_that_cannot_be_is_refused(make: Make) -> None:
    with pytest.raises(UsageError, match="offset"):
        make("")[0].browse(offset=-1)


def test_only_the_last_answers_are_kept() -> None:
    recent: Recent[int] = Recent(2)
    assert [recent.of((name,), lambda place=place: place) for place, name in enumerate("abacab")] == [0, 1, 0, 3, 0, 5]
