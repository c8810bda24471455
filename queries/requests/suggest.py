"""How a text that somebody types may go on: with a word, the label of pictures, or a class that the network knows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from milvise.errors import FingerprintError, ModelError, NotFoundError, ReplacedError
from milvise.queries.gallery_collections import OpenCollections
from milvise.queries.limits import check_limit
from milvise.queries.text.words import folded
from milvise.queries.vocabulary.function_words import FUNCTION_WORDS

SUGGESTIONS, MOST_SUGGESTIONS = 8, 100

_LAST_CHARS = 200
"""What stands before them in a text says nothing of how it goes on."""

_MOST_WORDS = 3
"""A label or a class may be completed that so many words of the text begin."""

_LOOKED_AT = 200
"""So many of the most frequent words are looked at: nouns among them come first."""

# What stands between the terms of an expression; a minus sign is one only where it begins a word.
_BETWEEN = re.compile(r"[,;:+^\"()]|(?<!\S)-")
_NO_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Suggestions:
    """How a text may go on.

    Attributes
    ----------
    completes : str
        The end of the text, in whose place each suggestion may be put.
    words : tuple of str
        Of the 16,384 most frequent ones, nouns first, the most frequent first.
    labels : tuple of str
        Of the gallery's pictures, those of the most pictures first; for an empty text too.
    classes : tuple of str
        That a search can focus on.
    """

    completes: str
    words: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


def suggest(now: OpenCollections, text: str, *, limit: int) -> Suggestions:
    """Return how a text may go on, see `Gallery.suggest`."""
    check_limit(limit, most=MOST_SUGGESTIONS)
    labels = [label for label, _ in now.counts.labels.most_common() if label]
    if not text.strip():
        return Suggestions("", labels=tuple(labels[:limit]))
    classes, ends = _class_names(now), _ends(text)
    for end in ends:
        found = [tuple(islice(_completed(names, end), limit)) for names in (labels, classes)]
        if any(found):
            break
    else:
        end, found = (ends[-1] if ends else ""), [(), ()]
    before, last = _split(end)
    words = tuple(before + word for word in islice(_words(now, last), limit)) if last else ()
    return Suggestions(end, words, *found)


def _ends(text: str) -> list[str]:
    """Return the ends of a text that may be the beginning of a name: of several words, the longest first."""
    term = _BETWEEN.split(text[-_LAST_CHARS:])[-1].lstrip()
    starts = [found.start() for found in re.finditer(r"\S+", term)]
    return [term[start:] for start in starts[-_MOST_WORDS:]]


def _split(end: str) -> tuple[str, str]:
    """Return what stands before the last word, and that word, which is empty where it has not begun."""
    start = max(end.rfind(" "), end.rfind("\t"), end.rfind("\n")) + 1
    return end[:start], end[start:]


def _completed(names: Iterable[str], end: str) -> Iterator[str]:
    """Yield the names that begin with the end of a text, then those with a word in them that does."""
    wanted = _plain(end)
    if not wanted.strip():
        return
    inside = []
    for name in names:
        plain = f" {_plain(name)}"
        if plain.startswith(f" {wanted}"):
            yield name
        elif f" {wanted}" in plain:
            inside.append(name)
    yield from inside


def _plain(text: str) -> str:
    """Return a text in small letters with one blank between words; a blank at its end stays."""
    return _NO_LETTERS.sub(" ", folded(text)).lstrip()


def _words(now: OpenCollections, start: str) -> Sequence[str]:
    """Return the frequent words that begin with some letters, and go on; none where no words are loaded."""
    try:
        found = [
            word
            for word in islice(now.frequent_words.starting(now.words, start), _LOOKED_AT)
            if word[0].isalpha() and word not in FUNCTION_WORDS and folded(word) != folded(start)
        ]
    except ReplacedError:
        raise
    except NotFoundError:
        return []
    return sorted(found, key=lambda word: not now.knows_noun(word))


def _class_names(now: OpenCollections) -> Sequence[str]:
    """Return the names of the classes, none where they are not loaded."""
    try:
        return now.class_names
    except ReplacedError:
        raise
    except (NotFoundError, FingerprintError, ModelError):
        return []
