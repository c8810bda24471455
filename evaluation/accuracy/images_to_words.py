"""Tags: how often a picture's label is the word that lies closest to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from milvise.core.arrays import Floats
from milvise.core.spaces import JOINT
from milvise.embeddings.words.phrases import whole_spellings
from milvise.evaluation.accuracy.pictures import Pictures
from milvise.evaluation.accuracy.rankings import CUTS
from milvise.evaluation.accuracy.splits import Split
from milvise.evaluation.report.figures import Figure, mean_figure
from milvise.queries.evaluation_reads import GalleryReader
from milvise.training.score import harmonic_mean

EVERY_WORD = 2**31
_ROWS = 1_000
_SAME = 1e-6


@dataclass(frozen=True, slots=True)
class Tagged:
    """Where the labels stand among candidate labels, for each of some pictures.

    Attributes
    ----------
    ids : list of str
    own : list of str
        Each picture's label.
    hits : ndarray of shape (pictures, 3)
        How likely the label is among the first 1, 5 and 10; between 0 and 1 only where labels tie.
    first : list of str
        The label that comes first.
    """

    ids: list[str]
    own: list[str]
    hits: np.ndarray[Any, np.dtype[np.float64]]
    first: list[str]


def rank_labels(
    reading: GalleryReader, pictures: Pictures, ids: Sequence[str], candidates: Mapping[str, Floats]
) -> Tagged:
    """Rank candidate labels by their cosine with each picture's joint vector; a picture with several labels counts for each."""
    names = list(candidates)
    place = {name: index for index, name in enumerate(names)}
    matrix = np.stack([candidates[name] for name in names])
    kept, own, hits, first = [], [], [], []
    joint = reading.space(JOINT)
    for start in range(0, len(ids), _ROWS):
        batch = ids[start : start + _ROWS]
        standing, vectors = joint.standing(batch)
        for key, similarity in zip(standing, vectors @ matrix.T, strict=True):
            right = [place[label] for label in pictures.labels[key] if label in place]
            for number in right:
                # A label does not compete with the picture's other labels, which are right too.
                rivals = similarity.copy()
                rivals[[other for other in right if other != number]] = -np.inf
                kept.append(key)
                own.append(names[number])
                hits.append(_hits(rivals, number))
                first.append(names[int(rivals.argmax())])
    return Tagged(kept, own, np.asarray(hits, dtype=np.float64).reshape(-1, len(CUTS)), first)


def _hits(similarity: Floats, own: int) -> list[float]:
    """Return for each k the share of the orders of ties in which the own label is among the first k."""
    better = int((similarity > similarity[own] + _SAME).sum())
    tied = int((np.abs(similarity - similarity[own]) <= _SAME).sum())
    return [min(1.0, max(0.0, (k - better) / tied)) for k in CUTS]


def by_label(tagged: Tagged, cut: int) -> dict[str, float]:
    """Return the mean hit at ``CUTS[cut]`` of each label's pictures."""
    found: dict[str, list[float]] = {}
    for label, hits in zip(tagged.own, tagged.hits, strict=True):
        found.setdefault(label, []).append(float(hits[cut]))
    return {label: float(np.mean(values)) for label, values in sorted(found.items())}


def accuracy_of_tags(
    reading: GalleryReader, pictures: Pictures, ids: Sequence[str], candidates: Mapping[str, Floats], split: Split
) -> tuple[list[Figure], list[dict[str, Any]]]:
    """Return the figures, and for each label what its pictures were taken for.

    ``tags`` ranks all labels of the gallery, for all pictures. ``zero_shot.tag_hit@k`` ranks unseen labels, for pictures
    of unseen labels. ``generalised`` ranks all labels, once for pictures of unseen and once for those of seen labels that
    the head was not trained on; its harmonic mean is low where either is. Every figure is a mean over labels of a mean
    over a label's pictures.

    References
    ----------
    Xian et al. 2018, "Zero-Shot Learning: A Comprehensive Evaluation of the Good, the Bad and the Ugly", section 3.3.
    """
    everything = rank_labels(reading, pictures, ids, candidates)
    figures = _hit_figures("tags.hit", everything, "among all labels of the gallery", len(candidates))
    unseen = {label: vector for label, vector in candidates.items() if label in split.unseen}
    new = [key for key in ids if split.unseen & set(pictures.labels[key])]
    if unseen and new:
        alone = rank_labels(reading, pictures, new, unseen)
        figures += _hit_figures("zero_shot.tag_hit", alone, "among unseen labels, for pictures of these", len(unseen))
    figures += _generalised(everything, pictures, split)
    return figures, _confusions(everything)


