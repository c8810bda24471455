"""What was seen in a picture, as a short text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milvise.adapter.schema import TOP_CLASSES_LENGTH
from milvise.embeddings.devise.top_classes import KEPT, LENGTH, class_probabilities, decode, encode


@given(st.integers(1, 200), st.integers(0, 20), st.integers(0, 1_000))
def test_the_likeliest_classes_come_back_and_the_others_are_zero(classes: int, pictures: int, seed: int) -> None:
    given_ = np.random.default_rng(seed).dirichlet(np.full(classes, 0.1), pictures).astype(np.float32)
    texts = encode(given_.reshape(pictures, classes))
    assert all(len(text) == LENGTH == TOP_CLASSES_LENGTH for text in texts)
    found = decode(texts, classes)
    assert found.shape == (pictures, classes)
    for seen, probabilities in zip(found, given_, strict=True):
        kept = np.argsort(-probabilities, kind="stable")[:KEPT]
        assert seen[kept] == pytest.approx(probabilities[kept], abs=1 / 65_535)
        assert np.delete(seen, kept).max(initial=0) == 0


def test_a_certain_network_and_a_class_that_is_no_more() -> None:
    texts = encode(np.eye(4, 40, dtype=np.float32))
    assert decode(texts, 40).tolist() == np.eye(4, 40).tolist()
    assert decode(texts, 2).tolist() == np.eye(4, 2).tolist()


@pytest.mark.parametrize("text", ["", "A" * (LENGTH - 4), "?" * LENGTH])
def test_what_encode_did_not_make_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        decode([text], 10)


def test_probabilities_are_the_softmax_of_the_classifier() -> None:
    visual, weights = (
        np.asarray([[1.0, 0.0], [300.0, 300.0]], np.float32),
        np.asarray([[1.0, 0.0], [0.0, 1.0]], np.float32),
    )
    bias = np.asarray([0.0, 1.0], np.float32)
    assert class_probabilities(visual, weights, bias) == pytest.approx(
        np.asarray([[0.5, 0.5], [1 / (1 + np.e), np.e / (1 + np.e)]]), abs=1e-6
    )
