"""Which words a head was trained on, as a short text that stands in a manifest: a client compares words with it, and needs no file.

A word is six hexadecimal digits of its hash. Another word is taken for one of a thousand once in seventeen thousand times.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from milvise.embeddings.words.phrases import tokens

DIGITS = 6
MOST_WORDS = 4_000
"""A text of 24,000 characters; a manifest should not hold more."""


def encode(labels: Iterable[str]) -> str:
    """Return the text for labels; it is empty, which stands for every word, where there are more than `MOST_WORDS`."""
    marks = sorted({_mark(label) for label in labels})
    return "".join(marks) if len(marks) <= MOST_WORDS else ""


def is_learned(phrase: str, text: str) -> bool:
    """Return whether a phrase is among the labels that `encode` made a text of."""
    return not text or _mark(phrase) in {text[at : at + DIGITS] for at in range(0, len(text), DIGITS)}


def _mark(phrase: str) -> str:
    return hashlib.sha256(" ".join(tokens(phrase)).casefold().encode()).hexdigest()[:DIGITS]
