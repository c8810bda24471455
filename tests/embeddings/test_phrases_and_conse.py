"""Phrases and the training-free head, with values worked out on paper."""

from __future__ import annotations

import numpy as np
import pytest

from milvise.embeddings.devise.classes import Classes
from milvise.embeddings.devise.conse import ConseHead
from milvise.embeddings.words.phrases import lookups, missing_words, phrase_vector, tokens
from milvise.errors import ModelError

X, Y, Z = np.eye(3, dtype=np.float32)


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        ("dining_table", ["dining", "table"]),
        ("kite (bird of prey)", ["kite"]),
        ("tights, a leotard", ["tights"]),
        ("(odd", ["(odd"]),
        ("'s", ["'s"]),
    ],
)
def test_a_phrase_is_split_into_words(phrase: str, words: list[str]) -> None:
    assert tokens(phrase) == words


def test_the_last_word_of_a_phrase_counts_twice() -> None:
    vector = phrase_vector("dining table", {"dining": X, "table": Y})
    np.testing.assert_allclose(vector, (X + 2 * Y) / np.sqrt(5), rtol=1e-6)


@pytest.mark.parametrize("entry", ["dining_table", "dining-table", "diningtable"])
def test_a_phrase_that_the_vocabulary_has_is_one_word(entry: str) -> None:
    vector = phrase_vector("dining table", {"dining": X, "table": Y, entry: Z})
    np.testing.assert_allclose(vector, Z)
    assert entry in lookups("dining table")


def test_case_and_hyphens_are_seen_through() -> None:
    np.testing.assert_allclose(phrase_vector("Dog", {"dog": X}), X)
    np.testing.assert_allclose(phrase_vector("Dog", {"dog": X, "Dog": Y}), Y)
    np.testing.assert_allclose(
        phrase_vector("four-poster", {"four": X, "poster": Y}), (X + 2 * Y) / np.sqrt(5), rtol=1e-6
    )


def test_what_is_missing_is_named() -> None:
    assert phrase_vector("dining table", {}) is None
    assert missing_words("dining tabel", {"dining": X}) == ["tabel"]
    assert missing_words("dining table", {"dining_table": X}) == []


def classes() -> Classes:
    return Classes(("cat", "dog", "unknown thing"), np.float32([[1, 0], [0, 1], [9, 9]]), np.float32([0, np.log(3), 0]))


def test_conse_mixes_class_words_by_their_odds() -> None:
    head = ConseHead(classes(), {"cat": X, "dog": Y})
    assert head.unnamed == ("unknown thing",)
    assert head.dim == 3
    # Logits (0, log 3): odds 1 to 3. Logits (log 3, log 3): odds 1 to 1.
    joint = head(np.float32([[0, 0], [np.log(3), 0]]))
    np.testing.assert_allclose(joint, [(X + 3 * Y) / np.sqrt(10), (X + Y) / np.sqrt(2)], rtol=1e-6)


def test_conse_without_any_known_class_is_refused() -> None:
    with pytest.raises(ModelError, match="none of the 3 class names"):
        ConseHead(classes(), {"tree": X})
