"""What others say of a picture, as a row of a gallery holds it: a label, and metadata that JSON and Milvus can hold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_DEPTH = 32
_BIT_64 = 2**63


def label_and_meta(values: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the label among the values, empty where there is none, and all others as metadata; those that are None are left out.

    Raises
    ------
    ValueError
        If a value is nested more than 32 times.
    """
    meta = {_text(name): _plain(value, _DEPTH) for name, value in values.items() if name != "label"}
    label = values.get("label")
    plain = label if isinstance(label, list | dict) else _plain(label, 1)
    kept = {name: value for name, value in meta.items() if value is not None}
    return "" if plain is None else _text(plain), kept


def _plain(value: Any, depth: int) -> Any:
    """Return a value as JSON and Milvus have it: dates and the like become text, what is no number is left out.

    Raises
    ------
    ValueError
        If it is nested more than `depth` times.
    """
    if depth < 0:
        raise ValueError(f"its metadata is nested more than {_DEPTH} times")
    match value:
        case None | bool():
            return value
        case float():
            return value if math.isfinite(value) else None
        case int():
            return value if -_BIT_64 <= value < _BIT_64 else str(value)
        case list() | tuple():
            return [_plain(each, depth - 1) for each in value]
        case dict():
            return {_text(name): _plain(each, depth - 1) for name, each in value.items()}
    return _text(value)


def _text(value: Any) -> str:
    """Return a value as text that is valid UTF-8 and holds no NUL."""
    text = value if isinstance(value, str) else str(value)
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")
