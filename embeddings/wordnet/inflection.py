"""How WordNet may spell a noun, and the base forms that an inflected noun may have.

References
----------
morphy(7WN) of WordNet 3.0: a list of exceptions, then endings that are replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

_ENDINGS = (
    ("s", ""),
    ("ses", "s"),
    ("xes", "x"),
    ("zes", "z"),
    ("ches", "ch"),
    ("shes", "sh"),
    ("men", "man"),
    ("ies", "y"),
)
_SHORT = 2
"""Words of no more letters have no ending."""

Exceptions = Callable[[str], Sequence[str]]


def spellings(phrase: str) -> tuple[str, ...]:
    """Return how WordNet may spell a phrase, likeliest first; nothing where it has characters that WordNet has not.

    Case is folded. Blanks and hyphens become underscores, or hyphens; a hyphenated phrase is also tried as one word. Words with blanks
    between them are not joined, because "a gate" is no agate.
    """
    text = "_".join(phrase.casefold().replace("_", " ").split())
    parts = [part for part in text.replace("-", "_").split("_") if part]
    if not parts or not text.isascii():
        return ()
    joined = ("".join(parts),) if "-" in text else ()
    return tuple(dict.fromkeys((text, "_".join(parts), "-".join(parts), *joined)))


def base_forms(form: str, exceptions: Exceptions) -> Iterator[str]:
    """Yield a spelling and the base forms that it may have; whether they are nouns is for the caller to know.

    Of a phrase the last word is inflected, or the first ("birds of prey").

    Parameters
    ----------
    exceptions : callable
        Returns the base forms that WordNet's list of exceptions has for a form.
    """
    yield form
    before, gap, last = form.rpartition("_")
    if gap:
        yield from exceptions(form)
    yield from (f"{before}{gap}{base}" for base in _of_word(last, exceptions))
    first, gap, after = form.partition("_")
    if gap:
        yield from (f"{base}{gap}{after}" for base in _of_word(first, exceptions))


def _of_word(word: str, exceptions: Exceptions) -> Iterator[str]:
    yield from exceptions(word)
    stem, rest = (word[:-3], "ful") if word.endswith("ful") else (word, "")
    if not rest and (word.endswith("ss") or len(word) <= _SHORT):
        return
    for ending, base in _ENDINGS:
        if stem.endswith(ending) and len(stem) > len(ending):
            yield stem[: -len(ending)] + base + rest
