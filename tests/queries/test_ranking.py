"""The score of a ranked search: shares, evidence, first pictures, and the candidates that it orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from milvise.core.arrays import unit
from milvise.embeddings.devise.top_classes import class_pairs, encode
from milvise.queries.plan.class_mixture import ClassMixture, WordClasses
from milvise.queries.plan.query import Ingredient, Query, Recipe
from milvise.queries.ranking.picture_evidence import PictureEvidence
from milvise.queries.ranking.score import (
    ALIKE,
    CLASSES,
    JOINT,
    VISUAL,
    SoughtWord,
    WordScore,
    likeness,
    weighted_sum_of,
)
from milvise.queries.ranking.search import score_pictures

COUNT, DIM = 4, 6
MIXTURE = ClassMixture(
    ("cat", "dog", "sofa", "tree"),
    np.eye(COUNT, DIM, dtype=np.float32),
    np.eye(COUNT, DIM, dtype=np.float32),
    np.zeros((0, DIM), np.float32),
    np.zeros(0, np.int64),
    np.random.default_rng(0).normal(size=(COUNT, DIM)).astype(np.float32),
    np.asarray([0.5, 0, 0, -0.5], np.float32),
)
KNOWN = WordClasses(np.asarray([1, 0, 0, 0], np.float32), known=True)
GUESSED = WordClasses(np.asarray([0.1, 0.2, 0.4, 0.3], np.float32), known=False)
SEEN = st.builds(
    lambda classes, size, plus, share: SoughtWord("word", size if plus else -size, classes, share),
    st.sampled_from([KNOWN, GUESSED]),
    st.floats(0.01, 100),
    st.booleans(),
    st.sampled_from([None, 0.0, 0.35, 1.0]),
)
WORDS = st.lists(SEEN, min_size=1, max_size=4).map(tuple)
RANKINGS = st.builds(WordScore, st.just(MIXTURE), WORDS, st.sampled_from([0.0, 0.5, 3.0]))


def ranking(*words: tuple[WordClasses, float], pictures: float = 0.0) -> WordScore:
    return WordScore(MIXTURE, tuple(SoughtWord("word", weight, classes) for classes, weight in words), pictures)


@given(RANKINGS)
def test_shares_add_up_to_one_with_and_without_first_pictures(made: WordScore) -> None:
    assert sum(made.shares.values()) == pytest.approx(1)
    assert sum(made.shares_alone.values()) == pytest.approx(1)
    assert min(made.shares.values()) >= 0
    assert ALIKE not in made.shares_alone


def test_a_word_with_kinds_goes_by_its_classes_and_a_guess_by_the_first_pictures() -> None:
    known, guessed = ranking((KNOWN, 1.0)).shares, ranking((GUESSED, -7.0)).shares
    size = np.log(1001)
    assert known == pytest.approx(
        {
            JOINT: 0,
            VISUAL: 1 / (1 + 0.8 * size),
            CLASSES: 0.8 * size / (1 + 0.8 * size),
            ALIKE: 0,
        }
    )
    whole = 3 + 0.03 * size
    assert guessed == pytest.approx(
        {JOINT: 0.4 / whole, VISUAL: 0.6 / whole, CLASSES: 0.03 * size / whole, ALIKE: 2 / whole}
    )
    both, beside = ranking((KNOWN, 1.0), (GUESSED, -3.0)).shares, ranking((KNOWN, 1.0), pictures=3.0).shares
    assert known[CLASSES] > both[CLASSES] > guessed[CLASSES]
    assert both[ALIKE] == pytest.approx(1.5 / (1 + (0.8 + 0.09) * size / 4 + 1.5))
    assert beside[JOINT] / beside[VISUAL] == pytest.approx((3 * 0.25) / (1 + 3 * 0.75))
    assert beside[CLASSES] == pytest.approx(0.2 * size / (1 + 0.2 * size))


@given(RANKINGS, st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_evidence_has_the_sign_of_its_word_and_adds_up_to_one_at_most(made: WordScore, chances: list[float]) -> None:
    told = made.evidence(np.tile(np.asarray(chances, np.float32)[:, np.newaxis], len(made.seen)))
    for place, word in enumerate(made.seen):
        assert (told[:, place] * np.sign(word.weight) >= -1e-6).all()
    assert (np.abs(told).sum(axis=1) <= 1 + 1e-5).all()


def test_evidence_is_nothing_where_nothing_is_seen_and_all_where_it_is_certain() -> None:
    made = ranking((KNOWN, 1.0), (KNOWN, -1.0))
    told = made.evidence(np.asarray([[0, 0], [1, 1], [0.001, 1]], np.float32))
    assert told[0] == pytest.approx([0, 0], abs=1e-6)
    assert told[1] == pytest.approx([0.5, -0.5])
    assert told[2][0] == pytest.approx((1 + np.log(0.002 / 1.001) / np.log(1001)) / 2)
    # A guess says less by its classes than a word that has kinds.
    known, guessed = ranking((KNOWN, 1.0), (GUESSED, 1.0)).evidence(np.ones((1, 2), np.float32))[0]
    assert known / guessed == pytest.approx(0.8 / 0.03)


def test_chances_are_the_probabilities_of_a_words_classes_each_as_often_as_its_share_says() -> None:
    visual = np.random.default_rng(1).normal(size=(5, DIM)).astype(np.float32)
    logits = visual @ MIXTURE.weights.T + MIXTURE.bias
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    every = WordClasses(np.full(COUNT, 0.25, np.float32), known=True)
    told = ranking((KNOWN, 1.0), (GUESSED, -2.0), (every, 1.0)).chances(saw(*MIXTURE.probabilities(visual)))
    # Probabilities are kept to 1 / 65,535.
    assert told[:, 0] == pytest.approx(probabilities[:, 0], abs=1e-5)
    assert told[:, 1] == pytest.approx(probabilities @ [0.25, 0.5, 1, 0.75], abs=3e-5)
    assert told[:, 2] == pytest.approx(np.ones(5), abs=5e-5)
    assert told.max() <= 1


def test_the_joint_share_beside_the_visual_one_is_the_chosen_one_of_learned_words() -> None:
    learned = SoughtWord("word", 3.0, KNOWN, joint_share=0.9)
    assert WordScore(MIXTURE, (learned,)).joint_share == pytest.approx(0.9)
    assert ranking((KNOWN, 1.0), (GUESSED, -1.0), pictures=2.0).joint_share == pytest.approx(0.25)
    beside = WordScore(MIXTURE, (learned, SoughtWord("word", -1.0, GUESSED)), pictures=2.0)
    assert beside.joint_share == pytest.approx(0.5 * 0.9 + 0.5 * 0.25)


def test_likeness_is_the_cosine_with_the_mean_of_the_first_pictures() -> None:
    vectors = np.asarray([[1, 0], [0, 1], [-1, 0]], np.float32)
    half = 0.5**0.5
    assert likeness(vectors, vectors[:2]) == pytest.approx([half, half, -half])
    assert likeness(vectors, vectors[:1]) == pytest.approx([1, 0, -1])


def saw(*probabilities: Sequence[float]) -> PictureEvidence:
    """Return that these are the probabilities of classes in pictures that look like nothing."""
    given = np.asarray(probabilities, np.float32).reshape(-1, COUNT)
    return replace(PictureEvidence.of_nothing(len(given)), pairs=class_pairs(encode(given)))


def shown(count: int, seed: int) -> PictureEvidence:
    draw = np.random.default_rng(seed)
    seen = saw(*draw.dirichlet(np.ones(COUNT), count))
    return replace(seen, sketches=draw.integers(-127, 128, (count, DIM)).astype(np.int8))


def rows(count: int) -> list[dict[str, str]]:
    return [{"id": str(number)} for number in range(count)]


def query(made: WordScore, seed: int) -> Query:
    vectors = unit(np.random.default_rng(seed).normal(size=(2, DIM)))
    recipes = {
        name: Recipe((Ingredient("word", 1.0, vector),)) for name, vector in zip((JOINT, VISUAL), vectors, strict=True)
    }
    return Query(recipes, made)


@given(RANKINGS, st.integers(1, 30), st.integers(0, 1_000), st.sets(st.integers(0, 29)))
def test_scores_are_similarities_of_their_parts_best_first(
    made: WordScore, count: int, seed: int, among: set[int]
) -> None:
    draw = np.random.default_rng(seed)
    seen = shown(count, seed)
    cosines = {name: draw.uniform(-1, 1, count).tolist() for name in (VISUAL, JOINT)}
    first = [place for place in range(count) if place in among]
    found = score_pictures(query(made, seed), rows(count), cosines, seen, first=first)
    assert {match.row["id"] for match in found} == {str(number) for number in range(count)}
    scores = [match.similarity for match in found]
    assert scores == sorted(scores, reverse=True)
    assert -1 - 1e-5 <= scores[-1] <= scores[0] <= 1 + 1e-5
    for match in found:
        shares = made.shares if ALIKE in match.parts else made.shares_alone
        told = sum(share * match.parts[name] for name, share in shares.items() if name in match.parts)
        assert told == pytest.approx(match.similarity, abs=1e-5)
        for name, values in cosines.items():
            assert match.parts[name] == pytest.approx(values[int(match.row["id"])], abs=1e-6)
        assert match.confidence is None


def test_only_the_best_of_the_first_are_what_others_are_to_be_alike() -> None:
    draw = np.random.default_rng(5)
    count, made = 40, ranking((GUESSED, 1.0))
    seen = shown(count, 5)
    cosines = draw.uniform(-1, 1, count).tolist()
    asked = query(made, 5)
    alone = {match.row["id"]: match.similarity for match in score_pictures(asked, rows(count), {VISUAL: cosines}, seen)}
    first = range(20)
    best = sorted(first, key=lambda place: -alone[str(place)])[:8]
    mean = unit(seen.looks[best].mean(axis=0))
    for few in (count, 25):
        # Pictures that are no first ones change no score.
        found = score_pictures(asked, rows(few), {VISUAL: cosines[:few]}, seen.of(range(few)), first=first)
        assert {match.row["id"]: match.parts[ALIKE] for match in found} == pytest.approx(
            {str(number): float(seen.looks[number] @ mean) for number in range(few)}, abs=1e-5
        )


def test_without_joint_cosines_they_are_those_that_the_conse_head_makes_of_what_was_seen() -> None:
    seen = saw([1, 0, 0, 0], [0, 0.6, 0.4, 0])
    asked = query(ranking((GUESSED, 1.0)), 7)
    found = score_pictures(asked, rows(2), {VISUAL: [0.0, 0.0]}, seen)
    made = unit(seen.probabilities(COUNT) @ MIXTURE.names) @ asked.recipes[JOINT].vector
    assert {match.row["id"]: match.parts[JOINT] for match in found} == pytest.approx(
        {str(number): made[number] for number in range(2)}, abs=3e-5
    )


def test_nothing_to_score_and_what_is_trusted() -> None:
    made = ranking((KNOWN, 1.0))
    assert score_pictures(query(made, 1), [], {VISUAL: []}, shown(0, 1)) == []
    trusting = replace(made, trusted=lambda seen, chances: chances[:, 0] / len(seen) / 2)
    seen = saw([0.8, 0.2, 0, 0], [0.1, 0.2, 0.7, 0])
    found = score_pictures(query(trusting, 1), rows(2), {VISUAL: [0.0, 0.0]}, seen)
    assert [(match.row["id"], match.confidence) for match in found] == [
        ("0", pytest.approx(0.4, abs=1e-5)),
        ("1", pytest.approx(0.05, abs=1e-5)),
    ]


def test_a_weighted_sum_takes_the_shares_that_are_given() -> None:
    parts = {"a": np.asarray([1.0, 0.0], np.float32), "b": np.asarray([0.0, 1.0], np.float32)}
    assert weighted_sum_of(parts, {"a": 0.25, "b": 0.75}).tolist() == [0.25, 0.75]
    assert weighted_sum_of(parts, {"a": 1.0}).tolist() == [1, 0]


def test_what_probabilities_lack_of_one_is_spread_over_all_classes() -> None:
    whole = [0.5, 0.3, 0.2, 0.0]
    told = [0.5, 0.1, 0.0, 0.0]
    made = MIXTURE.conse(saw(whole, told))
    # Probabilities are kept to 1 / 65,535.
    assert made[0] == pytest.approx(unit(np.asarray(whole) @ MIXTURE.names), abs=3e-5)
    assert made[1] == pytest.approx(unit((np.asarray(told) + 0.4 / COUNT) @ MIXTURE.names), abs=3e-5)
