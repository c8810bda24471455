"""Single words as a person types them, and as they are looked up: without decoration, in the case that the vocabulary has."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from milvise.embeddings.words.phrases import lookups, missing_words, whole_spellings
from milvise.queries.vocabulary.expression import Piece

IsName = Callable[[str], bool]

_ASCII = str.maketrans("’‘ʼ‐‑‒–—―−", "'''-------")
_LITERAL = re.compile(r'("(?:[^"\\]|\\.)*")|[“„]([^“”„"]*)[”“]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Word:
    """A word or phrase of a request.

    Attributes
    ----------
    text : str
    weight : float
        Negative where it is unwanted.
    quoted, signed, weighted : bool
        As `milvise.queries.vocabulary.expression.Piece`.
    last : bool
        Whether a comma stands behind it.
    joined : bool
        Whether it was put together from several words.
    forms : tuple of str
        Where the vocabulary has it in several cases, those.
    """

    text: str
    weight: float = 1.0
    quoted: bool = False
    signed: bool = False
    weighted: bool = False
    last: bool = False
    joined: bool = False
    forms: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether it was typed as a mere word, which may then be joined with others or left out."""
        return not (self.quoted or self.signed or self.weighted)


def in_ascii(text: str) -> str:
    """Return a text with typographic quotes and dashes as ASCII has them, and a blank behind each comma that is in no number.

    What stands in ASCII quotes stays as it is.
    """
    parts: list[str] = []
    end = 0
    for match in _LITERAL.finditer(text):
        if match[2] is not None and not match[2].strip():
            continue
        inside = match[1] or '"' + match[2].replace("\\", "\\\\") + '"'
        followed = match[2] is not None and not re.match(r"\s|\^|$", text[match.end() :])
        parts += [_apart(text[end : match.start()]), inside, " " if followed else ""]
        end = match.end()
    return "".join([*parts, _apart(text[end:])])


def entries(piece: Piece) -> Iterator[str]:
    """Yield the vocabulary entries that may be needed to read a piece, and for its vector."""
    if piece.quoted:
        yield from lookups(piece.term.phrase)
        return
    for shape in shapes(piece.term.phrase):
        yield from _cases(shape)
        yield from lookups(shape)
        if "-" in shape:
            yield from lookups(shape.replace("-", " "))


def word_of(piece: Piece, known: Mapping[str, Any], named: IsName) -> Word:
    """Return a piece as it is looked up.

    Parameters
    ----------
    known : mapping
        Those of `entries` that the vocabulary has.
    named : callable
        Whether a phrase in lower case is a noun or a class.
    """
    phrase, forms = (piece.term.phrase, ()) if piece.quoted else _spelt(piece.term.phrase, known, named)
    return Word(
        phrase,
        piece.term.weight,
        piece.quoted,
        piece.signed,
        piece.weighted,
        piece.term.phrase.endswith(","),
        forms=forms,
    )


def shapes(text: str) -> list[str]:
    """Return a word as it is, without decoration at its ends, and without the possessive ``'s``."""
    bare = _stripped(text, is_decoration)
    found = [text, _stripped(text, lambda char: char in ",.!?;:()[]{}…"), bare, re.sub(r"'s?$", "", bare)]
    return [shape for shape in dict.fromkeys(found) if shape]


def is_decoration(char: str) -> bool:
    """Return whether a character is punctuation or a sign, which says nothing of a picture."""
    kind = unicodedata.category(char)
    return kind[0] == "P" or kind in ("Sm", "Sk")


def _spelt(phrase: str, known: Mapping[str, Any], named: IsName) -> tuple[str, tuple[str, ...]]:
    """Return the spelling under which a word is known, and the entries that have it where they are several."""
    found = shapes(phrase)
    if len(found) > 1 and named(found[1].lower()) and not named(phrase.lower()):
        # A vocabulary that was not cleaned has "dog!" too.
        found = found[1:]
    for shape in found:
        split = shape.replace("-", " ").strip()
        if "-" in shape and min(map(len, split.split()), default=0) > 1 and named(split.lower()):
            return split.lower(), ()
        if shape in known and shape == shape.lower():
            return shape, ()
        cases = tuple(case for case in _cases(shape) if case in known)
        if cases:
            return (shape.lower() if shape.lower() in cases else cases[0]), cases if len(cases) > 1 else ()
        if _is_whole(shape, known):
            return shape, ()
        if named(shape.lower()):
            return shape.lower(), ()
    for shape in found:
        if not missing_words(shape, known):
            return shape, ()
    return found[-1], ()


def _is_whole(phrase: str, known: Mapping[str, Any]) -> bool:
    return any(form in known for form in whole_spellings(phrase))


def _cases(shape: str) -> list[str]:
    return list(dict.fromkeys([shape, shape.lower(), shape.capitalize(), shape.upper()]))


def _apart(text: str) -> str:
    text = re.sub(r"(\^\d*\.?\d+),", r"\1 ", text.translate(_ASCII))
    return re.sub(r",(?!\s)(?!(?<=\d,)\d)", ", ", text)


def _stripped(text: str, goes: Callable[[str], bool]) -> str:
    start, end = 0, len(text)
    while start < end and goes(text[start]):
        start += 1
    # The sign of "c++" and "c#" belongs to the word.
    while end > start and goes(text[end - 1]) and text[end - 1] not in "+#":
        end -= 1
    return text[start:end]
