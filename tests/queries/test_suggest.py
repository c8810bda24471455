"""A text that is typed goes on with words, labels and classes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from doors import Door
from reference_world import WORDS, reference_gallery

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.errors import NotFoundError, UsageError
from milvise.operations.database import Database
from milvise.operations.gallery import Gallery
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.requests.suggest import Suggestions

LABELS = ["Golden_Retriever", "Golden_Retriever", "gold", "the red door", "dog-house"]


@pytest.fixture(scope="module")
def db(store: Store, door: Door) -> Iterator[Database]:
    for _ in reference_gallery(store):
        collection = store.build(Manifest("labelled_visual", "visual", 4, {"backbone": "other", "weights": "none"}))
        collection.upsert(
            {
                "id": str(number), "uri": str(number), "label": label, "sha256": "", "width": 1, "height": 1, "meta": {},
                "vector": np.ones(4, np.float32),
            }
            for number, label in enumerate(LABELS)
        )  # fmt: skip
        store.publish(store.finish(collection, IndexSpec.parse("flat")))
        yield door(Database(store))
        store.drop("labelled_visual")


@pytest.fixture(scope="module")
def gallery(db: Database) -> Gallery:
    return db.gallery("r")


@pytest.fixture(scope="module")
def labelled(db: Database) -> Gallery:
    """A gallery with labels, and without classes."""
    return db.gallery("labelled")


def test_a_word_goes_on_the_most_frequent_first(gallery: Gallery) -> None:
    assert gallery.suggest("word").words == tuple(f"word{number}" for number in range(8))
    assert gallery.suggest("a photo of a so").words == ("sofa",)
    assert gallery.suggest("WOM").words == ("woman",)
    assert gallery.suggest("cat").words == (), "there is no word that it begins"
    assert "the" in WORDS
    assert gallery.suggest("th").words == (), "it says nothing of a picture"


def test_nouns_come_before_other_words(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenCollections, "knows_noun", lambda _, phrase: phrase.endswith("7"))
    assert gallery.suggest("word", limit=4).words == ("word7", "word17", "word27", "word37")


def test_classes_go_on_at_each_of_their_words(gallery: Gallery) -> None:
    assert gallery.suggest("ta").classes == ("dining table",)
    assert gallery.suggest("D", limit=5).classes == ("dining table", "dog")
    assert gallery.suggest("xy").classes == ("xyzzy",)


@pytest.mark.parametrize(
    ("text", "completes"),
    [
        ("dining ta", "dining ta"),
        ("a small dining ta", "dining ta"),
        ("sofa, dining  Ta", "dining  Ta"),
        ('cat - "dining_ta', "dining_ta"),
        ("cat^2 +din", "din"),
        ("cat -din", "din"),
        ("dining ", "dining "),
    ],
)
def test_the_end_that_is_completed_is_told(gallery: Gallery, text: str, completes: str) -> None:
    found = gallery.suggest(text)
    assert (found.completes, found.classes) == (completes, ("dining table",))
    assert text.endswith(completes)


def test_words_come_with_what_stands_before_them_in_the_end(gallery: Gallery) -> None:
    assert gallery.suggest("dining ta") == Suggestions("dining ta", ("dining table",), (), ("dining table",))
    assert gallery.suggest("t-sh") == Suggestions("t-sh", ("t-shirt",))


def test_labels_go_on_those_of_most_pictures_first(labelled: Gallery) -> None:
    assert labelled.suggest("go").labels == ("Golden_Retriever", "gold")
    assert labelled.suggest("a golden ret") == Suggestions("golden ret", (), ("Golden_Retriever",))
    assert labelled.suggest("house").labels == ("dog-house",)
    assert labelled.suggest("the red").labels == labelled.suggest("door").labels == ("the red door",)
    assert labelled.suggest("go", limit=1).labels == ("Golden_Retriever",)


def test_an_empty_text_may_begin_with_a_label(labelled: Gallery) -> None:
    assert labelled.suggest("  ", limit=2) == Suggestions("", labels=("Golden_Retriever", "gold"))


@pytest.mark.parametrize("text", ["zzz", "cat ,", "^", "\0", "- ", "﷽" * 999])
def test_a_text_that_begins_nothing_has_no_suggestions(gallery: Gallery, text: str) -> None:
    found = gallery.suggest(text)
    assert (found.words, found.labels, found.classes) == ((), (), ())


def test_what_was_read_is_kept(gallery: Gallery, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery.suggest("ta")
    monkeypatch.setattr(type(store.connection), "call", None)
    assert gallery.suggest("ta").words == ("table",)


def test_a_gallery_that_is_not_there_and_a_limit_that_cannot_be_are_errors(db: Database) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        db.gallery("nowhere").suggest("ta")
    with pytest.raises(UsageError, match="limit"):
        db.gallery("r").suggest("ta", limit=101)
