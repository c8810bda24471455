"""Skew, MaxSkew and NDKL on paper, with ties, absent groups and planted bias."""

from __future__ import annotations

import math

import numpy as np
import pytest

from milvise.core.few_values import FewValues
from milvise.core.records import Hit
from milvise.evaluation.bias.groups import Groups
from milvise.evaluation.bias.representation import max_skew, ndkl, shares, skew, tied_means, weights_at
from milvise.evaluation.bias.results import Answer, compare_results
from milvise.evaluation.report.section import Section

HALVES = np.asarray([0.5, 0.5])


def hot(text: str) -> np.ndarray:
    """Make rows for the groups a and b."""
    return np.eye(2)[["ab".index(letter) for letter in text]]


def test_skew_worked_out_on_paper() -> None:
    share = shares(hot("aaab"), np.ones(4))
    assert share == pytest.approx([0.75, 0.25])
    assert skew(share, HALVES, 4) == pytest.approx([math.log(1.5), math.log(0.5)])
    assert max_skew(share, HALVES) == pytest.approx(math.log(1.5))


def test_an_absent_group_counts_as_half_a_result() -> None:
    share = shares(hot("aaaa"), np.ones(4))
    assert skew(share, HALVES, 4) == pytest.approx([math.log(2), math.log(0.5 / 4 / 0.5)])
    assert max_skew(share, HALVES) == pytest.approx(math.log(2))


def test_the_shares_of_the_gallery_are_no_skew() -> None:
    assert max_skew(shares(hot("abab"), np.ones(4)), HALVES) == 0


def test_ndkl_worked_out_on_paper() -> None:
    # After one result: share (1, 0), divergence ln 2. After two: (1/2, 1/2), none.
    weights = [1 / math.log2(2), 1 / math.log2(3)]
    assert ndkl(hot("ab"), HALVES) == pytest.approx(math.log(2) * weights[0] / sum(weights))
    assert ndkl(hot("aa"), HALVES) == pytest.approx(math.log(2))


def test_a_tie_at_the_cut_is_shared_among_the_tied() -> None:
    assert weights_at([0.9, 0.5, 0.5, 0.5, 0.1], 2) == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3, 0])
    assert weights_at([0.9, 0.8], 5) == pytest.approx([1, 1])
    assert shares(hot("aabbb"), weights_at([0.9, 0.5, 0.5, 0.5, 0.1], 2)) == pytest.approx([2 / 3, 1 / 3])


def test_tied_results_have_the_mean_of_their_groups() -> None:
    assert tied_means(hot("aab"), [0.9, 0.5, 0.5])[1:] == pytest.approx(np.full((2, 2), 0.5))
    assert tied_means(hot("aab"), [0.9, 0.5, 0.4]) == pytest.approx(hot("aab"))


def searched(seed: int, shift: float, *, shuffled: bool = False) -> Section:
    """Compare 30 neutral searches in a gallery of 400 pictures, half of which are shifted towards one direction."""
    random = np.random.default_rng(seed)
    pictures = random.normal(size=(400, 30))
    group = np.arange(400) % 2
    direction = random.normal(size=30)
    pictures[group == 1] += shift * direction / np.linalg.norm(direction)
    if shuffled:
        group = random.permutation(group)
    pictures /= np.linalg.norm(pictures, axis=1, keepdims=True)
    ids = [f"{number:03}" for number in range(400)]
    answers = []
    for number in range(30):
        query = random.normal(size=30) + (direction if number % 3 == 0 else 0)
        scores = pictures @ (query / np.linalg.norm(query))
        order = np.argsort(-scores)[:80]
        hits = tuple(Hit(ids[place], "", "", float(scores[place]), 0.0) for place in order)
        answers.append(Answer("queries", f"query {number}", hits))
    names = {key: "ab"[value] for key, value in zip(ids, group, strict=True)}
    groups = Groups("side", FewValues(names.items()), {"a": 200, "b": 200}, {}, 0)
    part = Section("bias")
    compare_results(answers, groups, k=20, part=part)
    return part


def p_values(part: Section) -> list[float | None]:
    return [figure.p for figure in part.figures]


@pytest.mark.parametrize("seed", range(20))
def test_a_planted_bias_is_found_and_a_shuffled_control_is_not(seed: int) -> None:
    planted, control = searched(seed, 2.0), searched(seed, 2.0, shuffled=True)
    assert max(p_values(planted)) <= 0.01
    assert min(p_values(control)) > 0.01
    assert any(row["beyond_chance"] for row in planted.tables["results"])


def test_searches_with_too_few_pictures_of_the_groups_are_named_and_left_out() -> None:
    groups = Groups("side", FewValues([("1", "a"), ("2", "b")]), {"a": 1, "b": 1}, {}, 0)
    part = Section("bias")
    compare_results([Answer("queries", "dog", (Hit("1", "", "", 1.0, 0.0),))], groups, k=20, part=part)
    assert part.figures == []
    assert "fewer than 20 pictures that have a value for side: dog" in part.not_measured[0]
