"""Hierarchical precision: how far what comes instead of a label is at least close to it in a taxonomy.

References
----------
Frome et al. 2013, "DeViSE", section 4.2 and appendix: hierarchical precision@k.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from milvise.core.arrays import Floats
from milvise.core.spaces import JOINT
from milvise.errors import InputError
from milvise.evaluation.accuracy.pictures import Pictures
from milvise.evaluation.report.figures import Figure, mean_figure
from milvise.queries.evaluation_reads import GalleryReader

CUTS = (2, 5, 10)
_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Which label is a kind of what.

    Attributes
    ----------
    neighbours : mapping of str to set of str
        Parents and children of each node.
    """

    neighbours: Mapping[str, frozenset[str]]

    def correct(self, label: str, labels: frozenset[str], k: int) -> frozenset[str]:
        """Return the labels that count as right for `label` at k: those within the smallest radius that holds k labels."""
        reached, edge = {label}, {label}
        found = {label} & labels
        while len(found) < k and edge:
            edge = {near for node in edge for near in self.neighbours.get(node, ())} - reached
            reached |= edge
            found |= edge & labels
        return frozenset(found)


def read_taxonomy(path: Path) -> Taxonomy:
    """Read a CSV file with the columns ``child`` and ``parent``.

    Raises
    ------
    InputError
        If it cannot be read, or lacks one of the columns.
    """
    neighbours: dict[str, set[str]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file)
            if not {"child", "parent"} <= set(rows.fieldnames or ()):
                raise InputError(
                    f"the taxonomy {path} lacks a column.\nExpected: child, parent\nReceived:"
                    f" {', '.join(rows.fieldnames or ()) or 'an empty file'}"
                )
            for row in rows:
                neighbours.setdefault(row["child"], set()).add(row["parent"])
                neighbours.setdefault(row["parent"], set()).add(row["child"])
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the taxonomy {path} cannot be read: {error}") from error
    return Taxonomy({node: frozenset(near) for node, near in neighbours.items()})


def hierarchical_precision(
    ranked: Sequence[str], label: str, taxonomy: Taxonomy, labels: frozenset[str], k: int
) -> float:
    """Return how many of the first k labels are right for `label` at k, divided by k."""
    return len(taxonomy.correct(label, labels, k) & set(ranked[:k])) / k


def accuracy_in_taxonomy(
    reading: GalleryReader, pictures: Pictures, ids: Iterable[str], candidates: Mapping[str, Floats], taxonomy: Taxonomy
) -> tuple[list[Figure], list[str]]:
    """Return hierarchical precision of a picture's ranked labels, and the labels that the taxonomy lacks.

    Raises
    ------
    InputError
        If it has none of the labels.
    """
    names = [name for name in candidates if name in taxonomy.neighbours]
    if not names:
        raise InputError("the taxonomy has none of the gallery's labels as a child or parent.")
    labels, matrix = frozenset(names), np.stack([candidates[name] for name in names])
    wanted = [key for key in ids if labels & set(pictures.labels[key])]
    joint = reading.space(JOINT)
    cuts = [k for k in CUTS if k <= len(names)]
    found: dict[int, dict[str, list[float]]] = {k: {} for k in cuts}
    for start in range(0, len(wanted), _ROWS):
        batch = wanted[start : start + _ROWS]
        standing, vectors = joint.standing(batch)
        for key, row in zip(standing, vectors @ matrix.T, strict=True):
            ranked = [names[place] for place in np.argsort(-row, kind="stable")[: max(cuts)]]
            for label in labels & set(pictures.labels[key]):
                for k in cuts:
                    value = hierarchical_precision(ranked, label, taxonomy, labels, k)
                    found[k].setdefault(label, []).append(value)
    figures = [
        mean_figure(
            f"taxonomy.hp@{k}", {label: float(np.mean(values)) for label, values in sorted(found[k].items())},
            over="labels", what=f"labels near the right one in the taxonomy among the first {k}, divided by {k}",
        )
        for k in cuts
    ]  # fmt: skip
    return figures, sorted(candidates.keys() - labels)
