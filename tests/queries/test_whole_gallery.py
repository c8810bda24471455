"""When a gallery is read as a whole: after some requests, in a thread of its own, again when pictures were added; and what is known then."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from reference_world import reference_gallery

from milvise.adapter import Collection, IndexSpec, Manifest, Store
from milvise.core.records import Hit, record_id
from milvise.embeddings.devise.sketches import sketch
from milvise.embeddings.devise.top_classes import encode
from milvise.errors import UnavailableError
from milvise.queries.text.words import phrases
from milvise.queries.vocabulary.expression import Term
from milvise.queries.whole import pictures
from milvise.queries.whole.pictures import WholeGallery, read_whole
from milvise.queries.whole.reader import PATIENCE, GalleryReader

COUNT = 5
PROBABILITIES = np.random.default_rng(0).dirichlet(np.ones(4), COUNT).astype(np.float32)
VECTORS = np.random.default_rng(1).normal(size=(COUNT, 2)).astype(np.float32)


def rows(**changed: Any) -> list[dict[str, Any]]:
    seen, drawn = encode(PROBABILITIES), sketch(VECTORS)
    uris = [f"a/dog{number}.jpg" for number in range(COUNT)]
    return [
        {
            "id": record_id(uri), "uri": uri, "label": "", "sha256": "", "width": 1, "height": 1, "meta": {}, "vector": VECTORS[place],
            "top_classes": seen[place], "sketch": drawn[place], **changed,
        }
        for place, uri in enumerate(uris)
    ]  # fmt: skip


def made(store: Store, pictures: list[dict[str, Any]]) -> Collection:
    building = store.build(Manifest("texts_visual", "visual", 2, {"backbone": "x"}, stamp="1", top_classes=True))
    building.upsert(pictures)
    store.publish(store.finish(building, IndexSpec("flat")))
    found = store.live("texts_visual")
    assert found is not None
    return found


@pytest.fixture
def visual(own_store: Store) -> Collection:
    return made(own_store, rows())


def stamped(collection: Collection, stamp: str) -> Collection:
    return Collection(collection._connection, collection.manifest.changed(stamp=stamp))


def ask(reader: GalleryReader, visual: Collection, times: int = PATIENCE) -> list[WholeGallery | None]:
    found = [reader.known(visual) for _ in range(times)]
    until_read()
    return found


def until_read() -> None:
    for thread in threading.enumerate():
        if thread.name == "milvise-whole":
            thread.join(10)


def dogs(whole: WholeGallery | None) -> int:
    assert whole is not None
    assert whole.texts.index is not None
    return sum(len(tier.others) for tier in whole.texts.index.tiers(phrases([Term("dog")])))


def test_it_is_read_once_when_it_was_asked_for_often(visual: Collection) -> None:
    reader = GalleryReader()
    assert ask(reader, visual) == [None] * PATIENCE
    read = reader.known(visual)
    assert dogs(read) == COUNT
    assert reader.known(visual) is read


def test_searches_of_one_request_are_counted_too(visual: Collection) -> None:
    reader = GalleryReader()
    assert [reader.known(visual, searches) for searches in (PATIENCE - 1, 3)] == [None, None]
    until_read()
    assert dogs(reader.known(visual)) == COUNT


def test_what_several_people_search_at_once_counts_as_often(own_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    monkeypatch.setattr(GalleryReader, "known", lambda self, visual, searches: counted.append(searches))
    for db in reference_gallery(own_store, pictures=40):
        gallery = db.gallery("r")
        gallery.search("king")
        gallery.search_many(["king", "dog", "cat"])
        gallery.search_each(["king", "dog", "cat"])
    assert counted == [1, 1, 3]


def test_it_is_read_again_when_pictures_were_added(visual: Collection) -> None:
    reader = GalleryReader()
    ask(reader, visual)
    later = stamped(visual, "2")
    assert ask(reader, later) == [None] * PATIENCE
    assert dogs(reader.known(later)) == COUNT


def test_it_stays_in_milvus_while_pictures_are_being_loaded(visual: Collection) -> None:
    reader, loading = GalleryReader(), stamped(visual, "open:1")
    assert ask(reader, loading, 3 * PATIENCE) == [None] * 3 * PATIENCE


def test_it_stays_in_milvus_where_there_are_too_many(visual: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_PICTURES", COUNT - 1)
    reader = GalleryReader()
    ask(reader, visual)
    monkeypatch.setattr(visual, "count", lambda **_: pytest.fail("Milvus was asked again"))
    assert ask(reader, visual) == [None] * PATIENCE


def test_a_milvus_that_does_not_answer_is_asked_again_later(
    visual: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise UnavailableError("no answer")

    reader = GalleryReader()
    with monkeypatch.context() as without:
        without.setattr(visual, "scan", fails)
        ask(reader, visual)
    assert ask(reader, visual) == [None] * PATIENCE
    assert dogs(reader.known(visual)) == COUNT


def test_it_knows_what_the_network_saw_in_each_picture(visual: Collection) -> None:
    whole = read_whole(visual)
    assert whole is not None
    keys = [record_id(f"a/dog{place}.jpg") for place in (3, 0)]
    places = [whole.places[key] for key in keys]
    assert whole.evidence is not None
    assert whole.evidence.of(places).probabilities(4) == pytest.approx(PROBABILITIES[[3, 0]], abs=1e-5)
    assert [whole.rows[place]["uri"] for place in places] == ["a/dog3.jpg", "a/dog0.jpg"]
    assert set(whole.rows[0]) == {"id", "uri", "label", "meta", "width", "height", "sha256"}


def test_what_was_seen_is_unknown_where_a_part_of_it_is_damaged(own_store: Store) -> None:
    pictures = rows()
    pictures[2]["top_classes"] = "?" * len(pictures[2]["top_classes"])
    whole = read_whole(made(own_store, pictures))
    assert whole is not None
    assert whole.evidence is None
    assert dogs(whole) == COUNT


def test_an_empty_gallery_is_known_too(own_store: Store) -> None:
    whole = read_whole(made(own_store, []))
    assert whole is not None
    assert dogs(whole) == 0


def test_a_gallery_that_is_known_as_a_whole_answers_as_one_that_is_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = [{}, {"by": "meaning"}, {"filter": 'label != "odd"'}, {"limit": 150}]
    for db in reference_gallery(store, pictures=400):
        gallery = db.gallery("r")
        for words in ("dog", "king", "cat + king", "dog - sofa", "even"):
            options = [one for one in asked if words != "even" or "by" not in one]
            before = [gallery.search(words, **one) for one in options]
            with monkeypatch.context() as known:
                known.setattr(GalleryReader, "known", lambda self, visual, searches: read_whole(visual))
                after = [gallery.search(words, **one) for one in options]
            for one, other in zip(before, after, strict=True):
                assert [hit.similarity for hit in other] == pytest.approx([hit.similarity for hit in one], abs=1e-6)
                assert {hit.id: told(hit) for hit in other} == {hit.id: told(hit) for hit in one}


def told(hit: Hit) -> tuple[Any, ...]:
    return hit.uri, hit.label, hit.meta, hit.reasons, hit.width, hit.sha256
