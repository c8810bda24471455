"""Pictures whose label, file name or metadata holds the words of a search, beside those that the words mean.

A picture whose text holds the share f of what is searched for is moved f/2 of the way from its similarity to 1. One whose
text holds the share g of what is subtracted is then moved g/2 of the way to -1. Hits stay in the order of their
similarity. Words that are in no vocabulary, such as names, mean nothing: pictures are found by the text that holds them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

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
from milvise.queries.text.held_words import matched
from milvise.queries.text.read import FIELDS
from milvise.queries.text.words import Forms, Phrase, phrases, plain_forms
from milvise.queries.vocabulary.expression import Term

BOTH, MEANING, TEXT = "both", "meaning", "text"
BY = (MEANING, TEXT, BOTH)

_MOST_ROWS = 1_000
_MOST_SHARES = 3
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
) -> list[list[Match]]:
    """Return for each of several expressions the pictures that it finds, most similar first.

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
    all, and one read for several. Then for each expression that stands in the text of pictures that are not found yet, those of `find`,
    again for each share of the expression that texts hold, at most three.

    Raises
    ------
    UsageError
        If `by` or `limit` is none that can be used.
    UnknownWordError
        If a word means nothing, and no text holds it; not where only texts are asked for.
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
    rows, expression = _held(now, expressions, looked_for, forms)
    look = partial(_look, now, queries, looked_for, search, max(depths), rows, expression and both(filter, expression))
    if by == BOTH:
        # Neither waits for the other.
        (texts, rows), meant = at_once(look, lambda: _meant(now, queries, search, depths, filter))
    else:
        (texts, rows), meant = look(), [[] for _ in queries]
    if by == BOTH:
        _require_held(
            [error for each in unknown for error in each.values()], [*rows, *(one.row for one in texts)], forms
        )
    answers = []
    for query, each, close, deeper in zip(queries, wanted, meant, depths, strict=True):
        known = {match.row["id"]: replace(match, reasons=(MEANING,)) for match in close}
        for match in texts:
            known.setdefault(match.row["id"], match)
        for expression, count in _tiers(each, rows, known):
            for match in search(now, [query], limit=min(deeper, count), filter=both(filter, expression))[0]:
                known.setdefault(match.row["id"], match)
        moved = [(match, matched(each, match.row)) for match in known.values()]
        best = [
            replace(match, similarity=text.moved(match.similarity), reasons=(*match.reasons, *text.reasons))
            for match, text in moved
            if by == BOTH or text.share
        ]
        answers.append(sorted(best, key=lambda match: -match.similarity)[:limit])
    return answers


def _found(
    find: Finder, now: OpenCollections, queries: Sequence[Query | None], *, limit: int, filter: str = ""
) -> list[list[Match]]:
    """Return for each query the closest pictures that fit the filter; for None any of them, which are similar to nothing."""
    asked = [query for query in queries if query is not None]
    answers = iter(find(now, asked, limit=limit, filter=filter) if asked else [])
    return [next(answers) if query is not None else _rows(now, limit, filter) for query in queries]


def _rows(now: OpenCollections, limit: int, filter: str) -> list[Match]:
    return [Match(row, 0.0, {}) for row in now.visual.query(filter, fields=["id", *SHOWN], limit=limit)]


def _require_held(errors: Sequence[UnknownWordError], rows: Sequence[Mapping[str, Any]], forms: Forms) -> None:
    """Raise the first error whose word none of these texts holds."""
    for error in errors:
        wanted = phrases([Term(error.word)], forms)
        if not any(matched(wanted, row).share for row in rows):
            raise error


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


def _held(
    now: OpenCollections, expressions: Sequence[Sequence[Term]], looked_for: Sequence[Phrase], forms: Forms
) -> tuple[list[Row], str]:
    """Return the pictures whose text may hold one of some phrases, or where not all texts are known here the filter that finds them."""
    texts, visual = now.texts, now.visual
    known = [dict(row) for row in texts.holding(looked_for)]
    if texts.is_whole or not looked_for:
        return known, ""
    columns = (LABEL, URI) if visual.is_lite else texts.columns
    terms = [term for each in expressions for term in each]
    expression = text_filter(terms, columns=columns, infix=visual.looks_inside, forms=forms)
    labels = {row[LABEL] for row in known if row[LABEL]}
    return [], f"({expression}) or {is_in(LABEL, sorted(labels))}" if labels else expression


def _look(
    now: OpenCollections,
    queries: Sequence[Query | None],
    looked_for: Sequence[Phrase],
    find: Find,
    limit: int,
    rows: list[Row],
    filter: str,
) -> tuple[list[Match], list[Row]]:
    """Return pictures that were found by their text already, and `rows` or others whose text may hold a phrase."""
    if not filter:
        return [], rows
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


def _tiers(
    wanted: Sequence[Phrase], rows: Sequence[Mapping[str, Any]], known: Mapping[str, Match]
) -> Iterator[tuple[str, int]]:
    """Yield for the largest shares that texts hold the expression for these pictures, and how many are known to fit it.

    Each share by itself: the few texts that hold all of an expression would be lost among many that hold half of it.
    Where all of them are found already, there is nothing to look for.
    """
    by_label = {
        label: matched(wanted, {LABEL: label, URI: "", "meta": {}}).share for label in {row[LABEL] for row in rows}
    }
    by_share = defaultdict(list)
    for row in rows:
        # Labels are few and pictures many: a label that says it all is looked at once.
        share = by_label[row[LABEL]]
        share = share if share == 1 else matched(wanted, row).share
        if share:
            by_share[share].append(row)
    for share in sorted(by_share, reverse=True)[:_MOST_SHARES]:
        rest = [row for row in by_share[share] if row["id"] not in known]
        # Pictures of a label that says as much need not be named one by one, and there may be more than were read.
        labels = {row[LABEL] for row in rest if by_label[row[LABEL]] >= share}
        ids = [row["id"] for row in rest if row[LABEL] not in labels][:_MOST_ROWS]
        parts = [is_in(field, sorted(values)) for field, values in ((LABEL, labels), ("id", ids)) if values]
        if parts:
            yield " or ".join(parts), len(ids) + sum(row[LABEL] in labels for row in by_share[share])
