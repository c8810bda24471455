"""Where the pictures come from whose text holds the words of one expression: from texts that are known here, or from Milvus."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from milvise.adapter.escape import both, is_in
from milvise.core.records import Row
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.plan.query import Query
from milvise.queries.ranking.match import Match
from milvise.queries.text.filter import LABEL, URI, text_filter
from milvise.queries.text.held_words import matched
from milvise.queries.text.read import FIELDS, Texts
from milvise.queries.text.tiers import MOST_KEYS, Tier, tiers
from milvise.queries.text.words import Forms, Phrase, phrases
from milvise.queries.vocabulary.expression import Term

Find = Callable[..., list[list[Match]]]
"""What finds pictures by meaning, see `milvise.queries.text.match.Finder`; it also takes None, for a query that means nothing."""

_MOST_ROWS = 1_000
BESIDE = 100
"""How many more are looked at where hits may be moved down."""


@dataclass(frozen=True, slots=True)
class Named:
    """The pictures that an expression names by their text.

    Attributes
    ----------
    tiers_of : callable
        From what is looked for to the pictures whose text holds it.
    tiers : list of Tier
        Those that hold the expression.
    is_whole : bool
        Whether these are all.
    closest : list of Match
        Those that were found already.
    ahead : tuple of str and list of Match, optional
        A filter, and the closest pictures that fit it.
    """

    tiers_of: Callable[[Sequence[Phrase]], list[Tier]]
    tiers: list[Tier]
    is_whole: bool = True
    closest: list[Match] = field(default_factory=list)
    ahead: tuple[str, list[Match]] = ("", [])

    def share(self, row: Mapping[str, Any]) -> float:
        """Return the share of the expression that a picture's text holds; only where these are all."""
        for tier in self.tiers:
            if tier.holds(row):
                return tier.share
        return 0.0

    def holds(self, word: str, forms: Forms) -> bool:
        """Return whether any text holds a word."""
        wanted = phrases([Term(word)], forms)
        return bool(self.tiers_of(wanted)) or any(matched(wanted, one.row).share for one in self.closest)


@dataclass(frozen=True, slots=True)
class Look:
    """One expression that is looked for in texts.

    Attributes
    ----------
    terms : sequence of Term
        What it says.
    query : Query, optional
        What it means.
    wanted : sequence of Phrase
        What is looked for.
    limit : int
        How many pictures are needed.
    depth : int
        How many of those that it means are looked at.
    is_steady : bool
        Whether the similarity of a picture is the same whatever else is found.
    """

    terms: Sequence[Term]
    query: Query | None
    wanted: Sequence[Phrase]
    limit: int
    depth: int
    is_steady: bool

    @property
    def looked_for(self) -> list[Phrase]:
        """What is searched for; not what is subtracted."""
        return [one for one in self.wanted if one.weight > 0]


def look(
    now: OpenCollections, texts: Texts, one: Look, find: Find, *, filter: str, forms: Forms
) -> Callable[[], Named] | Named:
    """Return the pictures that an expression names, or where Milvus has to be asked for them, what asks it."""
    known = _known(now, texts, one)
    return partial(_asked, now, texts, one, find, filter=filter, forms=forms) if known is None else known


def of_tier(
    now: OpenCollections, one: Look, tier: Tier, known: Mapping[str, Row], find: Find, *, filter: str, named: Named
) -> list[Match]:
    """Return the closest pictures of a tier, or none where all of it are known."""
    rest, count = tier.rest(known)
    if not rest or rest == named.ahead[0]:
        return named.ahead[1] if rest else []
    return find(now, [one.query], limit=min(one.limit, count), filter=both(filter, rest))[0]


def asked_ahead(now: OpenCollections, one: Look, named: Named, find: Find, filter: str) -> Named:
    """Return the same with the closest pictures of its first tier, which will be asked for unless some of them are found before."""
    tier = named.tiers[0]
    found = of_tier(now, one, tier, {}, find, filter=filter, named=named)
    return replace(named, ahead=(tier.rest({})[0], found))


def _known(now: OpenCollections, texts: Texts, one: Look) -> Named | None:
    if texts.index is not None:
        found = texts.index.tiers(one.wanted)
        too_many = any(len(tier.others) > MOST_KEYS for tier in found)
        if too_many and now.visual.looks_inside and not now.visual.is_lite:
            # Milvus knows which of very many are the closest.
            return None
        return Named(texts.index.tiers, found)
    if texts.is_whole or not one.looked_for:
        return _among(texts.holding, one)
    return None


def _among(holding: Callable[[Sequence[Phrase]], Sequence[Mapping[str, Any]]], one: Look) -> Named:
    def tiers_of(wanted: Sequence[Phrase]) -> list[Tier]:
        return tiers(wanted, holding([phrase for phrase in wanted if phrase.weight > 0]))

    return Named(tiers_of, tiers_of(one.wanted))


def _asked(now: OpenCollections, texts: Texts, one: Look, find: Find, *, filter: str, forms: Forms) -> Named:
    """Ask Milvus for pictures whose text may hold a phrase; with labels of which a part of the texts tells."""
    visual = now.visual
    columns = (LABEL, URI) if visual.is_lite else texts.columns
    expression = text_filter(one.terms, columns=columns, infix=visual.looks_inside, forms=forms)
    labels = {row[LABEL] for row in texts.holding(one.looked_for) if row[LABEL]}
    if labels:
        expression = f"({expression}) or {is_in(LABEL, sorted(labels))}"
    wanted = both(filter, expression)
    closest, rows = ([], _read(now, one, wanted)) if visual.is_lite else _closest(now, one, find, wanted)
    return Named(partial(tiers, rows=rows), tiers(one.wanted, rows), is_whole=False, closest=closest)


def _read(now: OpenCollections, one: Look, filter: str) -> list[Row]:
    """Return pictures whose text may hold a phrase, from Milvus."""
    found = now.visual.query(filter, fields=FIELDS, limit=_MOST_ROWS)
    if len(found) == _MOST_ROWS and 2 * sum(matched(one.looked_for, row).share > 0 for row in found) < len(found):
        # Letters within longer words have taken the place of words.
        found = now.visual.query(filter, fields=FIELDS)
    return found


def _closest(now: OpenCollections, one: Look, find: Find, filter: str) -> tuple[list[Match], list[Row]]:
    """Return the closest pictures whose text may hold a phrase, and where these may not be enough, rows of all that may."""
    depth = max(BESIDE, one.limit)
    matches = find(now, [one.query], limit=depth, filter=filter)[0]
    # Of one phrase a text holds all or nothing, so that none that is further away can come before these.
    held = sum(matched(one.looked_for, match.row).share > 0 for match in matches)
    enough = len(one.looked_for) == 1 and held >= one.limit
    return matches, [] if enough or len(matches) < depth else _read(now, one, filter)
