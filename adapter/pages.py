"""A scan of a collection, page by page: rows in the order of their primary keys, each page behind the last key of the page before it.

Milvus answers up to 16,384 rows a call, and takes an offset no farther than that. ``id > "last key"`` has no such end: a page needs nothing of those
before it but the last key, so that a page that fails is asked for again alone, and a scan that was cut off goes on where it was.

Nothing is kept on the server, and a page is what stands when it is read: a row that is written meanwhile comes if its key lies ahead.

References
----------
pymilvus' ``QueryIterator`` pages in the same way, but puts the last key into the expression without escaping it, and keeps its place to itself.
For each page a server before 2.6 compares all keys of the collection with the last one; later ones look it up, where segments are
sorted by key (milvus-io/milvus #43154, #45328). Pages are therefore as long as a message may reasonably be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from milvise.adapter.escape import both, literal
from milvise.core.records import Row

MOST_ROWS = 16_384
"""The most rows that a Milvus server answers in one call."""

PAGE_BYTES = 4 * 2**20
"""As Milvus sends them; vectors take eight times as much in Python."""

_FIRST_ROWS = 1_000
_MEASURED = 20
"""Rows of a page whose size is looked at."""

IN_KEY_ORDER: Mapping[str, str] = {"iterator": "True", "reduce_stop_for_best": "True"}
"""What has Milvus answer the rows with the smallest keys, in their order. A page may be shorter than its limit; only an empty one is the end."""


@dataclass(frozen=True, slots=True)
class KeyRange:
    """Primary keys between two others.

    Attributes
    ----------
    after : str
        Keys are greater than this one; empty for all.
    until : str
        Keys are at most this one; empty for all.
    """

    after: str = ""
    until: str = ""

    def expression(self, field: str) -> str:
        """Return what is true of rows whose primary key lies in it, empty where all do."""
        above = f"{field} > {literal(self.after)}" if self.after else ""
        return both(above, f"{field} <= {literal(self.until)}" if self.until else "")

    def behind(self, key: str) -> KeyRange:
        """Return the part of it that is behind a key."""
        return replace(self, after=key)


EVERY_KEY = KeyRange()


class PageSize:
    """How many rows the next page has, from what the rows before it took.

    Attributes
    ----------
    rows : int
    """

    def __init__(self) -> None:
        self.rows = _FIRST_ROWS

    def learn(self, rows: Sequence[Row]) -> None:
        """Look at a page."""
        measured = [_bytes_of(row) for row in islice(rows, 0, None, max(1, len(rows) // _MEASURED))]
        wanted = int(PAGE_BYTES * len(measured) / sum(measured))
        # The rows of a page need not be like those of the next one.
        self.rows = max(1, min(wanted, 2 * self.rows, MOST_ROWS))


def _bytes_of(row: Row) -> int:
    return sum(4 * len(value) if isinstance(value, list) else len(str(value)) for value in row.values()) + 1
