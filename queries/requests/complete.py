"""More pictures like some given ones."""

from __future__ import annotations

from collections.abc import Sequence

from milvise.adapter.escape import is_in
from milvise.core.spaces import search_space
from milvise.core.stages import staged
from milvise.errors import UsageError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.pictures.find import NamedPicture, find_pictures, require_several
from milvise.queries.pictures.given import PictureLike
from milvise.queries.plan.build import mean_query
from milvise.queries.plan.query import spaces_of
from milvise.queries.ranking.match import Match
from milvise.queries.ranking.nearest import nearest, nearest_to_each

MOST_GIVEN = 500
NEAREST = ("mean", "any")


def check_given(pictures: Sequence[PictureLike], to: str) -> None:
    """Raise `UsageError` where there are none or too many, or `to` is none of `NEAREST`."""
    require_several(pictures=pictures)
    if to not in NEAREST:
        raise UsageError(f"closest to what?\nExpected: {', '.join(NEAREST)}\nReceived: {to}")
    if not 1 <= len(pictures) <= MOST_GIVEN:
        raise UsageError(f"a gallery is completed from 1 to {MOST_GIVEN} pictures.\nReceived: {len(pictures)}")


@staged("ranking")
def complete(
    now: OpenCollections, pictures: Sequence[PictureLike], *, space: str, to: str, limit: int, filter: str
) -> list[Match]:
    """Return the pictures closest to the given ones, which are left out; see `Gallery.complete`.

    Calls to Milvus: for stored pictures one read in each space; then as `nearest_to_each`, and for given files one read.
    """
    check_given(pictures, to)
    spaces = spaces_of(search_space(space))
    given = find_pictures(now, pictures, spaces)
    without = {one.key for one in given} | _copies(now, given)
    if to == "mean":
        return nearest(now, mean_query(given, spaces), limit=limit, filter=filter, without=without)
    queries = [mean_query([one], spaces) for one in given]
    return _closest_to_any(nearest_to_each(now, queries, limit=limit, filter=filter, without=without))[:limit]


def _copies(now: OpenCollections, given: Sequence[NamedPicture]) -> set[str]:
    """Return the primary keys of stored pictures whose files were given."""
    files = sorted({one.sha256 for one in given if one.sha256})
    return {row["id"] for row in now.visual.query(is_in("sha256", files), fields=["id"])} if files else set()


def _closest_to_any(answers: Sequence[Sequence[Match]]) -> list[Match]:
    best: dict[str, Match] = {}
    for match in (match for answer in answers for match in answer):
        known = best.get(match.row["id"])
        if known is None or match.similarity > known.similarity:
            best[match.row["id"]] = match
    return sorted(best.values(), key=lambda match: -match.similarity)
