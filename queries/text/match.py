"""Pictures whose label, file name or metadata holds the words of a search, beside those that the words mean.

A picture whose text holds the share f of what is searched for is moved f/2 of the way from its similarity to 1. One whose
text holds the share g of what is subtracted is then moved g/2 of the way to -1. Hits stay in the order of their
similarity. Words that are in no vocabulary, such as names, mean nothing: pictures are found by the text that holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from milvise.adapter.collection import MOST_HITS
from milvise.core.spaces import RANKED
from milvise.core.stages import staged
from milvise.errors import UnknownWordError, UsageError
from milvise.queries.at_once import at_once
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.limits import check_limit
from milvise.queries.plan.query import Query
from milvise.queries.ranking.match import FIELDS as SHOWN
from milvise.queries.ranking.match import Match
from milvise.queries.ranking.score import ALIKE
from milvise.queries.ranking.search import CANDIDATES
from milvise.queries.text.look import BESIDE, Find, Look, Named, asked_ahead, look, of_tier
from milvise.queries.text.merge import Merge, tells_all
from milvise.queries.text.tiers import Tier
from milvise.queries.text.words import Forms, phrases, plain_forms
from milvise.queries.vocabulary.expression import Term

BOTH, MEANING, TEXT = "both", "meaning", "text"
BY = (MEANING, TEXT, BOTH)

_MOST_TIERS = 3
"""Of so many shares of an expression further pictures are asked for."""

_SEVERAL = 4
"""From so many expressions on it pays to read what users get of the best pictures alone, in a call of its own."""


class Finder(Protocol):
    """What finds the closest pictures by meaning, such as `milvise.queries.ranking.nearest.nearest_to_each`."""

    def __call__(
        self,
        now: OpenCollections,
        queries: Sequence[Query],
        *,
        limit: int,
        filter: str = "",
        needed: Sequence[int] = (),
        brief: bool = False,
    ) -> list[list[Match]]:
        """Return for each query the closest pictures, closest first.

        Of each no more than the `needed` ones have to be there. Where it is `brief`, rows may hold ``id`` and ``label`` alone.
        """
        ...


def check_by(by: str) -> None:
    """Raise `UsageError` where `by` is none of `BY`."""
    if by not in BY:
        raise UsageError(
            f"pictures are found by their meaning, by their text, or by both.\nExpected: {', '.join(BY)}\nReceived: {by}"
        )


@staged("ranking")
def found_by(
    now: OpenCollections,
    queries: Sequence[Query | None],
    expressions: Sequence[Sequence[Term]],
    find: Finder,
    *,
    by: str,
    limit: int,
    filter: str = "",
    forms: Forms = plain_forms,
    unknown: Sequence[Mapping[str, UnknownWordError]] = (),
) -> list[list[Match] | UnknownWordError]:
    """Return for each of several expressions the pictures that it finds, most similar first.

    In place of them stands an error where by ``both`` a word means nothing, and no text holds it.

    Parameters
    ----------
    queries, expressions : sequence of Query or None, sequence of sequence of Term
        What each expression means, None where no word of it is known, and what it says.
    find : callable
        How pictures are found by meaning.
    by : {"meaning", "text", "both"}
        With ``text``, only pictures are returned whose text holds a word that is searched for.
    forms : callable
        From a word to what may stand for it in a text.
    unknown : sequence of mapping of str to UnknownWordError
        For each expression the words of it that mean nothing.

    Calls to Milvus: for ``meaning`` those of `find`. Otherwise those of `find`, twice where only some expressions subtract. Unless the gallery's
    texts are known here, beside them those of `find` again for each expression on a server, which mostly is all, and one read for each in Milvus
    Lite. Then for each expression that stands in the text of pictures that are not found yet and could be among the best, those of `find`,
    again for each share of the expression that texts hold, at most three; for one expression the first of these at the same time as what it
    means.

    Raises
    ------
    UsageError
        If `by` or `limit` is none that can be used.
    """
    check_by(by)
    check_limit(limit)
    search: Find = partial(_found, find)
    if by == MEANING:
        return [
            [replace(one, reasons=(MEANING,)) for one in found]
            for found in search(now, queries, limit=limit, filter=filter)
        ]
    if by == TEXT and filter:
        # Perhaps nothing is searched for, and a filter that cannot be read is an error all the same.
        now.visual.query(filter, fields=["id"], limit=1)
    looks = [_look_for(terms, query, limit, forms) for terms, query in zip(expressions, queries, strict=True)]
    means = partial(_meant, now, [None] * len(queries) if by == TEXT else queries, search, looks, filter)
    named, meant = _named_and_meant(now, looks, search, means, filter=filter, forms=forms)
    merges: list[Merge | UnknownWordError] = []
    for one, known, close, errors in zip(looks, named, meant, unknown or [{}] * len(looks), strict=True):
        missing = [error for error in errors.values() if by == BOTH and not known.holds(error.word, forms)]
        if missing:
            merges.append(missing[0])
            continue
        merge = Merge(one, known, limit, is_by_text=by == TEXT)
        merge.add(close[: one.limit], MEANING)
        if one.is_steady:
            # These only their text can bring among the best.
            merge.add(close[one.limit :])
        merge.add(known.closest)
        for tier in known.tiers[:_MOST_TIERS]:
            is_full = one.is_steady and len(close) == one.depth
            if is_full and merge.is_out_of_reach(tier.share, close[-1].similarity):
                break
            merge.add(of_tier(now, one, tier, merge.rows, search, filter=filter, named=known))
        merges.append(merge)
    _complete(now, [merge for merge in merges if isinstance(merge, Merge)])
    return [merge.best() if isinstance(merge, Merge) else merge for merge in merges]


def _complete(now: OpenCollections, merges: Sequence[Merge]) -> None:
    """Read what is lacking of the best pictures, for all expressions at once."""
    lacking = list(dict.fromkeys(key for merge in merges for key in merge.brief()))
    rows = now.visual.get(lacking, fields=["id", *SHOWN]) if lacking else {}
    for merge in merges:
        merge.complete(rows)


def _look_for(terms: Sequence[Term], query: Query | None, limit: int, forms: Forms) -> Look:
    wanted = phrases(terms, forms)
    if any(one.weight < 0 for one in wanted):
        limit = min(MOST_HITS, limit + BESIDE)
    ranking = None if query is None or query.space != RANKED else query.ranking
    # A ranked search looks at so many anyway.
    depth = limit if ranking is None else max(limit, CANDIDATES)
    # Where likeness to the first pictures counts, a score depends on which these are.
    return Look(terms, query, wanted, limit, depth, is_steady=ranking is None or not ranking.shares[ALIKE])


def _named_and_meant(
    now: OpenCollections,
    looks: Sequence[Look],
    search: Find,
    means: Callable[..., list[list[Match]]],
    *,
    filter: str,
    forms: Forms,
) -> tuple[list[Named], list[list[Match]]]:
    """Return what each expression names and what it means; where Milvus is asked for both, neither waits for the other."""
    texts = now.texts
    found = [look(now, texts, one, search, filter=filter, forms=forms) for one in looks]
    first = found[0]
    is_alone = len(found) == 1 and looks[0].query is not None
    if is_alone and isinstance(first, Named) and first.tiers and _is_asked(looks[0], first.tiers[0]):
        told, meant = at_once(partial(asked_ahead, now, looks[0], first, search, filter), means)
        return [told], meant
    known = [one for one in found if isinstance(one, Named)]
    if len(known) == len(found):
        whole = [tells_all(one, named) for one, named in zip(looks, known, strict=True)]
        needed = [
            one.depth if one.is_steady and (named.tiers or not is_whole) else one.limit
            for one, named, is_whole in zip(looks, known, whole, strict=True)
        ]
        return known, means(brief=all(whole) and len(found) >= _SEVERAL, needed=needed)
    return at_once(lambda: [one if isinstance(one, Named) else one() for one in found], means)


def _is_asked(one: Look, tier: Tier) -> bool:
    """Return whether the pictures of a tier will probably be asked for: few are mostly not all found by meaning."""
    return not one.is_steady or tier.count < one.depth


def _found(
    find: Finder,
    now: OpenCollections,
    queries: Sequence[Query | None],
    *,
    limit: int,
    filter: str = "",
    brief: bool = False,
    needed: Sequence[int] = (),
) -> list[list[Match]]:
    """Return for each query the closest pictures that fit the filter; for None any of them, which are similar to nothing."""
    asked = [query for query in queries if query is not None]
    own = [count for count, query in zip(needed, queries, strict=True) if query is not None] if needed else []
    answers = iter(find(now, asked, limit=limit, filter=filter, brief=brief, needed=own) if asked else [])
    return [next(answers) if query is not None else _rows(now, limit, filter) for query in queries]


def _rows(now: OpenCollections, limit: int, filter: str) -> list[Match]:
    return [Match(row, 0.0, {}) for row in now.visual.query(filter, fields=["id", *SHOWN], limit=limit)]


def _meant(
    now: OpenCollections,
    queries: Sequence[Query | None],
    find: Find,
    looks: Sequence[Look],
    filter: str,
    *,
    brief: bool = False,
    needed: Sequence[int] = (),
) -> list[list[Match]]:
    """Return what each query finds by meaning, to its own depth: those of the same depth are asked together."""
    found: dict[int, list[Match]] = {}
    depths = [one.depth for one in looks]
    for depth in dict.fromkeys(depths):
        places = [place for place, own in enumerate(depths) if own == depth and queries[place] is not None]
        asked = [queries[place] for place in places]
        own = [needed[place] for place in places] if needed else []
        answers = find(now, asked, limit=depth, filter=filter, brief=brief, needed=own) if places else []
        found.update(zip(places, answers, strict=True))
    return [found.get(place, []) for place in range(len(queries))]
