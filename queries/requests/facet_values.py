"""Which values are counted as facets, and what selects them in Milvus: sizes, dates, and what stands in metadata."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from milvise.adapter.escape import literal

Value = str | int | float | bool

LONGEST = 100
"""Longer texts are captions and the like, which no two pictures share."""

MOST_DATES = 240
"""Years and months of one column."""

_MOST_SAFE = 2**53
_DATE_SHARE = 0.9
"""So many of a column's values are dates where it is one of dates: cameras without a clock write ``0000:00:00``."""

# ISO 8601, and as cameras write it.
_DATE = re.compile(r"([0-9]{4})([-:])(0[1-9]|1[0-2])(?:\2(?:0[1-9]|[12][0-9]|3[01])(?:[T ].*)?)?")


@dataclass(frozen=True, slots=True)
class Size:
    """Pictures of about one size.

    Attributes
    ----------
    name : str
        The range of the longer side in pixels.
    filter : str
    """

    name: str
    filter: str


_STEPS = (640, 1280, 2560)


def _sizes() -> Iterator[Size]:
    # A picture whose size nobody knows has the width 0.
    least, above = 0, "width > 0"
    for most in _STEPS:
        name = f"{least + 1}–{most} px" if least else f"≤ {most} px"
        yield Size(name, f"({above} and width <= {most} and height <= {most})")
        least, above = most, f"(width > {most} or height > {most})"
    yield Size(f"> {least} px", above)


SIZES = dict(enumerate(_sizes(), start=1))
"""The sizes by what `size_of` returns."""


def size_of(width: int, height: int) -> int:
    """Return the number of a picture's size among `SIZES`, 0 where nobody knows it."""
    longer = max(width, height)
    return 0 if width <= 0 else 1 + sum(longer > most for most in _STEPS)


def literals(value: object) -> list[str]:
    """Return what is counted of a value of metadata, as Milvus' expressions have it.

    That is a text that is not long, a number, true or false, and each text in a list.
    """
    if isinstance(value, list):
        return list(dict.fromkeys(found for one in value if isinstance(one, str) for found in literals(one)))
    if isinstance(value, bool):
        return [json.dumps(value)]
    if isinstance(value, str):
        return [literal(value)] if 0 < len(value) <= LONGEST and "\0" not in value else []
    if isinstance(value, int | float) and math.isfinite(value) and abs(value) < _MOST_SAFE:
        return [json.dumps(int(value) if value == int(value) else value)]
    return []


@dataclass(frozen=True, slots=True)
class Dated:
    """The pictures of a year or a month.

    Attributes
    ----------
    value : str
        Such as ``2021`` or ``2021-05``.
    count : int
    filter : str
    """

    value: str
    count: int
    filter: str


def dates(column: str, counts: Counter[str]) -> list[Dated]:
    """Return the years and months in a metadata column, none where it does not hold dates.

    Parameters
    ----------
    counts : Counter
        How often each value stands in it, by `literals`.

    Returns
    -------
    list of Dated
        Each year, the latest first, followed by its months, the latest first; at most `MOST_DATES`.
    """
    found = {value: _DATE.fullmatch(json.loads(value)) for value in counts if value.startswith('"')}
    dated = sum(counts[value] for value, date in found.items() if date)
    if not dated or dated < _DATE_SHARE * counts.total():
        return []
    times: Counter[str] = Counter()
    marks: dict[str, set[str]] = {}
    for value, date in found.items():
        if date:
            year, mark, month = date.groups()
            for one in (year, f"{year}-{month}"):
                times[one] += counts[value]
                marks.setdefault(one, set()).add(mark)
    at = f"meta[{literal(column)}]"
    # "~" comes after "-", so that a year comes before its months where the latest is first.
    latest = sorted(times, key=lambda one: one if "-" in one else f"{one}~", reverse=True)[:MOST_DATES]
    return [Dated(one, times[one], _begins(at, one, sorted(marks[one]))) for one in latest]


def _begins(at: str, value: str, marks: list[str]) -> str:
    """Return the expression for what begins with a year or a month, with one of the marks that dates are written with."""
    starts = [value.replace("-", mark) if "-" in value else value + mark for mark in marks]
    return "(" + " or ".join(f"{at} like {literal(start + '%')}" for start in starts) + ")"
