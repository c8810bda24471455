r"""Word expressions: ``dog``, ``cat sofa``, ``king - man + woman``, ``cat^2 sofa``, ``"dining table"``.

::

    expression = term { operator term }        a blank alone adds, as "+" does
    term       = [ "+" | "-" ] phrase [ "^" weight ]
    phrase     = '"' any characters, \" and \\ escaped '"'  |  characters without blanks that do not start with '"'
    weight     = a number between 0.000001 and 1000000

An operator counts as one where it stands alone or in front of a term; inside a word (``c++``, ``t-shirt``) it is a
letter of it. Vocabularies hold words such as ``-`` and ``^``: quoted, each of them is a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from milvise.errors import ExpressionError

LEAST_WEIGHT, MOST_WEIGHT = 1e-6, 1e6
MOST_TERMS = 256

_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_WEIGHT = re.compile(r"\^(\d+(?:\.\d*)?|\.\d+)(?=\s|$)")
_BARE = re.compile(r"(.+?)(?:\^(\d+(?:\.\d*)?|\.\d+))?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Term:
    """A phrase with its weight, which is negative where it is subtracted."""

    phrase: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Piece:
    """A term as it was typed.

    Attributes
    ----------
    quoted : bool
        Whether it stood in quotes.
    signed : bool
        Whether an operator stood in front of it.
    weighted : bool
        Whether a weight stood behind it.
    """

    term: Term
    quoted: bool
    signed: bool
    weighted: bool


def parse(text: str) -> tuple[Term, ...]:
    """Read an expression, literally; raises as `pieces`."""
    return tuple(piece.term for piece in pieces(text))


def pieces(text: str) -> tuple[Piece, ...]:
    """Read an expression, literally, with how each term was typed.

    Raises
    ------
    ExpressionError
        If it is empty, is not valid Unicode, has more than 256 terms, ends with an operator, holds a quote that is not closed, or gives a term a
        weight that cannot be used.
    """
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise ExpressionError(
            f"an expression is text, and this one holds bytes that are not UTF-8.\nReceived: {text!a}"
        )
    found: list[Piece] = []
    position, sign = 0, 0.0
    text = text.strip()
    while position < len(text):
        if text[position].isspace():
            position += 1
        elif text[position] in "+-" and not sign:
            sign = 1.0 if text[position] == "+" else -1.0
            position += 1
        else:
            quoted = text[position] == '"'
            phrase, weight, position = _quoted_term(text, position) if quoted else _bare_term(text, position)
            term = Term(phrase, (sign or 1.0) * _weight(weight, text))
            found.append(Piece(term, quoted, signed=bool(sign), weighted=weight is not None))
            sign = 0.0
    if sign:
        raise ExpressionError(
            f"nothing follows the last operator.\nReceived: {text}\nTo search for the sign, quote it."
        )
    if not found:
        raise ExpressionError("the expression is empty.\nExpected: a word, such as dog, or several, such as cat sofa")
    check_count(len(found))
    return tuple(found)


def check_count(terms: int) -> None:
    """Raise ExpressionError if an expression has more terms than it may."""
    if terms > MOST_TERMS:
        raise ExpressionError(f"an expression has at most {MOST_TERMS} terms.\nReceived: {terms}")


def render(terms: tuple[Term, ...]) -> str:
    """Return an expression that `parse` reads as these terms."""
    parts = []
    for term in terms:
        quoted = '"' + term.phrase.replace("\\", "\\\\").replace('"', '\\"') + '"'
        weight = "" if abs(term.weight) == 1 else f"^{_plain(abs(term.weight))}"
        parts.append(f"{'-' if term.weight < 0 else '+'} {quoted}{weight}")
    return " ".join(parts).removeprefix("+ ")


def _bare_term(text: str, start: int) -> tuple[str, str | None, int]:
    end = start
    while end < len(text) and not text[end].isspace():
        end += 1
    match = _BARE.match(text[start:end])
    assert match is not None
    return match[1], match[2], end


def _quoted_term(text: str, start: int) -> tuple[str, str | None, int]:
    match = _QUOTED.match(text, start)
    if match is None:
        raise ExpressionError(f'a quote is not closed. To search for the quote itself, write "\\"".\nReceived: {text}')
    phrase, end = re.sub(r"\\(.)", r"\1", match[1], flags=re.DOTALL), match.end()
    if not phrase.strip():
        raise ExpressionError(f"there is nothing between two quotes.\nReceived: {text}")
    weight = _WEIGHT.match(text, end)
    if weight is not None:
        return phrase, weight[1], weight.end()
    if end < len(text) and not text[end].isspace():
        raise ExpressionError(f"a blank or a weight such as ^2 must follow a closing quote.\nReceived: {text}")
    return phrase, None, end


def _weight(text: str | None, expression: str) -> float:
    weight = 1.0 if text is None else float(text)
    if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
        raise ExpressionError(
            f"a weight cannot be used.\nExpected: a number between {LEAST_WEIGHT:g} and {MOST_WEIGHT:g}\nReceived: {expression}"
        )
    return weight


def _plain(weight: float) -> str:
    return f"{weight:.17f}".rstrip("0").rstrip(".")
