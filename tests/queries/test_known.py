"""Vectors of words and classes are fetched once, and those of Milvus Lite are kept on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from small_world import put_words

from milvise.adapter import Store
from milvise.adapter.collection import Collection
from milvise.adapter.kept_vectors import KeptVectors
from milvise.queries.database import Database
from milvise.queries.fetched_vectors import FetchedVectors


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The keys that Milvus is asked for, call by call."""
    calls: list[list[str]] = []
    real = Collection.vectors

    def noting(self: Collection, keys: list[str]) -> dict:
        calls.append(list(keys))
        return real(self, keys)

    monkeypatch.setattr(Collection, "vectors", noting)
    return calls


@pytest.fixture
def words(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Collection:
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "cache"))
    put_words(store, tmp_path)
    live = store.live("words")
    assert live is not None
    return live


def test_a_vector_is_fetched_once_and_so_is_that_there_is_none(words: Collection, fetched: list[list[str]]) -> None:
    known = FetchedVectors()
    first = known.of(words, ["cat", "unheard"])
    again = known.of(words, ["cat", "unheard"])
    assert set(first) == set(again) == {"cat"}
    np.testing.assert_allclose(again["cat"], [1, 0, 0, 0])
    assert known.of(words, []) == {}
    assert len(fetched) <= 1


def test_vectors_of_other_words_are_not_mixed_up(
    words: Collection, store: Store, tmp_path: Path, fetched: list[list[str]]
) -> None:
    known = FetchedVectors()
    known.of(words, ["cat"])
    put_words(store, tmp_path, "cat 0 0 0 1\n")
    other = store.live("words")
    assert other is not None
    np.testing.assert_allclose(known.of(other, ["cat"])["cat"], [0, 0, 0, 1])


def test_what_is_loaded_into_milvus_lite_is_kept_and_what_was_fetched_too(
    words: Collection, fetched: list[list[str]]
) -> None:
    FetchedVectors().of(words, ["cat", "unheard"])
    # As another process would.
    fetched.clear()
    assert set(FetchedVectors().of(words, ["cat", "unheard"])) == {"cat"}
    assert fetched == ([] if words.is_lite else [["cat", "unheard"]])


def test_a_word_of_milvus_lite_is_known_without_reading_the_words(
    words: Collection, store: Store, fetched: list[list[str]]
) -> None:
    vector = Database(store).words.vector("cat")
    np.testing.assert_allclose(vector, [1, 0, 0, 0])
    assert fetched == ([] if store.connection.is_lite else [["cat"]])


@pytest.mark.parametrize("damage", [b"", b"no database " * 1_000])
def test_a_damaged_or_missing_file_is_done_without(words: Collection, tmp_path: Path, damage: bytes) -> None:
    kept = KeptVectors(words.name)
    kept.put([("cat", np.float32([9, 9, 9, 9]))])
    for path in (tmp_path / "cache" / "vectors").iterdir():
        path.unlink() if path.suffix != ".sqlite" else path.write_bytes(damage)
    assert kept.get(["cat"], dim=4) == {}
    np.testing.assert_allclose(FetchedVectors().of(words, ["cat"])["cat"], [1, 0, 0, 0])


def test_where_nothing_can_be_kept_everything_still_works(
    words: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MILVISE_CACHE", str(tmp_path / "file"))
    assert set(FetchedVectors().of(words, ["cat", "dog"])) == {"cat", "dog"}
