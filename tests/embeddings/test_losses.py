"""Losses, with values worked out on paper."""

from __future__ import annotations

import numpy as np

from milvise.embeddings.devise.losses import make_loss

TARGETS = np.float32([[1, 0], [0, 1], [0.6, 0.8]])
ALL = np.ones(3, np.float32)


def test_cosine_is_one_minus_the_similarity_to_the_own_label() -> None:
    loss = make_loss("cosine", TARGETS, ALL)
    found = loss(np.int32([[0], [1], [2]]), np.float32([[1, 0], [1, 0], [0.6, 0.8]]))
    np.testing.assert_allclose(found, [0, 1, 0], atol=1e-6)


def test_hinge_rank_sums_what_other_labels_lack_to_the_margin() -> None:
    loss = make_loss("hinge_rank", TARGETS, ALL)
    # v = (1, 0), label 0: 0.1 - 1 + 0 < 0 and 0.1 - 1 + 0.6 < 0. Label 1: 0.1 - 0 + 1 and 0.1 - 0 + 0.6.
    # v = (0, 1), label 2: 0.1 - 0.8 + 0 < 0 and 0.1 - 0.8 + 1.
    found = loss(np.int32([[0], [1], [2]]), np.float32([[1, 0], [1, 0], [0, 1]]))
    np.testing.assert_allclose(found, [0, 1.8, 0.3], atol=1e-6)


def test_labels_that_are_not_trained_on_take_no_part() -> None:
    loss = make_loss("hinge_rank", TARGETS, np.float32([1, 1, 0]))
    np.testing.assert_allclose(loss(np.int32([[1]]), np.float32([[1, 0]])), [1.1], atol=1e-6)
