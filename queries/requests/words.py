"""Words that several people, or one, search for in one gallery: each text becomes a query, all are answered together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from milvise.core.spaces import VISUAL
from milvise.errors import ExpressionError, UnknownWordError, UsageError
from milvise.queries.focus.search import focused_to_each
from milvise.queries.focus.words import focus_weights
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.plan.build import word_queries
from milvise.queries.ranking.match import Match
from milvise.queries.ranking.nearest import nearest_to_each
from milvise.queries.text.match import MEANING, Finder, check_by, found_by
from milvise.queries.vocabulary.gallery_words import Said, said_in
from milvise.queries.vocabulary.typed import TypedSearch


@dataclass(frozen=True, slots=True)
class Answer:
    """What one text found.

    Attributes
    ----------
    said : Said, optional
        What it says; None where it cannot be read.
    matches : list of Match
        The pictures that it finds.
    error : UsageError, optional
        Why it finds none.
    """

    said: Said | None
    matches: list[Match]
    error: UsageError | None = None

    @property
    def read(self) -> TypedSearch | None:
        """What the text was read as."""
        return None if self.said is None else self.said.read

    def require(self) -> tuple[Said, list[Match]]:
        """Return what the text says and the pictures that it finds; raise its error if it has one."""
        if self.error is not None:
            raise self.error
        assert self.said is not None
        return self.said, self.matches


def answers(
    now: OpenCollections,
    texts: Sequence[str],
    space: str | None,
    *,
    by: str,
    limit: int,
    filter: str,
    fix: bool,
    focus: str | None = None,
) -> list[Answer]:
    """Return what each text finds; parameters as `milvise.Gallery.search`.

    What is wrong with one text is the error of its answer. What is wrong with the request as a whole, such as its filter, is raised.
    """
    check_by(by)
    said = _said(now, texts, fix=fix)
    errors: list[UsageError | None] = [one if isinstance(one, UsageError) else _unknown(one, by) for one in said]
    find: Finder = nearest_to_each
    if focus is not None:
        space, find = VISUAL, partial(focused_to_each, weights=focus_weights(now, focus))
    asked = [one for one, error in zip(said, errors, strict=True) if isinstance(one, Said) and error is None]
    queries = iter(word_queries(now, [one.known for one in asked if one.known], space=space))
    meant = [next(queries) if one.known else None for one in asked]
    unknown, terms = [one.unknown for one in asked], [one.terms for one in asked]
    found = iter(found_by(now, meant, terms, find, by=by, limit=limit, filter=filter, unknown=unknown) if asked else [])
    made = []
    for one, error in zip(said, errors, strict=True):
        hits = next(found) if error is None else error
        read = one if isinstance(one, Said) else None
        made.append(Answer(read, [], hits) if isinstance(hits, UsageError) else Answer(read, hits))
    return made


def _said(now: OpenCollections, texts: Sequence[str], *, fix: bool) -> Sequence[Said | UsageError]:
    try:
        return said_in(now, texts, fix=fix)
    except ExpressionError:
        # One by one, to tell which cannot be read.
        return [_said_alone(now, text, fix=fix) for text in texts]


def _said_alone(now: OpenCollections, text: str, *, fix: bool) -> Said | UsageError:
    try:
        return said_in(now, [text], fix=fix)[0]
    except ExpressionError as error:
        return error


def _unknown(said: Said, by: str) -> UnknownWordError | None:
    return next(iter(said.unknown.values()), None) if by == MEANING else None
