"""A gallery reads what a person types, with the words and classes that stand in Milvus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import Door
from reference_world import reference_gallery

from milvise.adapter import Store
from milvise.errors import UnknownWordError
from milvise.queries.database import Database
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.requests.feedback import read_feedback
from milvise.queries.vocabulary.gallery_words import GalleryKnowledge
from milvise.queries.vocabulary.typed import read


@pytest.fixture(scope="module")
def db(store: Store, door: Door) -> Iterator[Database]:
    for db in reference_gallery(store):
        yield door(db)


def test_what_is_typed_finds_what_its_words_find(db: Database) -> None:
    gallery = db.gallery("r")
    plain = gallery.search("cat sofa")
    for typed in ("CAT, Sofa!", "a photo of a (cat) on the sofa.", "“cat” + sofa"):
        assert gallery.search(typed) == plain
    assert gallery.search("a dining table") == gallery.search('"dining table"') != gallery.search("dining + table")
    assert gallery.search("sofa without a cat and dog") == gallery.search("sofa - cat - dog")
    assert [hit.id for hit in gallery.mixed([], "the cat and the sofa")] == [hit.id for hit in plain]
    assert gallery.rank(words="CAT, sofa", limit=10) == gallery.rank(words="cat sofa", limit=10)
    assert gallery.read("a dining table").expression == '"dining table"'


def test_an_unknown_word_is_an_error_or_corrected(db: Database) -> None:
    gallery = db.gallery("r")
    with pytest.raises(UnknownWordError, match=r"Close spellings: sofa\. .*fix=[Tt]rue") as caught:
        gallery.search("cat soffa")
    assert (caught.value.word, caught.value.suggestions) == ("soffa", ("sofa",))
    assert gallery.search("cat soffa", fix=True) == gallery.search("cat sofa")
    assert gallery.search_many(["soffa", "cat"], fix=True) == gallery.search_many(["sofa", "cat"])
    assert gallery.read("cat soffa").suggestions == {"soffa": ("sofa",)}
    assert db.words.similar("soffa!", fix=True) == db.words.similar("sofa")
    with pytest.raises(UnknownWordError, match=r"fix=[Tt]rue"):
        db.words.similar("soffa")


@pytest.mark.python_only("about the parts of a gallery")
def test_a_word_that_the_hierarchy_knows_is_no_error(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    now = OpenCollections(db.gallery("r")._parts)
    monkeypatch.setattr(now, "knows_noun", lambda phrase: phrase == "staplers")
    reading = read("Staplers, cat", GalleryKnowledge(now))
    assert [term.phrase for term in reading.terms] == ["staplers", "cat"]
    assert not reading.unknown


def test_words_that_were_read_before_take_no_call(store: Store, db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = db.gallery("r")
    first = gallery.read("a photo of a cat sofa soffa")
    calls: list[str] = []
    call = store.connection.call

    def counting(method: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(method.__name__)
        return call(method, *args, **kwargs)

    monkeypatch.setattr(store.connection, "call", counting)
    assert gallery.read("a photo of a cat sofa soffa") == first
    assert set(calls) <= {"describe_alias", "query"}
    assert calls.count("query") <= 1, "only frequent words with the letter of an unknown one are asked for again"


@pytest.mark.python_only("a service writes no file")
def test_feedback_remembers_what_was_searched_for(db: Database, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    for words in ("a photo of a cat", "cat sofa"):
        db.gallery("r").refine(words=words, liked=["folder/1.jpg"], log=log)
    assert [entry.words for entry in read_feedback(db.store, log, gallery="r")] == ['"cat"', "cat sofa"]


@pytest.mark.python_only("it looks at what is kept")
def test_readings_are_kept_for_the_same_words_and_no_others(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = db.gallery("r")
    first = gallery.read("the cat, without a sofa")
    monkeypatch.setattr("milvise.queries.vocabulary.gallery_words.read_all", lambda *_, **__: pytest.fail("read again"))
    assert gallery.read("the cat, without a sofa") is first
    monkeypatch.undo()
    assert gallery.read("cat soffa", fix=True) != gallery.read("cat soffa")
    monkeypatch.setattr("milvise.queries.vocabulary.kept_readings.MOST_READINGS", 2)
    for word in ("cat", "sofa", "dog"):
        gallery.read(word)
    assert len(OpenCollections(gallery._parts).readings) == 2
