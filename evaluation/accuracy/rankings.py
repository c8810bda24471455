"""Metrics of one ranking, by ir-measures, with ties counted as what their orders give on average."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, product
from typing import Any

import numpy as np

from milvise.errors import MissingExtraError

CUTS = (1, 5, 10)
ORDERS = 200
"""The most orders of tied results that are looked at; where there are more, so many are drawn from a fixed seed."""

_SAME = 1e-6
"""Cosines that differ by less are a tie: float32 sums in another order differ by as much."""


@dataclass(frozen=True, slots=True)
class RankedResults:
    """What a search found, closest first.

    Attributes
    ----------
    scores : sequence of float
        Descending.
    relevant : sequence of bool
        Which of the results are relevant.
    total : int
        Relevant pictures in the gallery, found or not; at least one.
    """

    scores: Sequence[float]
    relevant: Sequence[bool]
    total: int


def measure(rankings: Mapping[str, RankedResults]) -> dict[str, dict[str, float]]:
    """Return the metrics of each ranking, by metric and ranking.

    ``p@k`` is divided by k, ``recall@k`` by `total`; ``capped_p@10`` by the smaller of the two, so that 1 can be reached;
    ``ap`` (average precision) by `total`; ``ndcg@10`` has gains of 0 and 1; ``rr`` is 1 over the first relevant rank.
    What was not found counts as not retrieved. Results with equal scores (to 1e-6) have no order of their own: a metric
    is its mean over their orders.

    Raises
    ------
    MissingExtraError
        If ir-measures is not installed.

    References
    ----------
    McSherry and Najork 2008, "Computing Information Retrieval Performance Measures Efficiently in the Presence of Tied
    Scores". MacAvaney et al. 2022, "Streamlining Evaluation with ir-measures".
    """
    measures = _measures()
    qrels, run, parts = _as_trec(rankings)
    sums: dict[str, dict[str, list[float]]] = {name: {} for name in measures.values()}
    from ir_measures import iter_calc

    for found in iter_calc(list(measures), qrels, run):
        sums[measures[found.measure]].setdefault(parts[found.query_id], []).append(found.value)
    # A ranking without any result is in no run, and has found nothing.
    metrics = {
        name: {key: float(np.mean(values[key])) if key in values else 0.0 for key in rankings}
        for name, values in sums.items()
    }
    metrics["capped_p@10"] = {
        key: metrics["p@10"][key] * 10 / min(10, ranking.total) for key, ranking in rankings.items()
    }
    return metrics


def first_rank(ranking: RankedResults) -> int | None:
    """Return the rank of the first relevant result, from 1, None where none was found; ties in the order received."""
    return next((rank for rank, relevant in enumerate(ranking.relevant, 1) if relevant), None)


@cache
def _measures() -> dict[Any, str]:
    try:
        from ir_measures import AP, RR, P, R, nDCG
    except ImportError:
        raise MissingExtraError("evaluating accuracy", "evaluate") from None
    cuts = {P @ k: f"p@{k}" for k in CUTS} | {R @ k: f"recall@{k}" for k in CUTS}
    return {**cuts, AP: "ap", nDCG @ 10: "ndcg@10", RR: "rr"}


def _as_trec(rankings: Mapping[str, RankedResults]) -> tuple[list[Any], list[Any], dict[str, str]]:
    from ir_measures import Qrel, ScoredDoc

    qrels, run, parts = [], [], {}
    for number, (key, ranking) in enumerate(rankings.items()):
        for order, relevant in enumerate(orders(ranking)):
            query = f"{number}-{order}"
            parts[query] = key
            run += [ScoredDoc(query, f"d{place}", -float(place)) for place in range(len(relevant))]
            found = [f"d{place}" for place, right in enumerate(relevant) if right]
            missed = [f"m{place}" for place in range(ranking.total - len(found))]
            qrels += [Qrel(query, document, 1) for document in (*found, *missed)]
    return qrels, run, parts


def orders(ranking: RankedResults) -> Iterator[list[bool]]:
    """Yield the relevance by rank for the orders that the scores leave open: all of them, or a seeded `ORDERS` of them."""
    groups = _groups(ranking)
    ways = math.prod(math.comb(len(group), sum(group)) for group in groups)
    if ways <= ORDERS:
        for chosen in product(*(_arrangements(group) for group in groups)):
            yield [relevant for group in chosen for relevant in group]
        return
    random = np.random.default_rng(0)
    for _ in range(ORDERS):
        yield [bool(relevant) for group in groups for relevant in random.permutation(group)]


def _groups(ranking: RankedResults) -> list[list[bool]]:
    groups: list[list[bool]] = []
    above = math.inf
    for score, relevant in zip(ranking.scores, ranking.relevant, strict=True):
        if above - score > _SAME:
            groups.append([])
        groups[-1].append(bool(relevant))
        above = score
    return groups


def _arrangements(group: list[bool]) -> Iterator[list[bool]]:
    for places in combinations(range(len(group)), sum(group)):
        yield [place in places for place in range(len(group))]
