"""Close spellings of a word, and whether a word that a vocabulary has is perhaps a misspelling.

A misspelling of a common noun is often in a vocabulary itself (*dogg*). It is suspected where it is rare, is no noun, and lies one
edit from a noun that is much more frequent. The limits were chosen on the 135 entries of codespell's list of misspellings that GloVe's
100,000 most frequent words have and that stand for one of their 10,000 most frequent nouns, beside 110 adjectives and verbs, 43 foreign words
and 22 names: 77 % of the misspellings are suspected, 2 % of the adjectives and verbs, 5 % of the names and 30 % of the foreign words.

References
----------
Norvig 2007, "How to Write a Spelling Corrector": candidates one edit away, the most frequent first.
Damerau 1964, "A technique for computer detection and correction of spelling errors": the four kinds of an edit.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

SUGGESTIONS = 5
_LETTERS = "abcdefghijklmnopqrstuvwxyz'-"
MOST_LETTERS = 40
_MOST_EDITS = 2

FREQUENT_NOUN, RARE, TIMES, _LEAST_LETTERS = 10_000, 20_000, 8, 4
"""A word of this rank or more, with so many letters, is suspected beside a noun below that rank that is so many times more frequent."""

_LEAST_FAR = 5
"""Two edits make any shorter word of any other."""

Ranks = Callable[[Sequence[str]], Mapping[str, int]]
IsNoun = Callable[[str], bool]


def edits(word: str) -> list[str]:
    """Return the words that are one edit (a letter left out, swapped, replaced or put in) away."""
    splits = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    candidates = [a + b[1:] for a, b in splits if b]
    candidates += [a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1]
    candidates += [a + letter + b[1:] for a, b in splits if b for letter in _LETTERS]
    candidates += [a + letter + b for a, b in splits for letter in _LETTERS]
    return [candidate for candidate in dict.fromkeys(candidates) if candidate and candidate != word]


def suggest(
    word: str,
    ranks: Ranks,
    starting: Callable[[str], Mapping[str, int]] = lambda letter: {},
    noun: IsNoun = lambda phrase: True,
) -> tuple[str, ...]:
    """Return close spellings that a vocabulary has: nouns before others, and the most frequent first.

    Parameters
    ----------
    word : str
        The word that it lacks.
    ranks : callable
        From candidates to the frequency ranks (0 = most frequent) of those that the vocabulary has; called once.
    starting : callable
        From a letter to the ranks of the frequent words that begin with it. Called where no noun is one edit away, for words
        that are two edits away.
    noun : callable
        Whether a word is a noun.
    """
    word = word.lower()[:MOST_LETTERS]
    known = {other: rank for other, rank in ranks(edits(word)).items() if any(map(str.isalnum, other))}
    if len(word) >= _LEAST_FAR and not any(noun(candidate) for candidate in known):
        known |= {other: rank for other, rank in starting(word[:1]).items() if distance(word, other) <= _MOST_EDITS}
    return tuple(sorted(known, key=lambda other: (not noun(other), *_order(word, other, known[other])))[:SUGGESTIONS])


def neighbours(word: str, noun: IsNoun) -> list[str]:
    """Return the nouns one edit away for which a word that a vocabulary has may be a misspelling.

    Misspellings keep the first letter: of the 135, one does not. What is a noun and *-y* is an adjective.
    """
    if not _LEAST_LETTERS <= len(word) <= MOST_LETTERS or not word.isalpha():
        return []
    close = [other for other in edits(word) if other[0] == word[0] and other.isalpha() and other + "y" != word]
    return [other for other in close if len(other) >= _LEAST_LETTERS - 1 and noun(other)]


def meant(word: str, nouns: Iterable[str], ranks: Mapping[str, int]) -> tuple[str, ...]:
    """Return those of a word's neighbours that make it a suspect, the likeliest first; none where the word is common."""
    rank = ranks.get(word, 0)
    if rank < RARE:
        return ()
    close = [one for one in nouns if one in ranks and ranks[one] < min(FREQUENT_NOUN, rank / TIMES)]
    return tuple(sorted(close, key=lambda other: _order(word, other, ranks[other]))[:SUGGESTIONS])


def distance(word: str, other: str) -> int:
    """Return how many edits make one word the other, counted up to three (optimal string alignment)."""
    if abs(len(word) - len(other)) > _MOST_EDITS:
        return _MOST_EDITS + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, letter in enumerate(word, start=1):
        row = [i]
        for j, wanted in enumerate(other, start=1):
            least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != wanted))
            if i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == wanted:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        if min(row) > _MOST_EDITS:
            return _MOST_EDITS + 1
        before, last = last, row
    return last[-1]


def closest(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of a short list of names that are close to a name, or hold it, whatever their case."""
    lowered = {known.lower(): known for known in names}
    holding = [known for lower, known in lowered.items() if name.lower() in lower]
    near = [lowered[lower] for lower in difflib.get_close_matches(name.lower(), lowered, SUGGESTIONS)]
    return tuple(dict.fromkeys([*near, *holding]))[:SUGGESTIONS]


def _order(word: str, other: str, rank: int) -> tuple[bool, int, bool, int]:
    """Return a key: first what has more than two letters, needs fewer edits, has the same letters or sounds alike."""
    slip = sorted(word) == sorted(other) or _sound(word) == _sound(other)
    return len(other) < 3, distance(word, other), not slip, rank


def _sound(word: str) -> str:
    for letters, sound in (("ph", "f"), ("ck", "k"), ("c", "k"), ("q", "k"), ("z", "s"), ("y", "i")):
        word = word.replace(letters, sound)
    return re.sub(r"(.)\1+", r"\1", word)
