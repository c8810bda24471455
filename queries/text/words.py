"""The words in a text that people gave a picture: a label, a file name, a caption.

Words end at everything that is neither a letter nor a digit, between letters and digits, and where a name written in
camel case begins its next word: ``IMG_dog-12``, ``BlackDog`` and ``German_shepherd_dog`` hold the word *dog*, ``hotdog``
does not.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from milvise.queries.vocabulary.expression import Term

Forms = Callable[[str], Sequence[str]]
"""From a word in small letters to the words that stand for it in a text, itself included: its plural, its singular."""

SHORTEST = 2

_MOST_CHARS = 1_000
"""Of a text whose words are kept: ten thousand such texts take at most 100 MB, and captions a tenth of that."""

FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an the and or nor but of in on at by to for from with without into onto over under is are was were be been being am"
        " as it its this that these those there here not no some any",
    )
)
"""Words that say nothing of what a picture shows, and stand in most captions."""

_CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][^\W\d_A-Z])")
_ASCII = re.compile("[A-Za-z]+|[0-9]+")
_HISSING = ("s", "x", "z", "ch", "sh")
_NOT_PLURAL = ("ss", "us", "is")


@dataclass(frozen=True, slots=True)
class Phrase:
    """What a term of an expression looks for in a text.

    Attributes
    ----------
    weight : float
        The term's; negative where it is subtracted.
    words : tuple of tuple of str
        For each word, one after the other, what may stand for it, in small letters.
    """

    weight: float
    words: tuple[tuple[str, ...], ...]

    def stands_in(self, text: Sequence[str]) -> bool:
        """Return whether the words of a text hold this phrase."""
        first, *others = self.words
        # Most texts hold not even the first word.
        return any(
            word in first and all(text[at + 1 + place] in forms for place, forms in enumerate(others))
            for at, word in enumerate(text[: len(text) - len(others)])
        )


def plain_forms(word: str) -> tuple[str, ...]:
    """Return an English word with its regular plural and singular: ``dog`` and ``dogs``, ``berry`` and ``berries``."""
    forms = [word]
    if word.endswith("y") and word[-2:-1] not in "aeiou":
        forms.append(f"{word[:-1]}ies")
    else:
        forms.append(f"{word}es" if word.endswith(_HISSING) else f"{word}s")
    if word.endswith("ies") and len(word) > 4:
        forms.append(f"{word[:-3]}y")
    elif word.endswith("es") and word[:-2].endswith(_HISSING):
        # "foxes" is of "fox" and "horses" of "horse".
        forms += [word[:-2], word[:-1]]
    elif word.endswith("s") and not word.endswith(_NOT_PLURAL):
        forms.append(word[:-1])
    return tuple(form for form in dict.fromkeys(forms) if len(form) >= SHORTEST)


def phrases(terms: Sequence[Term], forms: Forms = plain_forms) -> list[Phrase]:
    """Return what terms look for; terms of nothing but function words and single letters look for nothing."""
    found = []
    for term in terms:
        words = [word.lower() for word in _pieces(term.phrase)]
        if any(len(word) >= SHORTEST and word not in FUNCTION_WORDS for word in words):
            found.append(Phrase(term.weight, tuple((word, *forms(word)) for word in words)))
    return found


def readings(text: str) -> tuple[tuple[str, ...], ...]:
    """Return the words of a text in small letters: camel case taken apart, and as it is where that differs."""
    return _kept_readings(text) if len(text) <= _MOST_CHARS else _readings(text)


@lru_cache(maxsize=10_000)
def _kept_readings(text: str) -> tuple[tuple[str, ...], ...]:
    return _readings(text)


def _readings(text: str) -> tuple[tuple[str, ...], ...]:
    pieces = _pieces(text)
    apart = tuple(part.lower() for piece in pieces for part in _CAMEL.split(piece))
    together = tuple(piece.lower() for piece in pieces)
    return (apart,) if apart == together else (apart, together)


def words_in(text: str) -> frozenset[str]:
    """Return the words of all `readings` of a text."""
    return frozenset(word for reading in _readings(text) for word in reading)


def folded(text: str) -> str:
    """Return a text with one spelling for each letter, in small letters."""
    return unicodedata.normalize("NFC", text).lower()


def _pieces(text: str) -> list[str]:
    if text.isascii():
        return _ASCII.findall(text)
    # macOS writes file names with accents apart from their letters.
    runs = groupby(unicodedata.normalize("NFC", text), _kind)
    return ["".join(letters) for kind, letters in runs if kind]


def _kind(letter: str) -> str:
    """Return L for letters and what modifies them, N for digits, nothing for what stands between words."""
    if letter.isalpha():
        return "L"
    category = unicodedata.category(letter)[0]
    return {"M": "L", "N": "N"}.get(category, "")
