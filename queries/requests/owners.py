"""Whose pictures fit a brief: grouped by a metadata column, judged by each owner's best."""

from __future__ import annotations

from collections import defaultdict

from milvise.adapter.collection import MOST_HITS
from milvise.core.records import Owner
from milvise.core.spaces import RANKED
from milvise.core.stages import staged
from milvise.errors import NotFoundError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.limits import check_limit
from milvise.queries.plan.query import Query
from milvise.queries.ranking.match import Match
from milvise.queries.ranking.nearest import nearest

_FIRST = 256
_FIRST_RANKED = 1_024
_STEP = 4


@staged("ranking")
def owners(now: OpenCollections, query: Query, *, by: str, evidence: int, limit: int, filter: str) -> list[Owner]:
    """Return the owners whose best pictures fit best; see `Gallery.owners`.

    The closest pictures are read from the top until neither an owner among the best can gain nor another one come among
    them. A ranked search is deep at once, because among more candidates other pictures may come first.

    Calls to Milvus: as `nearest`, for 256 pictures, 1,024, 4,096 and 16,384 at most, which is where a server ends; for ranked
    queries once, for 1,024 pictures or as many as the evidence takes.

    Raises
    ------
    NotFoundError
        If no picture that was found has the column.
    """
    check_limit(limit, what="number of owners")
    check_limit(evidence, what="number of pictures of each owner")
    is_ranked = query.space == RANKED
    count = min(MOST_HITS, max(_FIRST_RANKED, limit * evidence)) if is_ranked else _FIRST
    while True:
        matches = nearest(now, query, limit=count, filter=filter)
        best = _best_of_each(matches, by, evidence)
        ranked = sorted(best, key=lambda name: (-_mean(best[name], evidence), name))
        if is_ranked or len(matches) < count or count == MOST_HITS:
            break
        if _is_final(ranked, best, evidence, limit, last=max(matches[-1].similarity, 0.0)):
            break
        count = min(MOST_HITS, count * _STEP)
    if matches and not ranked:
        columns = sorted({name for match in matches for name in match.row["meta"] or {}})
        known = f"Expected: one of {', '.join(columns)}" if columns else "They have no metadata at all."
        raise NotFoundError(
            f"no picture that was found has the metadata column {by!r}.\n{known}\nColumns come from the manifest that a"
            " gallery is loaded from."
        )
    return [
        Owner(name, _mean(best[name], evidence), tuple(match.hit() for match in best[name])) for name in ranked[:limit]
    ]


def _best_of_each(matches: list[Match], by: str, evidence: int) -> dict[str, list[Match]]:
    best: defaultdict[str, list[Match]] = defaultdict(list)
    for match in matches:
        value = (match.row["meta"] or {}).get(by)
        if value not in (None, "") and len(best[str(value)]) < evidence:
            best[str(value)].append(match)
    # Who has nothing in common with the brief is no owner of an answer to it.
    return {name: found for name, found in best.items() if found and found[0].similarity > 0}


def _mean(matches: list[Match], evidence: int) -> float:
    """Return the mean similarity; a picture that has nothing in common with the brief counts as much as one that is not there."""
    return sum(max(match.similarity, 0.0) for match in matches) / evidence


def _is_final(ranked: list[str], best: dict[str, list[Match]], evidence: int, limit: int, *, last: float) -> bool:
    """Return whether pictures that are no closer than `last` would change neither the first so many nor their evidence."""
    chosen, others = ranked[:limit], ranked[limit:]
    if len(chosen) < limit or any(len(best[name]) < evidence for name in chosen):
        return False
    most = max([last, *(_mean(best[name], evidence) + _gain(best[name], evidence, last) for name in others)])
    return most <= _mean(best[chosen[-1]], evidence)


def _gain(matches: list[Match], evidence: int, last: float) -> float:
    return (evidence - len(matches)) * last / evidence
