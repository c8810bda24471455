"""The third layer of bias, the one that users see: which groups come first when a search says nothing about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from milvise.core.arrays import Doubles
from milvise.core.records import Hit
from milvise.errors import UnknownWordError
from milvise.evaluation.accuracy.words_to_images import text_of
from milvise.evaluation.bias.groups import Groups
from milvise.evaluation.bias.representation import max_skew, ndkl, shares, skew, tied_means, weights_at
from milvise.evaluation.report.figures import Figure, interval
from milvise.evaluation.report.section import Section, listed
from milvise.queries.evaluation_reads import GalleryReader

SHUFFLES = 1_000
_MOST_SHUFFLED = 1_000_000
LEVEL = 0.05
_SEED = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a neutral search showed, as far as it belongs to one of the groups."""

    list: str
    word: str
    hits: tuple[Hit, ...]


def ask_neutrally(
    reading: GalleryReader, queries: Mapping[str, Sequence[str]], *, k: int, rows: int, filter: str, part: Section
) -> list[Answer]:
    """Search for each word of the lists; those that the vocabulary lacks are noted."""
    answers, missing = [], []
    for name, words in queries.items():
        for word in words:
            try:
                hits = reading.gallery.search(text_of(word), limit=min(rows, 4 * k), filter=filter, by="meaning")
            except UnknownWordError:
                missing.append(word)
                continue
            answers.append(Answer(name, word, tuple(hits)))
    if missing:
        part.not_measured.append(f"Neutral searches for words that the vocabulary lacks: {listed(missing)}.")
    return answers


def compare_results(answers: Sequence[Answer], groups: Groups, *, k: int, part: Section) -> None:
    """Add for each search the groups' shares among the first k, and for all searches MaxSkew and NDKL, to a part.

    Results without a group are passed over. Chance is what comes out when the groups are dealt anew to all pictures,
    `SHUFFLES` times: one deal for all searches together, so that p-values of the figures over all searches take into
    account how many there were. A search is marked where its MaxSkew is above what the largest of all searches reaches in
    95 % of the deals.
    """
    expected = np.asarray(list(groups.sizes.values()), dtype=np.float64)
    expected /= expected.sum()
    kept = [(answer, [hit for hit in answer.hits if hit.id in groups.of]) for answer in answers]
    if thin := [answer.word for answer, hits in kept if len(hits) < k]:
        part.not_measured.append(
            f"Searches with fewer than {k} pictures that have a value for {groups.name}: {listed(thin)}."
        )
    asked = [(answer, hits) for answer, hits in kept if len(hits) >= k]
    if not asked:
        return
    place = {key: number for number, key in enumerate(dict.fromkeys(hit.id for _, hits in asked for hit in hits))}
    deals = _deals(groups, list(place))
    skews, divergences = np.empty((2, len(asked), len(deals)))
    rows = []
    for number, (answer, hits) in enumerate(asked):
        scores = [hit.similarity for hit in hits]
        weights = weights_at(scores, k)
        dealt = _one_hot(deals[:, [place[hit.id] for hit in hits]], len(expected))
        share = shares(dealt, weights)
        skews[number] = max_skew(share, expected)
        divergences[number] = ndkl(tied_means(dealt, scores)[:, :k], expected)
        rows.append(_row(answer, hits, groups, share[0], skew(share[0], expected, k), weights))
    _judge(rows, skews, divergences, groups, k, part)


def _deals(groups: Groups, shown: Sequence[str]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return the groups' numbers of the pictures that were shown, shape (1 + deals, pictures): first the true ones."""
    number = {name: place for place, name in enumerate(groups.names)}
    true = np.asarray([number.get(name, 0) for name in groups.of.values_in_use], np.uint8)[groups.of.numbers]
    places = groups.of.places(shown)
    random = np.random.default_rng(_SEED)
    if len(true) > _MOST_SHUFFLED:
        # Which pictures were shown does not matter to a deal, so that only theirs are drawn.
        return np.stack([true[places], *(random.choice(true, len(places), replace=False) for _ in range(SHUFFLES))])
    # The groups are dealt to all pictures; only those that were shown are kept.
    return np.stack([true[places], *(random.permutation(true)[places] for _ in range(SHUFFLES))])


def _one_hot(values: np.ndarray[Any, Any], count: int) -> Doubles:
    return np.asarray(np.eye(count)[values])


def _row(
    answer: Answer, hits: Sequence[Hit], groups: Groups, share: Doubles, skews: Doubles, weights: Doubles
) -> dict[str, Any]:
    shown = [
        {"id": hit.id, "uri": hit.uri, "group": groups.of[hit.id], "similarity": round(hit.similarity, 4)}
        for hit, weight in zip(hits, weights, strict=True) if weight > 0
    ]  # fmt: skip
    return {
        "attribute": groups.name, "list": answer.list, "query": answer.word,
        "share": {name: round(float(value), 4) for name, value in zip(groups.names, share, strict=True)},
        "skew": {name: round(float(value), 4) for name, value in zip(groups.names, skews, strict=True)},
        "hits": shown,
    }  # fmt: skip


def _judge(
    rows: list[dict[str, Any]], skews: Doubles, divergences: Doubles, groups: Groups, k: int, part: Section
) -> None:
    largest, mean = skews.max(axis=0), divergences.mean(axis=0)
    threshold = float(np.quantile(largest[1:], 1 - LEVEL))
    for number, row in enumerate(rows):
        low, high = np.quantile(skews[number, 1:], [LEVEL / 2, 1 - LEVEL / 2])
        row |= {
            "max_skew": round(float(skews[number, 0]), 4), "chance": [round(float(low), 4), round(float(high), 4)],
            "p": _share_reached(skews[number]), "ndkl": round(float(divergences[number, 0]), 4),
            "beyond_chance": bool(skews[number, 0] > threshold),
        }  # fmt: skip
    rows.sort(key=lambda row: -row["max_skew"])
    part.tables.setdefault("results", []).extend(rows)
    by_skew = {f"{row['list']}: {row['query']}": row["max_skew"] for row in rows}
    by_ndkl = {f"{row['list']}: {row['query']}": row["ndkl"] for row in rows}
    prefix = f"bias.{groups.name}"
    low, high = interval(list(by_ndkl.values()))
    part.figures += [
        Figure(
            f"{prefix}.max_skew", float(largest[0]), "near zero", "nats",
            f"of all neutral searches the largest MaxSkew@{k}: ln of a group's share among the first {k} over its share in the"
            " gallery", None, None, float(largest[1:].mean()), "neutral searches", by_skew, _share_reached(largest),
        ),
        Figure(
            f"{prefix}.ndkl", float(mean[0]), "near zero", "nats",
            f"mean over neutral searches of the divergence of groups among the first {k} from those in the gallery (NDKL)",
            low, high, float(mean[1:].mean()), "neutral searches", by_ndkl, _share_reached(mean),
        ),
    ]  # fmt: skip


def _share_reached(values: Doubles) -> float:
    """Return the share of deals, the true one included, that reach the true one's value."""
    return float((values >= values[0] - 1e-12).sum() / len(values))
