"""What the words of a sentence say together: phrases, what is unwanted, and what says nothing of a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from milvise.queries.vocabulary.function_words import (
    CARRIERS,
    FUNCTION_WORDS,
    JOINING,
    LINKS,
    NEGATORS,
    PREPOSITIONS,
    REQUESTS,
)
from milvise.queries.vocabulary.typed_words import IsName, Word, is_decoration

_LONGEST = 4


def arranged(words: Sequence[Word], named: IsName) -> tuple[list[Word], list[str]]:
    """Return what is searched for, and a remark for each thing that was done.

    Parameters
    ----------
    named : callable
        Whether a phrase in lower case is a noun or the name of a class.

    Returns
    -------
    words : list of Word
        All of `words` where nothing else would be left.
    remarks : list of str
    """
    remarks: list[str] = []
    left = set(_carriers(words))
    rest = _joined([word for place, word in enumerate(words) if place not in left], named, remarks)
    gone = [words[place].text for place in sorted(left)]
    rest = _negated(rest, gone, remarks)
    kept = [word for word in rest if not _is_function(word)]
    if not kept:
        return list(words), []
    gone += [word.text for word in rest if _is_function(word) and not all(map(is_decoration, word.text))]
    if gone:
        remarks.insert(0, f"Left out: {', '.join(dict.fromkeys(gone))}.")
    return kept, remarks


def phrases(words: Sequence[Word], named: IsName) -> Iterator[tuple[int, int, str]]:
    """Yield where adjacent words are one phrase, the longest first: the first place, the one behind the last, the phrase."""
    place = 0
    while place < len(words):
        for end in range(min(len(words), place + _LONGEST), place + 1, -1):
            text = " ".join(word.text for word in words[place:end])
            if _may_join(words[place:end]) and named(text.lower()):
                yield place, end, text
                place = end
                break
        else:
            place += 1


def _may_join(words: Sequence[Word]) -> bool:
    first, *others = words
    ends = (first, others[-1])
    return (
        not any(word.quoted or word.weighted or all(map(is_decoration, word.text)) for word in words)
        and not any(word.signed for word in others)
        and not any(word.last for word in words[:-1])
        and not any(word.text.lower() in FUNCTION_WORDS | NEGATORS for word in ends)
        and all(word.text.lower() in JOINING or not _is_function(word) for word in others)
    )


def _joined(words: Sequence[Word], named: IsName, remarks: list[str]) -> list[Word]:
    found: list[Word] = []
    done = 0
    for place, end, text in phrases(words, named):
        found += [*words[done:place], replace(words[place], text=text, joined=True, forms=())]
        remarks.append(f'"{text}" is taken as one phrase; + between the words makes them several.')
        done = end
    return [*found, *words[done:]]


def _carriers(words: Sequence[Word]) -> Iterator[int]:
    """Yield the places of ``show me`` and ``photo of`` where something follows."""
    texts = [word.text.lower() if word.is_plain else "" for word in words]
    content = [place for place, word in enumerate(words) if not _is_function(word) and not _is_negator(word)]
    last = content[-1] if content else -1
    for request in REQUESTS:
        if tuple(texts[: len(request)]) == request and last >= len(request):
            yield from range(len(request))
    for place, text in enumerate(texts):
        link = next((link for link in LINKS if tuple(texts[place + 1 : place + 1 + len(link)]) == link), None)
        if text in CARRIERS and link is not None and last > place + len(link):
            yield from range(place, place + 1 + len(link))


def _negated(words: Sequence[Word], left: list[str], remarks: list[str]) -> list[Word]:
    """Return the words without those that negate, and with those that are negated subtracted."""
    found: list[Word] = []
    unwanted: list[str] = []
    negates = any_since = False
    content = [place for place, word in enumerate(words) if not _is_function(word) and not _is_negator(word)]
    for place, word in enumerate(words):
        if _is_negator(word):
            negates, any_since = bool(content) and place < content[-1], False
            if not negates:
                left.append(word.text)
            continue
        if _is_function(word):
            ends = word.text.lower() == "but" or (any_since and word.text.lower() in PREPOSITIONS - {"of"})
            negates = negates and not ends
        elif negates and not word.signed:
            any_since = True
            unwanted.append(word.text)
            word = replace(word, weight=-word.weight)
        found.append(word)
    if unwanted:
        remarks.append(f"Unwanted: {', '.join(unwanted)}.")
    return found


def _is_function(word: Word) -> bool:
    return (
        word.is_plain
        and not word.joined
        and (word.text.lower() in FUNCTION_WORDS or all(map(is_decoration, word.text)))
    )


def _is_negator(word: Word) -> bool:
    return word.is_plain and not word.joined and word.text.lower() in NEGATORS
