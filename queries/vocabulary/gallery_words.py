"""The words that a person types for one gallery, read with what its vocabulary and its classes know."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from milvise.core.stages import staged
from milvise.errors import FingerprintError, ModelError, NotFoundError, ReplacedError, UnknownWordError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.plan.terms import known_part, place_terms
from milvise.queries.vocabulary.expression import Term
from milvise.queries.vocabulary.knowledge import WordKnowledge
from milvise.queries.vocabulary.typed import TypedSearch, read_all
from milvise.queries.vocabulary.word_vectors import unknown_error


class GalleryKnowledge(WordKnowledge):
    """The words in Milvus, and the classes of a gallery's backbone with their hierarchy, where they are loaded."""

    def __init__(self, now: OpenCollections) -> None:
        # A gallery that is not there is a clearer error than words that are not.
        _ = now.visual
        super().__init__(now.words, now.known_words, now.known_ranks, now.knows_noun)
        self._now = now

    def is_class(self, phrase: str) -> bool:
        """Return whether a phrase is the name of a class, or its plural."""
        return phrase in self._class_names or (phrase.endswith("s") and phrase[:-1] in self._class_names)

    @cached_property
    def _class_names(self) -> frozenset[str]:
        """The names in lower case, without what explains them: ``kite`` for ``kite (bird of prey)``."""
        try:
            # The search needs the mixture too, and it is kept on disk: the classes are not asked for their names.
            names = self._now.mixture.labels
        except ReplacedError:
            raise
        except (NotFoundError, FingerprintError, ModelError):
            return frozenset()
        return frozenset(re.split(r"[(,]", name)[0].strip().lower().replace("_", " ") for name in names)


@dataclass(frozen=True, slots=True)
class Said:
    """What a text says.

    Attributes
    ----------
    terms : tuple of Term
        All that is searched for.
    known : tuple of Term
        Those of them that mean something: each is in the vocabulary, or a noun that the class hierarchy knows.
    unknown : mapping of str to UnknownWordError
        By word an error for each of the others.
    read : TypedSearch, optional
        What the text was read as; None where there was no text.
    """

    terms: tuple[Term, ...]
    known: tuple[Term, ...]
    unknown: Mapping[str, UnknownWordError]
    read: TypedSearch | None = None

    def require_known(self) -> None:
        """Raise the error of the first word that means nothing."""
        for error in self.unknown.values():
            raise error


def readings_of(now: OpenCollections, texts: Sequence[str], *, fix: bool = False) -> list[TypedSearch]:
    """Return what several texts are read as, in as many calls to Milvus as one; those that were read before are kept.

    Raises
    ------
    ExpressionError
        If a text cannot be read.
    """
    knowledge, kept = GalleryKnowledge(now), now.readings
    typed = [(text, fix) for text in texts]
    found = kept.of(typed)
    missing = [text for text in dict.fromkeys(typed) if text not in found]
    if missing:
        made = dict(zip(missing, read_all([text for text, _ in missing], knowledge, fix=fix), strict=True))
        kept.keep(made)
        found |= made
    return [found[text] for text in typed]


@staged("words")
def said_in(now: OpenCollections, texts: Sequence[str], *, fix: bool = False) -> list[Said]:
    """Return what each of several texts says, words that mean nothing included, see `milvise.queries.vocabulary.typed`.

    Raises
    ------
    ExpressionError
        If a text cannot be read.
    """
    readings = readings_of(now, texts, fix=fix)
    said = []
    for reading in readings:
        errors = {word: unknown_error(reading, word, now.words) for word in reading.unknown}
        known, others = _known(now, [term for term in reading.terms if term.phrase not in errors])
        said.append(Said(reading.terms, tuple(known), {**errors, **others}, reading))
    return said


def words_said(now: OpenCollections, words: str, *, fix: bool = False) -> Said:
    """Return what the words beside pictures say, nothing where there are none; raises as `said_in`."""
    return said_in(now, [words], fix=fix)[0] if words.strip() else Said((), (), {})


def words_typed(now: OpenCollections, words: str, *, fix: bool = False) -> tuple[Term, ...]:
    """Return what is searched for with the words beside pictures, nothing where there are none; raises UnknownWordError, and as `said_in`."""
    said = words_said(now, words, fix=fix)
    said.require_known()
    return said.terms


def _known(now: OpenCollections, terms: Sequence[Term]) -> tuple[Sequence[Term], Mapping[str, UnknownWordError]]:
    try:
        place_terms(now, terms)
    except UnknownWordError:
        # One by one, to tell which they are.
        return known_part(now, terms)
    return terms, {}
