"""Search by picture: how far pictures with the same label come first, without and with a focus on its class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from milvise.core.records import Hit
from milvise.embeddings.words.phrases import tokens
from milvise.evaluation.accuracy.pictures import Pictures
from milvise.evaluation.accuracy.rankings import RankedResults, measure
from milvise.evaluation.report.figures import Figure, mean_figure
from milvise.queries.evaluation_reads import GalleryReader

_LIMIT = 10
_METRICS = ("p@1", "p@10", "capped_p@10")


def accuracy_by_picture(reading: GalleryReader, pictures: Pictures, ids: Sequence[str], *, filter: str) -> list[Figure]:
    """Return precision of `Gallery.similar`, a mean over labels of a mean over pictures; the picture itself is left out.

    ``similar`` are pictures whose label another picture has too. ``similar.focus_*`` are those of them whose label is a
    class of the backbone, searched with that focus, and ``similar.plain_*`` the same ones without it.
    """
    asked = [key for key in ids if any(pictures.counts[label] > 1 for label in pictures.labels[key])]
    classes = {" ".join(tokens(name)).lower(): name for name in reading.class_names()}
    focus = {label: name for label in pictures.counts if (name := classes.get(" ".join(tokens(label)).lower()))}
    focused = [key for key in asked if focus.keys() & set(pictures.labels[key])]

    def plain(key: str) -> list[Hit] | None:
        return reading.similar(key, limit=_LIMIT, filter=filter)

    def through_class(key: str) -> list[Hit] | None:
        name = next(focus[label] for label in pictures.labels[key] if label in focus)
        return reading.similar(key, focus=name, limit=_LIMIT, filter=filter)

    known = _ask(asked, plain)
    figures = _figures("similar.", known, pictures)
    if focused:
        figures += _figures("similar.plain_", {key: known[key] for key in focused if key in known}, pictures)
        figures += _figures("similar.focus_", _ask(focused, through_class), pictures)
    return figures


def _ask(ids: Sequence[str], search: Callable[[str], list[Hit] | None]) -> dict[str, list[Hit]]:
    """Return the answers by picture; one that was removed meanwhile has none."""
    return {key: hits for key in ids if (hits := search(key)) is not None}


def _figures(prefix: str, answers: Mapping[str, list[Hit]], pictures: Pictures) -> list[Figure]:
    if not answers:
        return []
    rankings: dict[str, RankedResults] = {}
    for key, hits in answers.items():
        labels = set(pictures.labels[key])
        total = pictures.having(labels) - 1
        relevant = [bool(labels & set(pictures.labels.get(hit.id, ()))) for hit in hits]
        rankings[key] = RankedResults([hit.similarity for hit in hits], relevant, total)
    metrics = measure(rankings)
    return [_mean(prefix, metric, metrics[metric], pictures) for metric in _METRICS]


def _mean(prefix: str, metric: str, values: Mapping[str, float], pictures: Pictures) -> Figure:
    by: dict[str, list[float]] = {}
    for key, value in values.items():
        for label in pictures.labels[key]:
            by.setdefault(label, []).append(value)
    means = {label: sum(found) / len(found) for label, found in sorted(by.items())}
    cut = metric.split("@")[1]
    divided = f"{cut} or by all others with it if fewer" if metric.startswith("capped") else cut
    what = f"pictures with the same label among the {cut} most similar, divided by {divided}"
    return mean_figure(f"{prefix}{metric}", means, over="labels", what=what)
