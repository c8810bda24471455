"""WEAT: effect sizes and p-values on paper, and the published tests on GloVe."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from milvise.core.arrays import unit
from milvise.embeddings.words.load import load_words
from milvise.evaluation.bias import association
from milvise.evaluation.bias.association import association_test, associations
from milvise.evaluation.bias.word_sets import read_tests

A, B = np.eye(2, dtype=np.float32)[:1], np.eye(2, dtype=np.float32)[1:]


def at(*degrees: float) -> np.ndarray:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_the_association_is_the_difference_of_mean_cosines() -> None:
    assert associations(at(0, 45, 90), A, B) == pytest.approx([1, 0, -1], abs=1e-6)


def test_an_effect_worked_out_on_paper() -> None:
    # Associations: x has 1 and 0, y has 0 and -1. Means 0.5 and -0.5; variance (1 + 0 + 0 + 1) / 3.
    found = association_test(at(0, 45), at(45, 90), A, B)
    assert found.effect == pytest.approx(1 / (2 / 3) ** 0.5, abs=1e-5)
    # Of the 6 partitions, {1, 0}, once with either of the two zeros, has the largest difference.
    assert found.exact
    assert found.p == pytest.approx(2 / 6)


def test_the_other_direction_counts_only_when_asked() -> None:
    assert association_test(at(45, 90), at(0, 45), A, B).p == 1
    assert association_test(at(45, 90), at(0, 45), A, B, two_sided=True).p == pytest.approx(4 / 6)


def test_no_difference_at_all_is_no_effect() -> None:
    found = association_test(at(30, 30), at(30, 30), A, B)
    assert (found.effect, found.p) == (0, 1)


@pytest.mark.parametrize("two_sided", [False, True])
def test_the_exact_p_value_is_that_of_all_partitions_and_a_sample_comes_close(
    monkeypatch: pytest.MonkeyPatch, two_sided: bool
) -> None:
    random = np.random.default_rng(3)
    x, y, a, b = (unit(random.normal(size=(size, 5))) for size in (6, 5, 4, 4))
    values = np.concatenate([associations(x, a, b), associations(y, a, b)])
    observed = values[:6].mean() - values[6:].mean()
    reached = []
    for chosen in combinations(range(11), 6):
        rest = [place for place in range(11) if place not in chosen]
        difference = values[list(chosen)].mean() - values[rest].mean()
        reached.append(abs(difference) >= abs(observed) - 1e-12 if two_sided else difference >= observed - 1e-12)
    exact = association_test(x, y, a, b, two_sided=two_sided)
    assert exact.p == pytest.approx(np.mean(reached))
    monkeypatch.setattr(association, "MOST_EXACT", 10)
    sampled = association_test(x, y, a, b, two_sided=two_sided)
    assert not sampled.exact
    assert sampled.p == pytest.approx(exact.p, abs=0.01)


def test_what_was_published_is_found_in_glove() -> None:
    words = load_words("glove-6b-50d", components=0)
    place = {word: row for row, word in enumerate(words.words)}

    def vectors(side: tuple[str, ...]) -> np.ndarray:
        return unit(words.vectors[[place[word.lower()] for word in side if word.lower() in place]])

    tests = {test.name: test for test in read_tests().weat}
    found = {
        name: association_test(*(vectors(getattr(tests[name], side)) for side in "xyab"))
        for name in ("flowers_insects", "instruments_weapons", "career_family")
    }
    assert found["flowers_insects"].p < 0.001
    assert found["instruments_weapons"].p < 0.001
    assert found["career_family"].p < 0.001
    assert all(association.effect > 1 for association in found.values())
