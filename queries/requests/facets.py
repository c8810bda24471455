"""What the pictures of a gallery have in common, counted: labels, sizes, dates and the values of metadata columns.

Each count comes with the Milvus expression that selects what was counted, so that a page offers filters and writes none. The expressions
can be joined by ``and``.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from milvise.adapter import Collection
from milvise.adapter.collection import MOST_HITS
from milvise.adapter.escape import literal
from milvise.core.records import Row
from milvise.queries.requests.facet_values import SIZES, Value, dates, literals, size_of
from milvise.queries.text.read import is_closed

FIELDS = ("label", "width", "height", "meta")

MOST_LABELS, MOST_VALUES, MOST_COLUMNS = 200, 50, 20
"""Only the most frequent are told."""

KEPT_FACETS = 16
"""For so many filters; each takes at most some 300 kB."""

KEPT_S = 60
"""How long counts are kept of a gallery into which pictures are being loaded."""

_FIRST_ROWS = 200
_MOST_CHARS = 2**25
"""Half of the longest message that a server sends by default."""


@dataclass(frozen=True, slots=True)
class Facet:
    """One value that pictures have in common.

    Attributes
    ----------
    value : str, int, float or bool
        A label, a range of sizes, a year or a month such as ``2021-05``, or a value of a metadata column.
    count : int
        How many of the pictures have it.
    filter : str
        The Milvus expression that selects them.
    column : str
        The metadata column that it stands in, empty for labels and sizes.
    """

    value: Value
    count: int
    filter: str
    column: str = ""


@dataclass(frozen=True, slots=True)
class Facets:
    """What the pictures that fit a filter have in common.

    Attributes
    ----------
    pictures : int
        How many fit.
    is_whole : bool
        Whether all of them were looked at; otherwise the counts are of some of them.
    labels : tuple of Facet
        The most frequent first, at most `MOST_LABELS`.
    sizes : tuple of Facet
        By the longer side, the smallest first.
    dates : tuple of Facet
        Each year, the latest first, followed by its months; of metadata columns that hold dates.
    meta : mapping of str to tuple of Facet
        By metadata column, those that most pictures have first, at most `MOST_COLUMNS`; in each the most frequent values first, at most
        `MOST_VALUES`. Columns whose values are all different, such as captions, are left out.
    """

    pictures: int
    is_whole: bool
    labels: tuple[Facet, ...]
    sizes: tuple[Facet, ...]
    dates: tuple[Facet, ...]
    meta: Mapping[str, tuple[Facet, ...]]


@dataclass(slots=True)
class Counts:
    """What was counted, each distinct value once: rows are not kept."""

    pictures: int = 0
    is_whole: bool = True
    labels: Counter[str] = field(default_factory=Counter)
    sizes: Counter[int] = field(default_factory=Counter)
    meta: dict[str, Counter[str]] = field(default_factory=dict)
    """By column, the values as literals of Milvus' expressions: ``1`` and ``true`` are equal in Python."""
    lists: set[str] = field(default_factory=set)
    """The columns with texts in lists."""

    def add(self, rows: Iterable[Row]) -> None:
        """Count further rows, which have `FIELDS`."""
        for row in rows:
            self.pictures += 1
            self.labels[row["label"]] += 1
            self.sizes[size_of(row["width"], row["height"])] += 1
            for column, value in (row["meta"] or {}).items():
                # A server cannot read the name of a column without letters, nor Milvus NUL characters.
                if column and "\0" not in column:
                    self.meta.setdefault(column, Counter()).update(literals(value))
                    if isinstance(value, list):
                        self.lists.add(column)

    def told(self) -> Facets:
        """Return it as users get it."""
        dated = {column: found for column, counts in self.meta.items() if (found := dates(column, counts))}
        others = {name: counts for name, counts in self.meta.items() if name not in dated and _repeats(counts)}
        columns = sorted(others, key=lambda column: -others[column].total())[:MOST_COLUMNS]
        return Facets(
            pictures=self.pictures,
            is_whole=self.is_whole,
            labels=tuple(
                Facet(label, count, f"label == {literal(label)}")
                for label, count in _most(self.labels, MOST_LABELS)
                if label and "\0" not in label
            ),
            sizes=tuple(
                Facet(size.name, self.sizes[place], size.filter) for place, size in SIZES.items() if self.sizes[place]
            ),
            dates=tuple(
                Facet(one.value, one.count, one.filter, column) for column, found in dated.items() for one in found
            ),
            meta={column: self._values(column) for column in columns},
        )

    def _values(self, column: str) -> tuple[Facet, ...]:
        at = f"meta[{literal(column)}]"
        pattern = "({at} == {value} or json_contains({at}, {value}))" if column in self.lists else "{at} == {value}"
        return tuple(
            Facet(json.loads(value), count, pattern.format(at=at, value=value), column)
            for value, count in _most(self.meta[column], MOST_VALUES)
        )


def count_facets(visual: Collection, filter: str) -> Counts:
    """Count what the pictures that fit a filter have in common, without keeping them.

    Calls to Milvus: one read of up to 200 pictures; where there are more, a second one of up to 16,384, or fewer where their metadata is
    long; where there are still more, a count. At most 32 million characters are held while it counts.
    """
    counts = Counts()
    first = visual.query(filter, fields=FIELDS, limit=_FIRST_ROWS)
    if len(first) < _FIRST_ROWS:
        counts.add(first)
        return counts
    most = _most_rows(first)
    rows = visual.query(filter, fields=FIELDS, limit=most)
    counts.add(rows)
    if len(rows) >= most:
        pictures = visual.count(filter, settled=True)
        counts.is_whole = pictures <= len(rows)
        counts.pictures = max(pictures, len(rows))
    return counts


def kept_until(stamp: str) -> list[str]:
    """Return what counts are kept by, beside their collection: the stamp of a gallery that nobody loads into, else the minute."""
    return [stamp] if is_closed(stamp) else [stamp, str(int(time.monotonic() // KEPT_S))]


def _most_rows(first: Sequence[Row]) -> int:
    mean = sum(len(str(row)) for row in first) / len(first)
    return min(MOST_HITS, max(_FIRST_ROWS, int(_MOST_CHARS / mean)))


def _most(counts: Counter[str], most: int) -> list[tuple[str, int]]:
    """Return the most frequent values, in the order of the alphabet where they are as frequent."""
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:most]


def _repeats(counts: Counter[str]) -> bool:
    return any(count > 1 for count in counts.values())
