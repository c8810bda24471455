"""Precision@10 and accuracy, on hand-made vectors with values worked out on paper."""

from __future__ import annotations

import numpy as np
import pytest

from milvise.training.examples import HELD_BACK, TRAIN, UNSEEN, Examples
from milvise.training.score import Score, harmonic_mean, score

X, Y, Z = np.eye(3, dtype=np.float32)


def examples(vectors: list[np.ndarray], labels: list[int], part: int = UNSEEN) -> Examples:
    parts = np.full(len(labels), part, np.uint8)
    return Examples(np.stack(vectors), np.int32(labels), parts, np.stack([X, Y, Z]), ("x", "y", "z"), {}, 0)


def same(vectors: np.ndarray) -> np.ndarray:
    return vectors


def test_vectors_that_are_their_labels_score_one() -> None:
    found = examples([X] * 3 + [Y] * 20, [0] * 3 + [1] * 20)
    assert score(same, found, found.places(UNSEEN)) == Score(1.0, 1.0, 2, 23)


def test_the_denominator_is_ten_or_what_there_is() -> None:
    # x: 4 pictures, of which 2 lie at x and 2 at y. y: 12 pictures, all at y, two of x among the first.
    found = examples([X, X, Y, Y] + [Y] * 12, [0] * 4 + [1] * 12)
    result = score(same, found, found.places(UNSEEN))
    assert result is not None
    # For x the two at x come first, and then, of 14 equally far, those that come first: both of x. 4 of 4.
    # For y the first 10 of 14 equally close, in order: the two of x, and 8 of y. 8 of 10.
    assert result.precision_at_10 == pytest.approx((4 / 4 + 8 / 10) / 2)
    assert result.accuracy == pytest.approx(14 / 16)


def test_every_label_of_the_gallery_stands_in_the_way() -> None:
    found = examples([Z * 0.9 + X * 0.1, X], [0, 0])
    assert score(same, found, found.places(UNSEEN)) == Score(1.0, 0.5, 1, 2)
    assert score(same, found, found.places(HELD_BACK)) is None


def test_a_held_out_label_is_searched_for_among_all_pictures() -> None:
    # The two of x lie beside x; twelve trained ones of y lie at x. Among themselves the two would be all that is found.
    found = examples([X * 0.9 + Y * 0.1] * 2 + [X] * 12, [0] * 2 + [1] * 12)
    found.parts[2:] = TRAIN
    unseen = found.places(UNSEEN)
    assert score(same, found, unseen) == Score(1.0, 1.0, 1, 2)
    assert score(same, found, unseen, found.places(TRAIN)) == Score(0.0, 1.0, 1, 2)


def test_many_pictures_are_scored_in_pieces() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2_500, 3)).astype(np.float32)
    labels = rng.integers(0, 3, 2_500)
    found = examples(list(vectors), list(labels), TRAIN)
    result = score(same, found, found.places(TRAIN))
    assert result is not None
    best = np.argsort(-vectors, axis=0, kind="stable")[:10]
    assert result.precision_at_10 == pytest.approx(np.mean([(labels[best[:, own]] == own).mean() for own in range(3)]))
    assert result.accuracy == pytest.approx((vectors.argmax(axis=1) == labels).mean())


def test_the_harmonic_mean_is_low_where_either_is() -> None:
    assert harmonic_mean(0.5, 0.5) == 0.5
    assert harmonic_mean(1, 0.25) == pytest.approx(0.4)
    assert harmonic_mean(0, 0) == 0
