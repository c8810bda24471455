"""Pictures whose text holds an expression, or some of it: those of the same share together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

from milvise.adapter.escape import is_in
from milvise.queries.text.filter import LABEL, URI
from milvise.queries.text.held_words import matched
from milvise.queries.text.words import Phrase

MOST_KEYS = 1_000
"""So many pictures are named one by one in a filter."""


@dataclass
class Tier:
    """Pictures whose text holds the same share of an expression.

    Attributes
    ----------
    share : float
        In (0, 1].
    labelled : dict of str to int
        Labels that hold as much by themselves, each with the number of its pictures here.
    others : list of str
        Keys of the pictures with other labels.
    """

    share: float
    labelled: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    others: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return len(self.others) + sum(self.labelled.values())

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(self.others)

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Return whether a picture is one of them; one that was read by another call may be, by its label."""
        return row[LABEL] in self.labelled or row["id"] in self._keys

    def rest(self, known: Mapping[str, Mapping[str, Any]]) -> tuple[str, int]:
        """Return the filter of the pictures that are not known yet, empty where all are, and how many it fits at least.

        Pictures of a label that says as much need not be named one by one, and there may be more than were read.

        Parameters
        ----------
        known : mapping of str to mapping
            By key, with their ``label``.
        """
        counts = Counter(row[LABEL] for row in known.values())
        labels = {label: count for label, count in self.labelled.items() if count > counts[label]}
        keys = list(islice((key for key in self.others if key not in known), MOST_KEYS))
        parts = [is_in(column, sorted(values)) for column, values in ((LABEL, labels), ("id", keys)) if values]
        return " or ".join(parts), len(keys) + sum(labels.values())


def tiers(wanted: Sequence[Phrase], rows: Iterable[Mapping[str, Any]]) -> list[Tier]:
    """Return the pictures among `rows` whose text holds a phrase that is searched for, the largest shares first."""
    by_label: dict[str, float] = {}
    shared = []
    for row in rows:
        label = row[LABEL]
        if label not in by_label:
            by_label[label] = label_share(wanted, label)
        # Labels are few and pictures many: a label that says it all is looked at once.
        share = by_label[label] if by_label[label] == 1 else matched(wanted, row).share
        shared.append((row, share))
    return grouped(shared, by_label)


def label_share(wanted: Sequence[Phrase], label: str) -> float:
    """Return the share of the phrases that a label holds."""
    return matched(wanted, {LABEL: label, URI: "", "meta": {}}).share


def grouped(shared: Iterable[tuple[Mapping[str, Any], float]], by_label: Mapping[str, float]) -> list[Tier]:
    """Return tiers of pictures, each with its share, where labels alone hold such shares; as `tiers`.

    Each share by itself: the few texts that hold all of an expression would be lost among many that hold half of it.
    """
    made: dict[float, Tier] = {}
    for row, share in shared:
        if not share:
            continue
        tier = made.get(share)
        if tier is None:
            tier = made[share] = Tier(share)
        if by_label[row[LABEL]] >= share:
            tier.labelled[row[LABEL]] += 1
        else:
            tier.others.append(row["id"])
    return [made[share] for share in sorted(made, reverse=True)]
