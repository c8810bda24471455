"""Metrics of hand-made rankings, worked out on paper, and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from milvise.evaluation.accuracy.rankings import ORDERS, RankedResults, first_rank, measure, orders


def ranked(relevant: str, total: int, scores: list[float] | None = None) -> RankedResults:
    """Make a ranking of ``x`` (relevant) and ``.`` (not)."""
    return RankedResults(
        scores or [1 - place / 100 for place in range(len(relevant))], [mark == "x" for mark in relevant], total
    )


def one(ranking: RankedResults) -> dict[str, float]:
    return {name: values["q"] for name, values in measure({"q": ranking}).items()}


def test_a_ranking_worked_out_on_paper() -> None:
    found = one(ranked("x.x..x....", 4))
    assert found["p@1"] == 1
    assert found["p@5"] == pytest.approx(2 / 5)
    assert found["p@10"] == pytest.approx(3 / 10)
    assert found["recall@1"] == pytest.approx(1 / 4)
    assert found["recall@10"] == pytest.approx(3 / 4)
    assert found["capped_p@10"] == pytest.approx(3 / 4)
    assert found["ap"] == pytest.approx((1 / 1 + 2 / 3 + 3 / 6) / 4)
    ideal = sum(1 / math.log2(rank + 1) for rank in (1, 2, 3, 4))
    assert found["ndcg@10"] == pytest.approx((1 + 1 / math.log2(4) + 1 / math.log2(7)) / ideal)
    assert found["rr"] == 1


def test_nothing_relevant_found_and_nothing_found_at_all() -> None:
    assert set(one(ranked("....", 2)).values()) == {0.0}
    assert set(one(ranked("", 2)).values()) == {0.0}
    assert first_rank(ranked("..x", 1)) == 3
    assert first_rank(ranked("...", 1)) is None


def test_fewer_results_than_the_cut_are_still_divided_by_it() -> None:
    found = one(ranked("xx", 2))
    assert found["p@10"] == pytest.approx(0.2)
    assert found["capped_p@10"] == 1


def test_tied_results_count_as_the_mean_of_their_orders() -> None:
    # One relevant and one other result share the first place: half of the orders have it first.
    found = one(ranked("x..", 1, [0.5, 0.5, 0.1]))
    assert found == one(ranked(".x.", 1, [0.5, 0.5, 0.1]))
    assert found["p@1"] == pytest.approx(0.5)
    assert found["rr"] == pytest.approx((1 + 1 / 2) / 2)
    assert found["ap"] == pytest.approx((1 + 1 / 2) / 2)
    assert found["ndcg@10"] == pytest.approx((1 + 1 / math.log2(3)) / 2)


def test_differences_of_rounding_are_ties_and_real_ones_are_not() -> None:
    assert len(list(orders(ranked("x.", 1, [0.5, 0.5 - 1e-9])))) == 2
    assert len(list(orders(ranked("x.", 1, [0.5, 0.499])))) == 1


def test_very_many_orders_are_sampled_and_come_close_to_the_exact_mean() -> None:
    ranking = ranked("x" * 10 + "." * 30, 10, [0.5] * 40)
    assert len(list(orders(ranking))) == ORDERS
    assert one(ranking)["p@10"] == pytest.approx(10 / 40, abs=0.03)


def test_scikit_learn_agrees_on_random_rankings() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        relevant = random.random(40) < 0.3
        if not relevant.any():
            continue
        scores = np.sort(random.random(40))[::-1]
        found = one(RankedResults(scores.tolist(), relevant.tolist(), int(relevant.sum())))
        assert found["ap"] == pytest.approx(average_precision_score(relevant, scores))
        assert found["ndcg@10"] == pytest.approx(ndcg_score([relevant], [scores], k=10))
