"""What a file of word vectors may ask for."""

from __future__ import annotations

from typing import Any

from milvise.errors import InputError

MOST_WIDTH = 32_768
"""Milvus stores no wider vectors."""

MOST_WORD_BYTES = 1_024
"""Milvus stores no longer words."""


def require_width(width: int, source: str) -> None:
    """Check the width of the vectors.

    Raises
    ------
    InputError
        If there is none, or Milvus cannot store it.
    """
    if not 1 <= width <= MOST_WIDTH:
        raise InputError(
            f"{source} holds no word vectors that can be stored.\nExpected: vectors of width 1 to {MOST_WIDTH}"
            f"\nReceived: {width}"
        )


def word_problem(word: Any) -> str | None:
    """Return why something cannot be a word, or None where it can."""
    if not isinstance(word, str) or not word:
        return "it is empty" if word == "" else "it is no text"
    # Most words are short; then their bytes need not be counted.
    if len(word) * 4 > MOST_WORD_BYTES and len(word.encode("utf-8", "surrogatepass")) > MOST_WORD_BYTES:
        return f"it is longer than {MOST_WORD_BYTES} bytes"
    try:
        word.encode("utf-8")
    except UnicodeEncodeError:
        return "it is not valid UTF-8"
    return None
