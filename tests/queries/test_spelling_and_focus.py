"""Close spellings, and the arithmetic of focus."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from milvise.queries.focus.weights import are_enough, candidate_counts, focused_query, focused_similarity
from milvise.queries.vocabulary.spelling import closest, edits, suggest

VOCABULARY = {"dog": 5, "dig": 2, "do": 0, "dogs": 9, "god": 3, "cat": 1, "fog": 7, "dug": 4, "doge": 8}


@pytest.mark.parametrize(
    ("typed", "first"),
    [("dgo", "dog"), ("dogg", "dog"), ("dogz", "dog"), ("ddog", "dog"), ("cta", "cat"), ("caat", "cat")],
)
def test_a_typing_error_is_one_edit_away(typed: str, first: str) -> None:
    assert first in suggest(typed, lambda words: {word: VOCABULARY[word] for word in words if word in VOCABULARY})


def test_the_most_frequent_spellings_come_first_and_are_few() -> None:
    found = suggest("dxg", lambda words: {word: VOCABULARY[word] for word in words if word in VOCABULARY})
    assert found == ("dig", "dug", "dog")


def test_the_word_itself_is_no_edit_of_it() -> None:
    assert "dog" not in edits("dog")
    assert len(edits("dog")) == len(set(edits("dog")))
    assert suggest("x" * 10_000, lambda words: {}) == ()


def test_class_names_are_found_by_spelling_or_part() -> None:
    names = ["Siamese cat", "tabby cat", "Persian cat", "dalmatian"]
    assert closest("siamse cat", names)[0] == "Siamese cat"
    assert set(closest("cat", names)) == {"Siamese cat", "tabby cat", "Persian cat"}


def test_focused_similarity_is_the_cosine_of_weighted_vectors() -> None:
    weights, query = np.float32([2, 0, 1]), np.float32([1, 5, 1])
    # w*q = (2, 0, 1); w*x = (2, 0, 1), (0, 0, 1), (-2, 0, -1): the second dimension does not count.
    pictures = np.float32([[1, -9, 1], [0, 7, 1], [-1, 0, -1]])
    np.testing.assert_allclose(focused_similarity(query, weights, pictures), [1, 1 / np.sqrt(5), -1], rtol=1e-6)
    np.testing.assert_allclose(focused_query(query, weights), [4, 0, 1])
    assert focused_similarity(query, weights, np.zeros((1, 3), np.float32)) == [0]


def test_more_candidates_are_fetched_step_by_step_but_not_more_than_milvus_gives() -> None:
    assert list(candidate_counts(10, 16_384))[:3] == [80, 160, 320]
    assert list(candidate_counts(100, 16_384)) == [800, 1_600, 3_200, 6_400, 12_800, 16_384]
    assert list(candidate_counts(5_000, 16_384)) == [16_384]


def test_candidates_are_enough_once_none_that_is_left_can_be_better() -> None:
    weights, query = np.float32([2, 1]), np.float32([1, 1])
    # w*q = (2, 1), w*w*q = (4, 1): closest to it first. Corrections |x| / |w*x| are 1/2 for (1, 0) and 1 for (0, 1).
    pictures = np.float32([[1, 0], [1, 1], [0, 1]])
    scores = focused_similarity(query, weights, pictures)
    enough = partial(are_enough, query, weights, pictures, scores, limit=1)
    # Of a picture whose plain cosine is c, the focused one is at most c * sqrt(17) / sqrt(5) * 1; the best hit has 1.
    just_below = float(np.sqrt(5 / 17)) - 1e-3
    assert enough(last=just_below)
    assert not enough(last=just_below + 2e-3)
    assert enough(last=-0.5)
    assert not are_enough(query, weights, pictures, scores, last=0.0, limit=3)
