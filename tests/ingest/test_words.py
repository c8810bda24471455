"""Words that work are not lost to worse ones, and what a load left that was cut off can be removed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_world import VOCABULARY

from milvise.adapter import IndexSpec, Manifest, Store
from milvise.embeddings.words.load import Words, load_words
from milvise.errors import InputError, NotFoundError, UsageError
from milvise.ingest.words import WordsSummary, ingest_words
from milvise.operations.database import Database

BACKBONE = {"backbone": "none", "weights": "none"}
OTHERS = VOCABULARY.replace("cat 1", "cat 2")


def read(folder: Path, text: str) -> Words:
    path = folder / "w.txt"
    path.write_text(text)
    return load_words(str(path), components=0)


def put(store: Store, folder: Path, text: str = VOCABULARY, *, replace: bool = False) -> WordsSummary:
    return ingest_words(store, read(folder, text), source="w.txt", index=IndexSpec("flat"), replace=replace)


def put_gallery(store: Store, name: str) -> None:
    words = store.live("words")
    assert words is not None
    made = {"visual": BACKBONE, "words": dict(words.manifest.fingerprint), "head": {"kind": "conse"}}
    store.publish(store.build(Manifest(f"{name}_joint", "joint", 4, made)))


def standing(store: Store) -> tuple[str, int, list[str]]:
    words = store.live("words")
    assert words is not None
    return words.name, words.count(), [made.collection for made in store.others("words")]


def test_fewer_than_half_as_many_words_are_refused_without_replace(own_store: Store, tmp_path: Path) -> None:
    put(own_store, tmp_path)
    before = standing(own_store)
    with pytest.raises(UsageError, match=r"the 5 words that are loaded(.|\n)*Received: 2 words(.|\n)*--replace"):
        put(own_store, tmp_path, "cat 1 0\ndog 0 1\n")
    assert standing(own_store) == before
    assert put(own_store, tmp_path, "cat 1 0\ndog 0 1\n", replace=True).words == 2
    assert put(own_store, tmp_path, "cat 2 0\n").words == 1


def test_words_that_galleries_were_made_with_are_not_replaced_without_replace(own_store: Store, tmp_path: Path) -> None:
    put(own_store, tmp_path)
    put_gallery(own_store, "holiday")
    put_gallery(own_store, "zoo")
    before = standing(own_store)
    with pytest.raises(UsageError) as refused:
        put(own_store, tmp_path, OTHERS + "more 1 1 1 1\n")
    for part in ("5 words", "holiday, zoo", "6 other words", "--replace", "project --gallery zoo --head conse"):
        assert part in str(refused.value)
    assert standing(own_store) == before
    assert put(own_store, tmp_path).unchanged
    assert put(own_store, tmp_path, OTHERS, replace=True).words == 5
    # The galleries were made with words that are gone: nothing is lost by replacing those that are there now.
    assert put(own_store, tmp_path).words == 5


def test_a_load_without_words_is_an_error_and_changes_nothing(own_store: Store, tmp_path: Path) -> None:
    put(own_store, tmp_path)
    before = standing(own_store)
    with pytest.raises(InputError, match="holds no word vectors"):
        put(own_store, tmp_path, "cat 0 0\ndog 1e200 0\n", replace=True)
    long = Words(["a\0b"], np.ones((1, 4), np.float32), {"words": "x"}, load_words("glove-6b-50d", limit=9).skipped)
    with pytest.raises(InputError, match="no words that can be stored"):
        ingest_words(own_store, long, source="x", index=IndexSpec("flat"), replace=True)
    assert standing(own_store) == before


def test_one_line_out_of_range_costs_one_word(own_store: Store, tmp_path: Path) -> None:
    summary = put(own_store, tmp_path, VOCABULARY + "huge 1e200 0 0 0\n")
    assert (summary.words, summary.malformed) == (5, 1)


class _CutOffError(Exception):
    pass


def cut_off(store: Store, folder: Path, text: str) -> None:
    words = read(folder, text)

    def stop(done: int) -> None:
        raise _CutOffError

    with pytest.raises(_CutOffError):
        ingest_words(store, words, source="w.txt", index=IndexSpec("flat"), progress=stop)


MANY = "".join(f"word{number} {number} 1 0 1\n" for number in range(6_000))


def test_a_load_that_was_cut_off_can_be_removed_and_the_words_stay(own_store: Store, tmp_path: Path) -> None:
    db = Database(own_store)
    with pytest.raises(NotFoundError, match="no words are loaded"):
        db.drop_words(only_kept=True)
    put(own_store, tmp_path)
    cut_off(own_store, tmp_path, MANY)
    live, count, left = standing(own_store)
    assert (count, len(left)) == (5, 1)
    assert list(db.drop_words(only_kept=True).collections) == left
    assert standing(own_store) == (live, 5, [])
    assert db.drop_words(only_kept=True).collections == ()


def test_words_are_removed_with_what_a_load_left(own_store: Store, tmp_path: Path) -> None:
    db = Database(own_store)
    cut_off(own_store, tmp_path, MANY)
    assert len(db.drop_words().collections) == 1
    put(own_store, tmp_path)
    put_gallery(own_store, "holiday")
    assert db.word_users() == ["holiday"]
    assert len(db.drop_words().collections) == 1
    assert own_store.live("words") is None
    assert db.word_users() == []
    with pytest.raises(NotFoundError):
        db.drop_words()
