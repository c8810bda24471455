"""String values in Milvus expressions.

Every string that reaches an expression passes through `literal`. pymilvus itself builds the expressions of ``get`` and
``delete`` by id from unescaped strings, so those two calls are not used anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from milvise.errors import FilterError


def literal(value: str) -> str:
    r"""Return `value` as a quoted literal of Milvus' expression language.

    Quotes, backslashes and control characters are escaped as in JSON; other characters stay as they are, because
    Milvus does not read ``\u`` escapes.

    Raises
    ------
    FilterError
        If the value holds a NUL character or a lone surrogate (a file name that is not UTF-8), which Milvus cannot
        store either.
    """
    if "\0" in value:
        raise FilterError(f"Milvus cannot compare strings that hold a NUL character.\nReceived: {value!r}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FilterError(
            f"Milvus reads strings as UTF-8, and this one cannot be encoded.\nReceived: {value!r}"
        ) from error
    return json.dumps(value, ensure_ascii=False)


def is_in(field: str, values: Iterable[str]) -> str:
    """Return the expression that is true where `field` holds one of `values`."""
    return f"{field} in [{', '.join(literal(value) for value in values)}]"


def both(*expressions: str) -> str:
    """Return the expression that is true where all the given ones are; empty ones are left out."""
    given = [expression for expression in expressions if expression.strip()]
    return given[0] if len(given) == 1 else " and ".join(f"({expression})" for expression in given)
