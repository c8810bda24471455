"""One vector for a phrase such as ``dining table`` or the class name ``kite (bird of prey)``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from milvise.core.arrays import Floats, unit

HEAD_WEIGHT = 2.0
"""How much the last word of a phrase counts. English compounds are named by their last word (a table for dining);
`benchmarks/zero_shot.py` prints what it gains."""


def tokens(phrase: str) -> list[str]:
    """Split a phrase into words at spaces and underscores; what stands in brackets or behind a comma explains it."""
    core = re.split(r"[(,]", phrase)[0]
    return core.replace("_", " ").split() or phrase.split()


def spellings(token: str) -> list[str]:
    """Return the ways in which a vocabulary may have a word, the likeliest first: as it is, or in lower case."""
    return list(dict.fromkeys([token, token.lower()]))


def whole_spellings(phrase: str) -> list[str]:
    """Return the ways in which a vocabulary may have a whole phrase as one entry."""
    words = tokens(phrase)
    if len(words) < 2:
        return spellings(phrase)
    return [form for joint in ("_", "-", " ", "") for form in spellings(joint.join(words))]


def lookups(phrase: str) -> list[str]:
    """Return every vocabulary entry that may be needed for the vector of a phrase."""
    parts = [form for token in tokens(phrase) for form in (*spellings(token), *_pieces(token))]
    return list(dict.fromkeys([*whole_spellings(phrase), *parts]))


def phrase_vector(phrase: str, vectors: Mapping[str, Floats]) -> Floats | None:
    """Return the unit vector of a phrase, or None where no word of it is in the vocabulary.

    The phrase itself if the vocabulary has it (``dining_table``, ``t-shirt``), else the mean of its words' unit
    vectors, the last of which counts `HEAD_WEIGHT` times. A word that is missing is tried in pieces (``four-poster``).

    Parameters
    ----------
    phrase : str
        Words between spaces or underscores.
    vectors : mapping of str to ndarray of shape (dim,)
        Those of `lookups` that the vocabulary has.
    """
    whole = _first(whole_spellings(phrase), vectors)
    if whole is not None:
        return unit(whole)
    found = [vector for token in tokens(phrase) for vector in _token_vectors(token, vectors)]
    if not found:
        return None
    weights = np.ones((len(found), 1), np.float32)
    weights[-1] = HEAD_WEIGHT
    return unit((weights * np.stack([unit(vector) for vector in found])).sum(0))


def missing_words(phrase: str, vectors: Mapping[str, Floats]) -> list[str]:
    """Return the words of a phrase that the vocabulary lacks, if it lacks the whole phrase too."""
    if _first(whole_spellings(phrase), vectors) is not None:
        return []
    return [token for token in tokens(phrase) if not _token_vectors(token, vectors)]


def _token_vectors(token: str, vectors: Mapping[str, Floats]) -> list[Floats]:
    whole = _first(spellings(token), vectors)
    if whole is not None:
        return [whole]
    return [vectors[piece] for piece in _pieces(token) if piece in vectors]


def _pieces(token: str) -> list[str]:
    parts = [part for part in re.split(r"[-']", token.lower()) if part]
    return parts if len(parts) > 1 else []


def _first(forms: Sequence[str], vectors: Mapping[str, Floats]) -> Floats | None:
    return next((vectors[form] for form in forms if form in vectors), None)
