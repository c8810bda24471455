"""Evidence in a picture becomes the probability that it shows a word."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milvise.queries.plan.class_mixture import WordClasses
from milvise.queries.ranking.confidence import Calibration
from milvise.queries.ranking.score import SoughtWord

SHARE = st.floats(0, 1)


def kinds(*shares: float) -> WordClasses:
    return WordClasses(np.asarray(shares, np.float32), known=True)


CAT, SOFA = kinds(0.5, 0.5, 0, 0), kinds(0, 0, 1, 0)


def guess(closeness: float) -> WordClasses:
    return WordClasses(np.asarray([0.75, 0.25], np.float32), known=False, closeness=closeness)


def one(confidence: np.ndarray) -> float:
    return float(confidence[0])


def test_the_odds_are_those_of_the_evidence_divided_by_the_root_of_the_chances() -> None:
    assert (CAT.width, SOFA.width) == (2, 1)
    wide = kinds(0.5, 0.25, 0.25, 0)
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


def test_a_guess_is_worth_what_its_closest_class_is_like() -> None:
    calibration, sure, even = Calibration(500), np.asarray([1.0]), np.asarray([0.5])
    assert one(calibration.confidence(guess(1.05), even)) == pytest.approx(0.5)
    meaningless = one(calibration.confidence(guess(0), np.asarray([0.9])))
    assert meaningless == pytest.approx(1 / (1 + np.exp(2.1) / np.sqrt(0.901 / 0.101)))
    assert meaningless < 0.5 < one(calibration.confidence(guess(0.8), sure))
    assert one(calibration.confidence(guess(1), sure)) < one(calibration.confidence(SOFA, sure))


def test_several_words_are_shown_as_much_as_the_one_that_is_shown_least() -> None:
    calibration = Calibration(1_000)
    cat, sofa, without = (
        SoughtWord("cat", 1.0, CAT),
        SoughtWord("sofa", 2.0, SOFA),
        SoughtWord("dog", -1.0, kinds(0, 0, 0, 1)),
    )
    chances = np.asarray([[0.6, 0.4, 0.9], [0.9, 0, 0.1]], np.float32)
    alone = [calibration.confidence(word.classes, chances[:, place]) for place, word in enumerate((cat, sofa))]
    both = calibration.shown([cat, sofa, without], chances)
    assert both == pytest.approx(np.minimum(*alone))
    assert both[0] == pytest.approx(alone[1][0])
    assert both[0] > alone[0][0] * alone[1][0]
    assert calibration.shown([without], chances[:, 2:]) == pytest.approx([1, 1]), (
        "it says nothing of what is to be seen"
    )


@given(
    st.lists(SHARE, min_size=2, max_size=8), st.integers(0, 10**9), st.sampled_from([CAT, SOFA, guess(0), guess(0.7)])
)
def test_more_evidence_never_gives_less(found: list[float], pictures: int, word: WordClasses) -> None:
    evidence = np.sort(np.asarray(found))
    confidence = Calibration(pictures).confidence(word, evidence)
    assert ((confidence >= 0) & (confidence <= 1)).all()
    assert (np.diff(confidence) >= 0).all()
    assert (Calibration(pictures * 2 + 1).confidence(word, evidence) <= confidence).all()
