"""Evidence in a picture becomes the probability that it shows a word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milvise.embeddings.hierarchy import Sense
from milvise.queries.confidence import Calibration, Meaning, closeness

SHARE = st.floats(0, 1)
CAT = Meaning(np.asarray([2.0, 2.0, 0.0, 0.0], np.float32), kinds=True)
SOFA = Meaning(np.asarray([0.0, 0.0, 1.0, 0.0], np.float32), kinds=True)


def one(confidence: np.ndarray) -> float:
    return float(confidence[0])


def test_evidence_is_the_sum_of_the_probabilities_each_as_much_as_its_class_counts() -> None:
    probabilities = np.asarray([[0.5, 0.25, 0.1, 0.15], [0, 0, 1, 0]], np.float32)
    assert CAT.evidence(probabilities) == pytest.approx([0.75, 0])
    half = Meaning(np.asarray([1.0, 0.5, 0, 0], np.float32), kinds=False)
    assert half.evidence(probabilities) == pytest.approx([0.625, 0])


def test_the_odds_are_those_of_the_evidence_divided_by_the_root_of_the_chances() -> None:
    assert (CAT.width, SOFA.width) == (2, 1)
    wide = Meaning(np.asarray([1.0, 0.5, 0.5, 0.0], np.float32), kinds=True)
    assert wide.width == 2
    for word, pictures, factor in (
        (SOFA, 3_700, 1),
        (SOFA, 925, 2),
        (SOFA, 370_000, 0.1),
        (CAT, 1_850, 1),
        (wide, 1_850, 1),
    ):
        odds = factor * (0.6 + 0.001) / (0.4 + 0.001)
        confidence = Calibration(pictures).confidence(word, np.asarray([0.6]))
        assert one(confidence) == pytest.approx(odds / (1 + odds))


def guess(closeness: float) -> Meaning:
    return Meaning(np.asarray([1.0, 0.3], np.float32), kinds=False, closeness=closeness)


def test_a_guess_is_worth_what_its_closest_class_is_like() -> None:
    calibration, sure, even = Calibration(500), np.asarray([1.0]), np.asarray([0.5])
    assert one(calibration.confidence(guess(1.05), even)) == pytest.approx(0.5)
    meaningless = one(calibration.confidence(guess(0), np.asarray([0.9])))
    assert meaningless == pytest.approx(1 / (1 + np.exp(2.1) / np.sqrt(0.901 / 0.101)))
    assert meaningless < 0.5 < one(calibration.confidence(guess(0.8), sure))
    assert one(calibration.confidence(guess(1), sure)) < one(calibration.confidence(SOFA, sure))


def test_closeness_is_that_of_the_first_three_meanings() -> None:
    none = np.empty(0, np.int64)
    senses = [Sense(none, np.asarray(values, np.float32)) for values in ([0.1, 0.2], [0, 0], [0.5, 0], [0.9, 0.9])]
    assert closeness(senses) == pytest.approx(0.5)
    assert closeness([]) == 0


def test_several_words_are_shown_as_much_as_the_one_that_is_shown_least() -> None:
    probabilities = np.asarray([[0.3, 0.3, 0.4, 0], [0.9, 0, 0, 0.1]], np.float32)
    calibration = Calibration(1_000)
    cat, sofa, both = (calibration.shown(words, probabilities) for words in ([CAT], [SOFA], [CAT, SOFA]))
    assert both == pytest.approx(np.minimum(cat, sofa))
    assert both[0] == pytest.approx(sofa[0])
    assert both[0] > cat[0] * sofa[0]


@given(
    st.lists(SHARE, min_size=2, max_size=8), st.integers(0, 10**9), st.sampled_from([CAT, SOFA, guess(0), guess(0.7)])
)
def test_more_evidence_never_gives_less(found: list[float], pictures: int, word: Meaning) -> None:
    evidence = np.sort(np.asarray(found))
    confidence = Calibration(pictures).confidence(word, evidence)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert (np.diff(confidence) >= 0).all()
    assert (Calibration(pictures * 2 + 1).confidence(word, evidence) <= confidence).all()
