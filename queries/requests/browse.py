"""Pictures of a gallery one page after the other, without anything that is searched for.

Milvus returns the rows that fit an expression in no order that means something to people. Up to 16,384 of them, which is what a
server answers at once, are therefore put in the order of their URIs here, so that pictures of one folder stay together.
"""

from __future__ import annotations

from collections.abc import Sequence

from milvise.adapter import Collection
from milvise.adapter.collection import MOST_HITS
from milvise.core.records import Picture
from milvise.errors import UsageError
from milvise.queries.limits import check_limit
from milvise.queries.pictures.stored import ROW, picture_of


def browse(visual: Collection, *, filter: str, limit: int, offset: int) -> list[Picture]:
    """Return a page of the pictures that fit a filter, in the order of their URIs.

    Of more than 16,384 that fit, it is a page of the 16,384 that Milvus returns, which are the same ones until pictures are added or
    removed; a filter finds the others.

    Calls to Milvus: one read of the ids and URIs of what fits, and one of the page.

    Raises
    ------
    UsageError
        If `limit` or `offset` cannot be used.
    """
    check_limit(limit)
    if offset < 0:
        raise UsageError(f"the offset cannot be used.\nExpected: 0 or more\nReceived: {offset}")
    found = visual.query(filter, fields=["id", "uri"], limit=MOST_HITS)
    page = sorted(found, key=lambda row: (row["uri"], row["id"]))[offset : offset + limit]
    return pictures_of(visual, [row["id"] for row in page])


def pictures_of(visual: Collection, ids: Sequence[str]) -> list[Picture]:
    """Return the pictures with these ids, in their order, in one read for each thousand; those that are not there are left out."""
    rows = visual.get(ids, fields=ROW)
    return [picture_of(rows[key]) for key in ids if key in rows]
