"""A request is asked again if, and only if, a collection was replaced or dropped while it was read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from backends import REAL
from reference_world import BACKBONE, picture
from small_world import put_words

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.core.records import record_id
from milvise.embeddings.devise.backbones import Backbone
from milvise.embeddings.devise.encoder import Devise
from milvise.errors import FingerprintError, NotFoundError, ReplacedError
from milvise.operations.database import Database
from milvise.operations.gallery import Gallery
from milvise.queries import gallery_collections as opened

pytestmark = pytest.mark.milvus(*REAL)

DIM = 4


def put(store: Store, room: str, fingerprint: dict, *numbers: int, keep: bool = False) -> None:
    """Make collections of the gallery ``g`` live, as a run that loads it anew does."""
    collection = store.build(Manifest(f"g_{room}", room, DIM, fingerprint, recipe={"backbone": "net"}))
    collection.upsert(picture(number, np.eye(DIM, dtype=np.float32)[number % DIM] + 0.1) for number in numbers)
    store.publish(store.finish(collection, IndexSpec("flat")), keep=keep)


def put_both(store: Store, version: int, *numbers: int, keep: bool = False) -> None:
    words = store.live("words")
    assert words is not None
    visual = {**BACKBONE, "version": version}
    put(store, "visual", visual, *numbers, keep=keep)
    put(store, "joint", {"visual": visual, "words": dict(words.manifest.fingerprint)}, *numbers, keep=keep)


@pytest.fixture
def db(own_store: Store, tmp_path: Path) -> Iterator[Database]:
    put_words(own_store, tmp_path)
    put_both(own_store, 1, 0, 1)
    yield Database(own_store)


@pytest.fixture
def gallery(db: Database) -> Gallery:
    """A gallery that has been asked a moment ago, so that it knows its collections."""
    gallery = db.gallery("g")
    assert {hit.uri for hit in gallery.search("cat")} == {"folder/0.jpg", "folder/1.jpg"}
    return gallery


@pytest.fixture
def tries(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each time that a request is begun."""
    begun: list[str] = []
    real = opened.OpenCollections.__init__

    def noting(self: opened.OpenCollections, parts: opened.GalleryCollections, searches: int) -> None:
        begun.append(parts.name)
        real(self, parts, searches)

    monkeypatch.setattr(opened.OpenCollections, "__init__", noting)
    return begun


# -- what is not there, or does not belong together, is asked for once ---------------------------------------------------


def test_an_unknown_picture_is_asked_for_once(gallery: Gallery, tries: list[str]) -> None:
    for request in (
        lambda: gallery.similar("nowhere"),
        lambda: gallery.mixed(["nowhere"], "cat"),
        lambda: gallery.rank(words="cat", ids=["nowhere"]),
        lambda: gallery.explain("nowhere", words="cat"),
        lambda: gallery.rank(words="cat", filter="width < 0"),
        lambda: gallery.owners(words="cat", by="photographer"),
    ):
        tries.clear()
        with pytest.raises(NotFoundError) as found:
            request()
        assert (tries, type(found.value)) == (["g"], NotFoundError)


def test_a_missing_gallery_is_asked_for_once(db: Database, tries: list[str]) -> None:
    with pytest.raises(NotFoundError, match="no gallery 'nothing'"):
        db.gallery("nothing").search("cat")
    assert tries == ["nothing"]


def test_classes_that_are_not_loaded_are_asked_for_once(gallery: Gallery, tries: list[str]) -> None:
    with pytest.raises(NotFoundError, match="no classes loaded"):
        gallery.classes()
    assert tries == ["g"]


def test_another_backbone_on_this_machine_is_asked_for_once(
    gallery: Gallery, tries: list[str], nets: list[Backbone], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("milvise.gallery.models._encoder", lambda recipe, name: Devise(nets[0]))
    with pytest.raises(FingerprintError, match="embedded with another model"):
        gallery.similar(np.zeros((9, 9, 3), np.uint8))
    assert tries == ["g"]


def test_a_gallery_of_other_words_is_asked_for_once(
    db: Database, own_store: Store, tmp_path: Path, gallery: Gallery, tries: list[str]
) -> None:
    put_words(own_store, tmp_path, "cat 0 0 0 1\n")
    db.words.live.forget()
    with pytest.raises(FingerprintError, match="made with other words"):
        gallery.search("cat")
    assert tries == ["g"]


# -- what was replaced is asked for again --------------------------------------------------------------------------------


def test_a_dropped_collection_is_its_own_error(store: Store) -> None:
    collection = store.build(Manifest("gone_visual", "visual", DIM, BACKBONE))
    collection.upsert([picture(0, np.ones(DIM, np.float32))])
    collection.settle()
    store.publish(collection)
    store.drop("gone_visual")
    for call in (
        lambda: collection.search(np.ones((1, DIM), np.float32), limit=1, fields=["id"]),
        lambda: collection.get([record_id("folder/0.jpg")], fields=["id"]),
        lambda: collection.count(),
    ):
        with pytest.raises(
            ReplacedError, match=rf"{collection.name} was replaced or dropped(.|\n)*Expected(.|\n)*Received"
        ):
            call()
    assert issubclass(ReplacedError, NotFoundError)


def test_a_gallery_that_was_replaced_and_dropped_is_asked_again(
    own_store: Store, gallery: Gallery, tries: list[str]
) -> None:
    put_both(own_store, 2, 2, 3)
    assert {hit.uri for hit in gallery.search("cat")} == {"folder/2.jpg", "folder/3.jpg"}
    assert tries == ["g", "g"]


def test_a_picture_that_only_the_new_collection_has_is_found(
    own_store: Store, gallery: Gallery, tries: list[str]
) -> None:
    # The old ones stand, and are kept in mind for a second.
    put_both(own_store, 2, 2, 3, keep=True)
    assert {hit.uri for hit in gallery.similar("folder/2.jpg")} == {"folder/3.jpg"}
    assert tries == ["g", "g"]


def test_words_and_gallery_of_two_states_are_read_again(
    db: Database, own_store: Store, tmp_path: Path, gallery: Gallery, tries: list[str]
) -> None:
    put_words(own_store, tmp_path, "cat 0 0 0 1\ndog 0 1 0 0\n")
    put_both(own_store, 1, 2, 3, keep=True)
    # The words are looked up before the gallery is: new words, and an old gallery.
    db.words.live.forget()
    assert {hit.uri for hit in gallery.search("cat")} == {"folder/2.jpg", "folder/3.jpg"}
    assert tries == ["g", "g"]


def test_a_gallery_that_was_dropped_is_missing(own_store: Store, gallery: Gallery, tries: list[str]) -> None:
    own_store.drop("g_visual")
    own_store.drop("g_joint")
    with pytest.raises(NotFoundError, match="there is no gallery 'g'"):
        gallery.search("cat")
    assert tries == ["g", "g"]


def test_words_that_were_replaced_answer_again(db: Database, own_store: Store, tmp_path: Path) -> None:
    assert db.words.similar("cat", limit=1)[0].word == "cat"
    put_words(own_store, tmp_path, "cat 0 0 0 1\nfish 0 0 1 1\n")
    assert [hit.word for hit in db.words.similar("cat", limit=9)] == ["cat", "fish"]