def accuracy_among_all_words(
    reading: GalleryReader, pictures: Pictures, ids: Sequence[str]
) -> tuple[list[Figure], list[str]]:
    """Return the figures for labels among the whole vocabulary, and the labels that are no entry of it and take no part."""
    spelt = {label: frozenset(whole_spellings(label)) for label in pictures.counts}
    known = reading.entries([form for forms in spelt.values() for form in forms])
    searched = {label: forms & known.keys() for label, forms in spelt.items() if forms & known.keys()}
    found: dict[str, list[list[bool]]] = {}
    wanted = [key for key in ids if searched.keys() & set(pictures.labels[key])]
    for key, hits in reading.closest_words(wanted, limit=max(CUTS), among=EVERY_WORD):
        words = [hit.word for hit in hits]
        for label in searched.keys() & set(pictures.labels[key]):
            found.setdefault(label, []).append([bool(searched[label] & set(words[:k])) for k in CUTS])
    if not found:
        return [], sorted(spelt.keys() - searched.keys())
    figures = [
        mean_figure(
            f"all_words.hit@{k}", {label: float(np.mean([hit[cut] for hit in hits])) for label, hits in sorted(found.items())},
            over="labels", what=f"pictures whose label is among the first {k} of all words, divided by the label's pictures",
        )
        for cut, k in enumerate(CUTS)
    ]  # fmt: skip
    return figures, sorted(spelt.keys() - searched.keys())


def _hit_figures(name: str, tagged: Tagged, among: str, count: int) -> list[Figure]:
    if not tagged.own:
        return []
    return [
        mean_figure(
            f"{name}@{k}", by_label(tagged, cut), over="labels", chance=min(1.0, k / count),
            what=f"pictures whose label is among the first {k} {among}, divided by the label's pictures",
        )
        for cut, k in enumerate(CUTS)
    ]  # fmt: skip


def _generalised(tagged: Tagged, pictures: Pictures, split: Split) -> list[Figure]:
    parts: dict[str, list[int]] = {"seen": [], "unseen": []}
    for place, (key, label) in enumerate(zip(tagged.ids, tagged.own, strict=True)):
        if label in split.unseen:
            parts["unseen"].append(place)
        elif label in split.seen and not split.was_trained_on(label, pictures.hashes[key]):
            parts["seen"].append(place)
    if not parts["seen"] or not parts["unseen"]:
        return []
    figures = [
        mean_figure(
            f"generalised.{part}_hit@1", by_label(_chosen(tagged, places), 0), over="labels",
            what=f"pictures of {part} labels (none of them trained on) whose label comes first among all labels",
        )
        for part, places in parts.items()
    ]  # fmt: skip
    mean = harmonic_mean(figures[0].value, figures[1].value)
    what = "harmonic mean of the two figures generalised.seen_hit@1 and generalised.unseen_hit@1"
    return [*figures, Figure("generalised.harmonic_mean", mean, "higher", "share", what)]


def _chosen(tagged: Tagged, places: list[int]) -> Tagged:
    pick = [tagged.own[place] for place in places], [tagged.first[place] for place in places]
    return Tagged([tagged.ids[place] for place in places], pick[0], tagged.hits[places], pick[1])


def _confusions(tagged: Tagged) -> list[dict[str, Any]]:
    taken: dict[str, Counter[str]] = {}
    for label, first in zip(tagged.own, tagged.first, strict=True):
        taken.setdefault(label, Counter())[first] += 1
    right = by_label(tagged, 0)
    rows = [
        {
            "label": label,
            "pictures": sum(counts.values()),
            "hit@1": round(right[label], 4),
            "taken_for": [[name, count] for name, count in counts.most_common(4) if name != label][:3],
        }
        for label, counts in taken.items()
    ]
    return sorted(rows, key=lambda row: (row["hit@1"], row["label"]))
