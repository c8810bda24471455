"""Pictures whose label, file name or metadata holds the words of a search, beside those that the words mean.

A picture whose text holds the share f of what is searched for is moved f/2 of the way from its similarity to 1. One whose
text holds the share g of what is subtracted is then moved g/2 of the way to -1. Hits stay in the order of their
similarity. Words that are in no vocabulary, such as names, mean nothing: pictures are found by the text that holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Protocol

from milvise.adapter.collection import MOST_HITS
from milvise.adapter.escape import both, is_in
from milvise.core.records import Row
from milvise.core.stages import staged
from milvise.errors import UnknownWordError, UsageError
from milvise.queries.at_once import at_once
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.limits import check_limit
from milvise.queries.plan.query import Query
from milvise.queries.ranking.match import FIELDS as SHOWN
from milvise.queries.ranking.match import Match
from milvise.queries.text.filter import LABEL, URI, text_filter
from milvise.queries.text.held_words import TextMatch, matched
from milvise.queries.text.read import FIELDS
from milvise.queries.text.tiers import MOST_KEYS, Tier, tiers
from milvise.queries.text.words import Forms, Phrase, phrases, plain_forms
from milvise.queries.vocabulary.expression import Term

BOTH, MEANING, TEXT = "both", "meaning", "text"
BY = (MEANING, TEXT, BOTH)

_MOST_ROWS = 1_000
_BESIDE = 100
"""How many more are looked at where hits may be moved down."""


class Finder(Protocol):
    """What finds the closest pictures by meaning, such as `milvise.queries.ranking.nearest.nearest_to_each`."""

    def __call__(
        self, now: OpenCollections, queries: Sequence[Query], *, limit: int, filter: str = ""
    ) -> list[list[Match]]:
        """Return for each query the closest pictures, closest first."""
        ...


Find = Callable[..., list[list[Match]]]
"""A `Finder` that also takes None, for a query that means nothing."""

TiersOf = Callable[[Sequence[Phrase]], list[Tier]]
"""From what is looked for to the pictures whose text holds it, see `milvise.queries.text.tiers`."""


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

    Calls to Milvus: for ``meaning`` those of `find`. Otherwise those of `find`, twice where only some expressions
    subtract. Unless the gallery's texts are known here, beside them those of `find` again for one expression on a server, which mostly is
    all, and one read for several. Then for each expression that stands in the text of pictures that are not found yet and could be
    among the best, those of `find`, again for each share of the expression that texts hold, at most three; for one expression the first
    of these at the same time as what it means.

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
    wanted = [phrases(terms, forms) for terms in expressions]
    depths = [min(MOST_HITS, limit + _BESIDE) if any(one.weight < 0 for one in each) else limit for each in wanted]
    if by == TEXT and filter:
        # Perhaps nothing is searched for, and a filter that cannot be read is an error all the same.
        now.visual.query(filter, fields=["id"], limit=1)
    looked_for = [one for each in wanted for one in each if one.weight > 0]
    means = partial(_meant, now, [None] * len(queries) if by == TEXT else queries, search, depths, filter)
    tiers_of, by_text = _known_tiers(now, looked_for), list[Match]()
    first: list[Tier] = []
    if tiers_of is not None:
        first = tiers_of(wanted[0])[:1] if by == BOTH and len(wanted) == 1 else []
        if first:
            # Mostly some of its pictures are not found by meaning: they are asked for before that is known.
            rest, count = first[0].rest({})
            of_first = partial(search, now, queries, limit=min(depths[0], count), filter=both(filter, rest))
            (by_text,), meant = at_once(of_first, means)
        else:
            meant = means()
    else:
        expression = both(filter, _text_filter(now, expressions, looked_for, forms))
        look = partial(_look, now, queries, looked_for, search, max(depths), expression)
        # Neither waits for the other.
        (by_text, rows), meant = at_once(look, means)
        tiers_of = partial(tiers, rows=rows)
    answers: list[list[Match] | UnknownWordError] = []
    for query, each, close, depth, errors in zip(
        queries, wanted, meant, depths, unknown or [{}] * len(queries), strict=True
    ):
        missing = _not_held(errors.values(), tiers_of, by_text, forms) if by == BOTH else None
        if missing is not None:
            answers.append(missing)
            continue
        merge = _Merge(each, limit, is_by_text=by == TEXT)
        merge.add(close, MEANING)
        merge.add(by_text)
        for tier in tiers_of(each)[len(first) :]:
            if len(close) == depth and merge.is_out_of_reach(tier.share, close[-1].similarity):
                break
            rest, count = tier.rest(merge.rows)
            if rest:
                merge.add(search(now, [query], limit=min(depth, count), filter=both(filter, rest))[0])
        answers.append(merge.best())
    return answers


class _Merge:
    """The pictures that were found for one expression, each moved by its text."""

    def __init__(self, wanted: Sequence[Phrase], limit: int, *, is_by_text: bool) -> None:
        self._wanted = wanted
        self._limit = limit
        self._is_by_text = is_by_text
        self.rows: dict[str, Row] = {}
        self._moved: list[Match] = []

    def add(self, matches: Sequence[Match], *reasons: str) -> None:
        """Take pictures, unless they were found before."""
        for match in matches:
            if match.row["id"] in self.rows:
                continue
            self.rows[match.row["id"]] = match.row
            text = matched(self._wanted, match.row)
            if text.share or not self._is_by_text:
                moved = text.moved(match.similarity)
                self._moved.append(replace(match, similarity=moved, reasons=(*reasons, *text.reasons)))

    def is_out_of_reach(self, share: float, similarity: float) -> bool:
        """Return whether a picture that is no more similar, and whose text holds such a share, cannot be among the best."""
        best = self.best()
        return len(best) == self._limit and best[-1].similarity >= TextMatch(share).moved(similarity)

    def best(self) -> list[Match]:
        """Return the best, most similar first."""
        return sorted(self._moved, key=lambda match: -match.similarity)[: self._limit]


def _found(
    find: Finder, now: OpenCollections, queries: Sequence[Query | None], *, limit: int, filter: str = ""
) -> list[list[Match]]:
    """Return for each query the closest pictures that fit the filter; for None any of them, which are similar to nothing."""
    asked = [query for query in queries if query is not None]
    answers = iter(find(now, asked, limit=limit, filter=filter) if asked else [])
    return [next(answers) if query is not None else _rows(now, limit, filter) for query in queries]


def _rows(now: OpenCollections, limit: int, filter: str) -> list[Match]:
    return [Match(row, 0.0, {}) for row in now.visual.query(filter, fields=["id", *SHOWN], limit=limit)]


def _not_held(
    errors: Iterable[UnknownWordError], tiers_of: TiersOf, by_text: Sequence[Match], forms: Forms
) -> UnknownWordError | None:
    """Return the first error whose word no text holds."""
    for error in errors:
        wanted = phrases([Term(error.word)], forms)
        if not tiers_of(wanted) and not any(matched(wanted, one.row).share for one in by_text):
            return error
    return None


def _meant(
    now: OpenCollections, queries: Sequence[Query | None], find: Find, depths: Sequence[int], filter: str
) -> list[list[Match]]:
    """Return what each query finds by meaning, to its own depth: those of the same depth are asked together."""
    found: dict[int, list[Match]] = {}
    for depth in dict.fromkeys(depths):
        places = [place for place, own in enumerate(depths) if own == depth and queries[place] is not None]
        answers = find(now, [queries[place] for place in places], limit=depth, filter=filter) if places else []
        found.update(zip(places, answers, strict=True))
    return [found.get(place, []) for place in range(len(queries))]


def _known_tiers(now: OpenCollections, looked_for: Sequence[Phrase]) -> TiersOf | None:
    """Return what tells here the pictures whose text holds phrases, or None where Milvus has to be asked."""
    texts, visual = now.texts, now.visual
    if texts.index is not None:
        too_many = any(len(tier.others) > MOST_KEYS for tier in texts.index.tiers(looked_for))
        # Milvus knows which of very many are the closest, if it can look for the word itself.
        return None if too_many and visual.looks_inside and not visual.is_lite else texts.index.tiers
    if texts.is_whole or not looked_for:
        return lambda wanted: tiers(wanted, texts.holding([one for one in wanted if one.weight > 0]))
    return None


def _text_filter(
    now: OpenCollections, expressions: Sequence[Sequence[Term]], looked_for: Sequence[Phrase], forms: Forms
) -> str:
    """Return the filter of the pictures whose text may hold one of some phrases; with labels of which a part of the texts tells."""
    texts, visual = now.texts, now.visual
    columns = (LABEL, URI) if visual.is_lite else texts.columns
    terms = [term for each in expressions for term in each]
    expression = text_filter(terms, columns=columns, infix=visual.looks_inside, forms=forms)
    labels = {row[LABEL] for row in texts.holding(looked_for) if row[LABEL]}
    return f"({expression}) or {is_in(LABEL, sorted(labels))}" if labels else expression


def _look(
    now: OpenCollections,
    queries: Sequence[Query | None],
    looked_for: Sequence[Phrase],
    find: Find,
    limit: int,
    filter: str,
) -> tuple[list[Match], list[Row]]:
    """Return pictures that Milvus finds by their text already, and others whose text may hold a phrase."""
    if len(queries) == 1 and not now.visual.is_lite:
        return _closest(now, queries[0], looked_for, find, limit, filter)
    return [], _read(now, looked_for, filter)


def _read(now: OpenCollections, looked_for: Sequence[Phrase], filter: str) -> list[Row]:
    """Return pictures whose text may hold one of some phrases, from Milvus."""
    found = now.visual.query(filter, fields=FIELDS, limit=_MOST_ROWS)
    if len(found) == _MOST_ROWS and 2 * sum(matched(looked_for, row).share > 0 for row in found) < len(found):
        # Letters within longer words have taken the place of words.
        found = now.visual.query(filter, fields=FIELDS)
    return found


def _closest(
    now: OpenCollections, query: Query | None, looked_for: Sequence[Phrase], find: Find, limit: int, filter: str
) -> tuple[list[Match], list[Row]]:
    """Return the closest pictures whose text may hold a phrase, and where these may not be enough, rows of all that may."""
    depth = max(_BESIDE, limit)
    matches = find(now, [query], limit=depth, filter=filter)[0]
    # Of one phrase a text holds all or nothing, so that none that is further away can come before these.
    enough = len(looked_for) == 1 and sum(matched(looked_for, one.row).share > 0 for one in matches) >= limit
    return matches, [] if enough or len(matches) < depth else _read(now, looked_for, filter)
