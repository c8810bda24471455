"""When the texts of a gallery are read as a whole: after some searches, in a thread of its own, again when pictures were added."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from milvise.adapter import Collection, IndexSpec, Manifest, Store
from milvise.core.records import record_id
from milvise.errors import UnavailableError
from milvise.queries.text import whole
from milvise.queries.text.read import Texts
from milvise.queries.text.whole import PATIENCE, WholeTexts
from milvise.queries.text.words import phrases
from milvise.queries.vocabulary.expression import Term

KNOWN = Texts(("label", "uri"))


@pytest.fixture
def visual(own_store: Store) -> Collection:
    made = own_store.build(Manifest("texts_visual", "visual", 2, {"backbone": "x"}, stamp="1"))
    uris = [f"a/dog{number}.jpg" for number in range(5)]
    made.upsert(
        {"id": record_id(uri), "uri": uri, "label": "", "sha256": "", "width": 1, "height": 1, "meta": {}, "vector": [1.0, 0.0]}
        for uri in uris
    )  # fmt: skip
    own_store.publish(own_store.finish(made, IndexSpec("flat")))
    found = own_store.live("texts_visual")
    assert found is not None
    return found


def stamped(collection: Collection, stamp: str) -> Collection:
    return Collection(collection._connection, collection.manifest.changed(stamp=stamp))


def ask(texts: WholeTexts, visual: Collection, times: int = PATIENCE) -> list[Texts]:
    found = [texts.instead_of(KNOWN, visual) for _ in range(times)]
    for thread in threading.enumerate():
        if thread.name == "milvise-texts":
            thread.join(10)
    return found


def dogs(texts: Texts) -> int:
    assert texts.index is not None
    return sum(len(tier.others) for tier in texts.index.tiers(phrases([Term("dog")])))


def test_they_are_read_once_when_a_gallery_was_searched_often(visual: Collection) -> None:
    texts = WholeTexts()
    assert ask(texts, visual) == [KNOWN] * PATIENCE
    read = texts.instead_of(KNOWN, visual)
    assert read.is_whole
    assert dogs(read) == 5
    assert texts.instead_of(KNOWN, visual) is read


def test_they_are_read_again_when_pictures_were_added(visual: Collection) -> None:
    texts = WholeTexts()
    ask(texts, visual)
    later = stamped(visual, "2")
    assert ask(texts, later) == [KNOWN] * PATIENCE
    assert texts.instead_of(KNOWN, later).is_whole


def test_they_stay_in_milvus_while_pictures_are_being_loaded(visual: Collection) -> None:
    texts, loading = WholeTexts(), stamped(visual, "open:1")
    assert ask(texts, loading, 3 * PATIENCE) == [KNOWN] * 3 * PATIENCE


def test_they_stay_in_milvus_where_there_are_too_many(visual: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "MOST_PICTURES", 4)
    texts = WholeTexts()
    ask(texts, visual)
    monkeypatch.setattr(visual, "count", lambda **_: pytest.fail("Milvus was asked again"))
    assert ask(texts, visual) == [KNOWN] * PATIENCE


def test_a_milvus_that_does_not_answer_is_asked_again_later(
    visual: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise UnavailableError("no answer")

    texts = WholeTexts()
    with monkeypatch.context() as without:
        without.setattr(visual, "scan", fails)
        ask(texts, visual)
    assert ask(texts, visual) == [KNOWN] * PATIENCE
    assert texts.instead_of(KNOWN, visual).is_whole


def test_texts_that_are_known_are_only_indexed(visual: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = tuple({"id": f"{number}", "label": "dog", "uri": "", "meta": {}} for number in range(3))
    known = replace(KNOWN, rows=rows, is_whole=True)
    scan: Callable[..., None] = lambda *_: pytest.fail("Milvus was asked")  # noqa: E731
    monkeypatch.setattr(visual, "scan", scan)
    indexed = whole.indexed(known, visual)
    assert indexed.index is not None
    (tier,) = indexed.index.tiers(phrases([Term("dog")]))
    assert dict(tier.labelled) == {"dog": 3}
