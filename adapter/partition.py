"""A metadata column as the partition key: Milvus searches only the partitions that a filter on the column can be true in.

The value of the column, as text, stands in a field of its own, `FIELD`, which a server hashes into one of `PARTITIONS` partitions. In Milvus Lite, which
searches all partitions whatever a filter says, it is a field as any other. Users go on writing
``meta["owner"] == "anna"``; `narrowed` adds what Milvus needs to see, ``partition == "anna"``, and leaves what was written as it is, so that
the answer is the same.

References
----------
https://milvus.io/docs/use-partition-key.md. A server before 2.4 upserts rows into partitions by the hash of another field (milvus-io/milvus #30772), which
is why rows are deleted and inserted there: `UPSERTS_SINCE`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from milvise.adapter.escape import both, is_in

FIELD = "partition"
LENGTH = 1_024
PARTITIONS = 64
"""Milvus' own number differs between versions, and cannot be changed afterwards."""

UPSERTS_SINCE = (2, 4)

_MOST_SAFE = 2**53
"""Whole numbers beyond it may be equal to others where they are compared as floating-point numbers."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w.])"""
    r"""|(?P<word>\w+)|(?P<sign>==|&&|\|\||[^\s\w]))"""
)
_AND, _OR = ("and", "&&"), ("or", "||")


def partition_of(meta: Mapping[str, Any] | None, column: str) -> str:
    """Return the partition of a picture: what its metadata column holds, as text; values that are equal have the same.

    It is empty for what is missing, for longer texts, and for what filters do not compare with ``==``, such as lists.
    """
    return _as_text((meta or {}).get(column))


def narrowed(filter: str, column: str) -> str:
    """Return an expression that is true of the same rows, and names their partitions where it can be true in some of them alone."""
    values = _Reader(filter, column).values() if column in filter else None
    return both(is_in(FIELD, sorted(values)), filter) if values else filter


def _as_text(value: object) -> str:
    if isinstance(value, int | float) and abs(value) < _MOST_SAFE:
        return str(int(value)) if value == int(value) else ""
    if isinstance(value, str) and "\0" not in value and len(value.encode("utf-8", "surrogatepass")) <= LENGTH:
        return value
    return ""


class _Reader:
    """It reads as much of Milvus' expressions as says which values a column may have: ``==`` and ``in``, joined by ``and``, ``or`` and brackets.

    Whatever else it meets may be true of any value. ``and`` binds more tightly than ``or``, and all operators of values more tightly than both.
    """

    def __init__(self, filter: str, column: str) -> None:
        self._column = column
        self._tokens = list(_tokens(filter))
        self._at = 0

    def values(self) -> set[str] | None:
        """Return the partitions of the rows for which the expression can be true, None where they may be any."""
        try:
            found = self._either()
        except _UnreadableError:
            return None
        return found if self._at == len(self._tokens) else None

    def _either(self) -> set[str] | None:
        found = self._all()
        while self._next_is(_OR):
            other = self._all()
            found = None if found is None or other is None else found | other
        return found

    def _all(self) -> set[str] | None:
        found = self._one()
        while self._next_is(_AND):
            other = self._one()
            found = other if found is None else found if other is None else found & other
        return found

    def _one(self) -> set[str] | None:
        start = self._at
        if self._peek() == "(":
            self._at += 1
            found = self._either()
            if self._peek() != ")":
                raise _UnreadableError
            self._at += 1
            if self._peek() in ("", ")", *_AND, *_OR):
                return found
            # Such as ``(a + b) > 3``.
            self._at = start
        return self._compared(self._until_joined())

    def _until_joined(self) -> list[str]:
        """Take the tokens up to the next ``and``, ``or`` or closing bracket outside brackets."""
        depth, taken = 0, list[str]()
        while part := self._peek():
            if depth == 0 and (part == ")" or part.lower() in (*_AND, *_OR)):
                break
            depth += (part in "([") - (part in ")]")
            taken.append(part)
            self._at += 1
        if not taken or depth:
            raise _UnreadableError
        return taken

    def _compared(self, tokens: list[str]) -> set[str] | None:
        if "==" in tokens:
            place = tokens.index("==")
            sides = tokens[:place], tokens[place + 1 :]
            for own, value in (sides, sides[::-1]):
                if self._is_column(own) and len(value) == 1:
                    return _texts(value)
        if self._is_column(tokens[:4]) and tokens[4:6] == ["in", "["] and tokens[-1] == "]":
            listed = tokens[6:-1]
            if all(comma == "," for comma in listed[1::2]) and len(listed) % 2:
                return _texts(listed[::2])
        return None

    def _is_column(self, tokens: list[str]) -> bool:
        return (
            len(tokens) == 4
            and tokens[0] == "meta"
            and tokens[1] == "["
            and tokens[3] == "]"
            and _value(tokens[2]) == self._column
        )

    def _next_is(self, words: tuple[str, ...]) -> bool:
        if self._peek().lower() not in words:
            return False
        self._at += 1
        return True

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""


class _UnreadableError(Exception):
    """The expression is one that Milvus will refuse, or that it alone understands."""


def _texts(literals: list[str]) -> set[str] | None:
    found = [_value(one) for one in literals]
    return None if None in found else {_as_text(value) for value in found}


def _tokens(filter: str) -> Iterator[str]:
    at, end = 0, len(filter.rstrip())
    while at < end:
        found = _TOKEN.match(filter, at)
        if found is None:
            yield "\0"
            return
        yield found[0].strip()
        at = found.end()


def _value(token: str) -> str | int | float | None:
    """Return what a literal says, None for what is no plain one: escapes are read by Milvus in ways of its own."""
    if token[:1] == "'":
        return None if "\\" in token else token[1:-1]
    if token[:1] == '"':
        plain = re.sub(r'\\["\\]', "", token)
        return None if "\\" in plain else str(json.loads(token, strict=False))
    if re.fullmatch(r"-?\d+", token):
        return int(token)
    return float(token) if re.fullmatch(r"-?\d+\.\d+", token) else None
