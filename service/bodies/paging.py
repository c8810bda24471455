"""Pages of an answer: slices of a deeper search."""

from __future__ import annotations

from collections.abc import Callable

from milvise.core.records import Hit
from milvise.errors import UsageError
from milvise.service.bodies.parameters import MOST

_DEPTHS = (100, 400, 1_600, 6_400, MOST)
"""How deep is searched for all but the first page: few depths, because a ranking among more candidates may be another one."""


def page(search: Callable[[int], list[Hit]], *, limit: int, offset: int) -> tuple[list[Hit], bool]:
    """Return one page of what a search finds, and whether there may be more.

    The first page is the search itself. A later one is a slice of a search for 100, 400, 1,600, 6,400 or 16,384 hits.

    Parameters
    ----------
    search : callable
        From a limit to hits, closest first.

    Raises
    ------
    UsageError
        If it lies deeper than a Milvus server answers.
    """
    end = offset + limit
    if end > MOST:
        raise UsageError(
            f"a page cannot lie so deep.\nExpected: offset and limit together at most {MOST}\nReceived: offset {offset}, limit {limit}"
        )
    if not offset:
        hits = search(limit)
        return hits, len(hits) == limit < MOST
    depth = next(one for one in _DEPTHS if one >= end)
    hits = search(depth)
    return hits[offset:end], len(hits) > end or len(hits) == depth == end < MOST
