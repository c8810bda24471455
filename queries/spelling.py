"""Close spellings of a word that is not in a vocabulary.

References
----------
Norvig 2007, "How to Write a Spelling Corrector": candidates one edit away, the most frequent first.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence

SUGGESTIONS = 5
_LETTERS = "abcdefghijklmnopqrstuvwxyz'-"
_MOST_LETTERS = 40


def edits(word: str) -> list[str]:
    """Return the words that are one edit (a letter left out, swapped, replaced or put in) away."""
    splits = [(word[:place], word[place:]) for place in range(len(word) + 1)]
    candidates = [a + b[1:] for a, b in splits if b]
    candidates += [a + b[1] + b[0] + b[2:] for a, b in splits if len(b) > 1]
    candidates += [a + letter + b[1:] for a, b in splits if b for letter in _LETTERS]
    candidates += [a + letter + b for a, b in splits for letter in _LETTERS]
    return [candidate for candidate in dict.fromkeys(candidates) if candidate and candidate != word]


def suggest(word: str, ranks: Callable[[Sequence[str]], Mapping[str, int]]) -> tuple[str, ...]:
    """Return close spellings that a vocabulary has.

    Parameters
    ----------
    word : str
        The word that it lacks.
    ranks : callable
        From candidates to the frequency ranks (0 = most frequent) of those that the vocabulary has; called once.
    """
    word = word.lower()[:_MOST_LETTERS]
    known = ranks(edits(word))
    return tuple(sorted(known, key=lambda candidate: known[candidate])[:SUGGESTIONS])


def closest(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of a short list of names that are close to a name, or hold it, whatever their case."""
    lowered = {known.lower(): known for known in names}
    holding = [known for lower, known in lowered.items() if name.lower() in lower]
    near = [lowered[lower] for lower in difflib.get_close_matches(name.lower(), lowered, SUGGESTIONS)]
    return tuple(dict.fromkeys([*near, *holding]))[:SUGGESTIONS]
