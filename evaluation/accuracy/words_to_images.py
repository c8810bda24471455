"""Search by word: how well the name of a label finds the label's pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from milvise.core.records import Hit
from milvise.evaluation.accuracy.pictures import Pictures
from milvise.evaluation.accuracy.rankings import CUTS, RankedResults, first_rank, measure
from milvise.evaluation.accuracy.splits import Split
from milvise.evaluation.report.figures import Figure, mean_figure
from milvise.queries.evaluation_reads import GalleryReader

DEPTH = 1_000
"""How many results of each search are looked at."""

SHOWN = 24
"""How many results of each search the report shows."""

_CONFUSED = 3

WHAT = {
    **{f"p@{k}": f"relevant pictures among the first {k}, divided by {k}" for k in CUTS},
    "capped_p@10": "relevant pictures among the first 10, divided by 10 or by all relevant if fewer",
    **{f"recall@{k}": f"relevant pictures among the first {k}, divided by all relevant" for k in CUTS},
    "ap": f"average precision over the first {DEPTH:,} results, divided by all relevant",
    "ndcg@10": "discounted cumulative gain of the first 10, divided by the best possible",
    "rr": "1 divided by the rank of the first relevant picture",
}  # fmt: skip
"""What each metric of `milvise.evaluation.accuracy.rankings.measure` counts."""


@dataclass(frozen=True, slots=True)
class LabelSearch:
    """One search by word and what it found.

    Attributes
    ----------
    hits : tuple of Hit
        The first results, searched for as users do: asked for fewer, an index may find other ones.
    first : RankedResults
        Of those.
    deep : RankedResults
        Of up to `DEPTH` results, for what needs the whole ranking.
    """

    text: str
    hits: tuple[Hit, ...]
    first: RankedResults
    deep: RankedResults


def phrase_of(label: str) -> str:
    """Return the words of a label, as one phrase."""
    return " ".join(label.replace("_", " ").replace('"', " ").split())


def text_of(label: str) -> str:
    """Return the expression that searches for a label."""
    return f'"{phrase_of(label)}"'


def ask_labels(
    reading: GalleryReader, pictures: Pictures, labels: Iterable[str], *, filter: str
) -> dict[str, LabelSearch]:
    """Search for each label as a user would; by label."""
    found = {}
    for label in labels:
        text = text_of(label)
        hits, deep = (
            # What was written meanwhile was not asked about.
            [
                hit
                for hit in reading.gallery.search(text, limit=limit, filter=filter, by="meaning")
                if hit.id in pictures.labels
            ]
            for limit in (SHOWN, DEPTH)
        )
        found[label] = LabelSearch(text, tuple(hits), _ranking(hits, label, pictures), _ranking(deep, label, pictures))
    return found


def _ranking(hits: Sequence[Hit], label: str, pictures: Pictures) -> RankedResults:
    relevant = [label in pictures.labels[hit.id] for hit in hits]
    return RankedResults([hit.similarity for hit in hits], relevant, pictures.counts[label])


def accuracy_by_word(
    queries: Mapping[str, LabelSearch], pictures: Pictures, split: Split
) -> tuple[list[Figure], list[dict[str, Any]]]:
    """Return the figures, and a row for each label, the worst first.

    A figure is the mean over labels, which count the same however many pictures they have. ``all`` are all labels that
    can be searched for, ``zero_shot`` those that neither head nor backbone was trained on, and ``seen`` the others, whose
    pictures may have been trained on.
    """
    metrics = measure({label: query.first for label, query in queries.items()})
    deep = measure({label: query.deep for label, query in queries.items()})
    metrics |= {name: deep[name] for name in ("ap", "rr")}
    groups = {"all": queries.keys(), "seen": split.seen & queries.keys(), "zero_shot": split.unseen & queries.keys()}
    figures = []
    for group, labels in groups.items():
        chosen = sorted(labels)
        chance = sum(queries[label].first.total for label in chosen) / max(1, len(chosen) * len(pictures.labels))
        for metric, values in metrics.items():
            if chosen:
                by = {label: values[label] for label in chosen}
                known = chance if metric.startswith("p@") else None
                figures.append(mean_figure(f"{group}.{metric}", by, what=WHAT[metric], over="labels", chance=known))
    rows = [_row(label, query, pictures, split, metrics) for label, query in queries.items()]
    return figures, sorted(rows, key=lambda row: (row["capped_p@10"], row["ap"], row["label"]))


def _row(
    label: str, query: LabelSearch, pictures: Pictures, split: Split, metrics: Mapping[str, Mapping[str, float]]
) -> dict[str, Any]:
    instead = Counter(_wrong(label, query, pictures))
    return {
        "label": label,
        "query": query.text,
        "part": part_of(label, split),
        "pictures": query.first.total,
        **{metric: round(metrics[metric][label], 4) for metric in ("p@10", "capped_p@10", "recall@10", "ap", "ndcg@10")},
        "first_rank": first_rank(query.deep),
        "instead": [[name, count] for name, count in instead.most_common(_CONFUSED)],
        "hits": [
            {"id": hit.id, "uri": hit.uri, "similarity": round(hit.similarity, 4), "relevant": relevant}
            for hit, relevant in zip(query.hits, query.first.relevant, strict=True)
        ],
    }  # fmt: skip


def part_of(label: str, split: Split) -> str:
    """Return how a label is known: ``trained``, ``backbone``, ``unseen``, or ``unknown``."""
    if label in split.trained:
        return "trained"
    if label in split.known:
        return "backbone"
    return "unseen" if label in split.unseen else "unknown"


def _wrong(label: str, query: LabelSearch, pictures: Pictures) -> Iterator[str]:
    for hit in query.hits[:10]:
        labels = pictures.labels[hit.id]
        if label not in labels:
            yield " + ".join(labels) or "(no label)"
