"""The words that a head was trained on, as a short text."""

from __future__ import annotations

from milvise.embeddings.devise.learned_words import DIGITS, MOST_WORDS, encode, is_learned


def test_a_label_is_known_however_it_is_written_and_others_are_not() -> None:
    text = encode(["dining_table", "Cat", "kite (bird of prey)"])
    assert len(text) == 3 * DIGITS
    for phrase in ("dining table", "Dining_Table", "cat", "kite"):
        assert is_learned(phrase, text)
    assert not any(is_learned(phrase, text) for phrase in ("table", "cats", "dog", ""))


def test_where_there_are_too_many_labels_every_word_counts_as_learned() -> None:
    assert encode(f"word{number}" for number in range(MOST_WORDS + 1)) == ""
    assert is_learned("anything", "")
    assert not is_learned("anything", encode(f"word{number}" for number in range(MOST_WORDS)))
