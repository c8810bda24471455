"""Shadow searches: the same words are always asked of the version to come, nobody waits, and nothing is asked where there is none."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from follow_world import until

import milvise
from milvise.gallery import versions
from milvise.operations.shadow import Compared, Shadow


@pytest.fixture
def gallery(db: milvise.Database, how: dict[str, Any]) -> milvise.Gallery:
    db.ingest_words("words.txt", components=0, index="flat")
    db.ingest_images("pictures", **how)
    return db.gallery("g")


@pytest.fixture
def coming(db: milvise.Database, gallery: milvise.Gallery) -> Iterator[None]:
    """The gallery itself as the version to come."""
    versions.show(db.store, "g", versions.live_version(db.store, "g"))
    yield
    versions.hide(db.store, "g")


def ask(db: milvise.Database, share: float, *, times: int = 1) -> tuple[list[Compared], int]:
    """Search by all words, and return what was compared, and how many searches were."""
    found: list[Compared] = []
    shadow = Shadow(db, share, found.append)
    words = ("cat", "dog", "table", "queen", "dining")
    for word in words * times:
        hits = db.gallery("g").search(word, limit=3)
        shadow.consider("g", word, {"limit": 3}, [hit.id for hit in hits], 0.01)
    until(shadow._asked.empty)
    shadow.close()
    return found, len(words) * times


@pytest.mark.usefixtures("coming")
def test_both_versions_are_asked_the_same(db: milvise.Database) -> None:
    found, count = ask(db, 1.0)
    assert [(one.gallery, one.overlap, one.live_s, one.error) for one in found] == [("g", 1.0, 0.01, "")] * count
    assert all(one.coming_s > 0 for one in found)


@pytest.mark.usefixtures("coming")
def test_a_share_is_of_words_and_not_of_times(db: milvise.Database) -> None:
    once, _ = ask(db, 0.5)
    thrice, count = ask(db, 0.5, times=3)
    assert 0 < len(once) < count / 3
    assert len(thrice) == 3 * len(once)
    assert ask(db, 0.0)[0] == []


def test_nothing_is_compared_where_no_version_is_to_come(db: milvise.Database, gallery: milvise.Gallery) -> None:
    assert ask(db, 1.0)[0] == []


@pytest.mark.usefixtures("coming")
def test_an_error_of_the_version_to_come_is_told(db: milvise.Database) -> None:
    found: list[Compared] = []
    shadow = Shadow(db, 1.0, found.append)
    shadow.consider("g", "no such word", {"limit": 3}, ["1"], 0.01)
    until(shadow._asked.empty)
    shadow.close()
    assert [(one.overlap, one.error) for one in found] == [(0.0, "UnknownWordError")]


@pytest.mark.usefixtures("coming")
def test_nobody_waits_and_what_is_too_much_is_dropped(db: milvise.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    going, dropped = threading.Event(), []
    monkeypatch.setattr(Shadow, "_is_coming", lambda shadow, gallery: going.wait(30) and False)
    shadow = Shadow(db, 1.0, lambda compared: None, lambda: dropped.append(1))
    for _ in range(100):
        shadow.consider("g", "cat", {}, [], 0.0)
    assert len(dropped) in (35, 36)
    going.set()
    shadow.close()
