"""How much each part of a ranking counts."""

from __future__ import annotations

import numpy as np
import pytest

from milvise.core.spaces import JOINT, VISUAL
from milvise.queries.plan.class_mixture import ClassMixture, WordClasses
from milvise.queries.ranking.score import ALIKE, CLASSES, GUESSED, KNOWN, SoughtWord, WordScore

TWO = np.eye(2, dtype=np.float32)
MIXTURE = ClassMixture(("cat", "dog"), TWO, TWO, TWO[:0], np.zeros(0, np.int64), TWO, np.zeros(2, np.float32))


def ranking(*words: tuple[float, bool, float | None], pictures: float = 0.0) -> WordScore:
    seen = [SoughtWord("word", weight, WordClasses(TWO[0], known), share) for weight, known, share in words]
    return WordScore(MIXTURE, tuple(seen), pictures)


def test_words_that_were_not_learned_count_by_their_trust() -> None:
    for known, trust in ((True, KNOWN), (False, GUESSED)):
        whole = 1 + trust.classes + trust.alike
        expected = {JOINT: trust.joint, VISUAL: 1 - trust.joint, CLASSES: trust.classes, ALIKE: trust.alike}
        assert ranking((1, known, None)).shares == pytest.approx(
            {name: part / whole for name, part in expected.items()}
        )


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_word_that_was_learned_counts_in_the_joint_space_as_was_chosen(share: float) -> None:
    found = ranking((2, False, share)).shares
    rest = (1 - share) / (1 + GUESSED.classes + GUESSED.alike)
    expected = {JOINT: share, VISUAL: rest, CLASSES: rest * GUESSED.classes, ALIKE: rest * GUESSED.alike}
    assert found == pytest.approx(expected)
    assert sum(ranking((2, False, share)).shares_alone.values()) == pytest.approx(1)


def test_words_and_pictures_beside_it_keep_theirs() -> None:
    alone = ranking((1, False, None), (-3, False, None), pictures=2).shares
    mixed = ranking((1, False, 1.0), (-3, False, None), pictures=2).shares
    assert mixed[JOINT] == pytest.approx(1 / 6 + 5 / 6 * alone[JOINT])
    assert sum(mixed.values()) == pytest.approx(1)
    assert mixed[CLASSES] / mixed[ALIKE] == pytest.approx(alone[CLASSES] / alone[ALIKE])
