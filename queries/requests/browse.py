"""Pictures of a gallery one page after the other, without anything that is searched for.

Milvus returns the rows that fit an expression in no order that means something to people. Up to 16,384 of them, which is what a
server answers at once, are therefore put in the order of their URIs here, so that pictures of one folder stay together. The order is kept for
the next page, which is asked for a moment later.
"""

from __future__ import annotations

from collections.abc import Sequence

from milvise.adapter import Collection
from milvise.adapter.collection import MOST_HITS
from milvise.core.records import Picture
from milvise.errors import UsageError
from milvise.queries.limits import check_limit
from milvise.queries.pictures.stored import ROW, picture_of
from milvise.queries.recent import Recent
from milvise.queries.text.read import is_closed

Order = tuple[str, ...]
"""Ids of pictures as they are shown one after the other."""


def browse(visual: Collection, orders: Recent[Order], *, filter: str, limit: int, offset: int) -> list[Picture]:
    """Return a page of the pictures that fit a filter, in the order of their URIs.

    Of more than 16,384 that fit, it is a page of the 16,384 that Milvus returns, which are the same ones until pictures are added or
    removed; a filter finds the others.

    Calls to Milvus: a count, one read of the ids and URIs of what fits, and one of the page. For another page of one of the last two
    filters there is no read of all ids, unless the count is another one, or pictures are being loaded.

    Raises
    ------
    UsageError
        If `limit` or `offset` cannot be used.
    """
    check_limit(limit)
    if offset < 0:
        raise UsageError(f"the offset cannot be used.\nExpected: 0 or more\nReceived: {offset}")

    def ordered() -> Order:
        found = visual.query(filter, fields=["id", "uri"], limit=MOST_HITS)
        return tuple(row["id"] for row in sorted(found, key=lambda row: (row["uri"], row["id"])))

    stamp = visual.manifest.stamp
    if is_closed(stamp):
        order = orders.of((visual.name, stamp, str(visual.count(settled=True)), filter), ordered)
    else:
        order = ordered()
    return pictures_of(visual, order[offset : offset + limit])


def pictures_of(visual: Collection, ids: Sequence[str]) -> list[Picture]:
    """Return the pictures with these ids, in their order, in one read for each thousand; those that are not there are left out."""
    rows = visual.get(ids, fields=ROW)
    return [picture_of(rows[key]) for key in ids if key in rows]
