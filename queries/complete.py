"""More pictures like some given ones."""

from __future__ import annotations

from collections.abc import Sequence

from milvise.embeddings.phrases import unit
from milvise.errors import UsageError
from milvise.queries.encoder import PictureLike
from milvise.queries.nearest import Match, nearest, nearest_to_each, with_room_for
from milvise.queries.opened import Opened
from milvise.queries.pictures import Named, find_pictures, require_several
from milvise.queries.query import Ingredient, Query, Recipe, spaces_of

MOST_GIVEN = 500
NEAREST = ("mean", "any")


def complete(
    now: Opened, pictures: Sequence[PictureLike], *, space: str, to: str, limit: int, filter: str
) -> list[Match]:
    """Return the pictures closest to the given ones, which are left out; see `Gallery.complete`.

    Calls to Milvus: for stored pictures one read in each space; then as `nearest_to_each`, and for given files one read.
    """
    require_several(pictures=pictures)
    if to not in NEAREST:
        raise UsageError(f"closest to what?\nExpected: {', '.join(NEAREST)}\nReceived: {to}")
    if not 1 <= len(pictures) <= MOST_GIVEN:
        raise UsageError(f"a gallery is completed from 1 to {MOST_GIVEN} pictures.\nReceived: {len(pictures)}")
    spaces = spaces_of(space)
    given = find_pictures(now, pictures, spaces)
    # Given pictures come first among the hits, and copies of given files may: so many more are fetched.
    asked = with_room_for(limit, len(given))
    if to == "mean":
        matches = nearest(now, _mean(given, spaces), limit=asked, filter=filter)
    else:
        queries = [_mean([one], spaces) for one in given]
        matches = _closest_to_any(nearest_to_each(now, queries, limit=asked, filter=filter))
    left_out = {one.key for one in given} | _copies(now, given, matches)
    return [match for match in matches if match.row["id"] not in left_out][:limit]


def _copies(now: Opened, given: Sequence[Named], matches: Sequence[Match]) -> set[str | None]:
    """Return the primary keys of hits whose files were given."""
    files = {one.sha256 for one in given} - {None}
    if not files:
        return set()
    rows = now.visual.get([match.row["id"] for match in matches], fields=["sha256"])
    return {key for key, row in rows.items() if row["sha256"] in files}


def _mean(pictures: Sequence[Named], spaces: Sequence[str]) -> Query:
    """Return the spherical mean: unit vectors are added, and the sum is scaled to length one."""
    return Query(
        {name: Recipe(tuple(Ingredient(one.name, 1.0, unit(one.vectors[name])) for one in pictures)) for name in spaces}
    )


def _closest_to_any(answers: Sequence[Sequence[Match]]) -> list[Match]:
    best: dict[str, Match] = {}
    for match in (match for answer in answers for match in answer):
        known = best.get(match.row["id"])
        if known is None or match.similarity > known.similarity:
            best[match.row["id"]] = match
    return sorted(best.values(), key=lambda match: -match.similarity)
