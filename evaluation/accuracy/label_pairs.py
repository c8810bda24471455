"""Searches for two things at once, on galleries whose pictures have several labels."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

from milvise.evaluation.accuracy.pictures import Pictures
from milvise.evaluation.accuracy.rankings import RankedResults, measure
from milvise.evaluation.accuracy.words_to_images import DEPTH, WHAT, text_of
from milvise.evaluation.report.figures import Figure, mean_figure
from milvise.queries.evaluation_reads import GalleryReader

LEAST = 3
"""A pair of labels is asked for if so many pictures have both."""

MOST_PAIRS = 50
"""The most pairs that are asked for: those that most pictures have."""

_METRICS = ("p@10", "capped_p@10", "ap")


def accuracy_of_pairs(
    reading: GalleryReader, pictures: Pictures, searchable: frozenset[str], *, filter: str
) -> list[Figure]:
    """Return precision of ``"a" "b"`` for labels that pictures have together: a picture is relevant if it has both."""
    together: Counter[tuple[str, str]] = Counter()
    for labels, count in pictures.together.items():
        together.update(dict.fromkeys(combinations(sorted(searchable & set(labels)), 2), count))
    rankings = {}
    for pair, count in sorted(together.items(), key=lambda item: (-item[1], item[0]))[:MOST_PAIRS]:
        if count < LEAST:
            break
        text = " ".join(text_of(label) for label in pair)
        hits = reading.gallery.search(text, limit=min(DEPTH, len(pictures.labels)), filter=filter, by="meaning")
        relevant = [set(pair) <= set(pictures.labels.get(hit.id, ())) for hit in hits]
        rankings[" + ".join(pair)] = RankedResults([hit.similarity for hit in hits], relevant, count)
    if not rankings:
        return []
    metrics = measure(rankings)
    chance = sum(ranking.total for ranking in rankings.values()) / (len(rankings) * len(pictures.labels))
    return [
        mean_figure(
            f"pairs.{metric}", metrics[metric], over="pairs of labels", what=f"both labels: {WHAT[metric]}",
            chance=chance if metric == "p@10" else None,
        )
        for metric in _METRICS
    ]  # fmt: skip
