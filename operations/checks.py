"""Checks of a request's values, before anything is opened: each raises a `UsageError` that says what was expected."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from milvise.adapter import IndexSpec
from milvise.core.precision import ASKED_PRECISIONS
from milvise.core.sizes import read_size
from milvise.errors import UsageError


def require_known(what: str, value: str, known: Collection[str]) -> None:
    """Check that a value is one of those that there are."""
    if value not in known:
        raise UsageError(f"unknown {what}.\nExpected: {', '.join(known)}\nReceived: {value}")


def require_precision(precision: str | None) -> None:
    """Check that a value names a precision of networks; None is left to the gallery."""
    if precision is not None:
        require_known("precision", precision, ASKED_PRECISIONS)


def require_count(what: str, value: int | None, least: int, most: int | None = None) -> None:
    """Check that a value is a whole number from `least` to `most`; None is left to the default."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least or (most is not None and value > most):
        span = f"{least} or more" if most is None else f"{least} to {most:,}"
        raise UsageError(f"{what} is a whole number.\nExpected: {span}\nReceived: {value!r}")


def require_share(what: str, value: float | None, most: float) -> None:
    """Check that a value is a number from 0 to `most`; None is left to the default."""
    if value is not None and not (isinstance(value, int | float) and 0 <= value <= most):
        raise UsageError(f"{what} is a share.\nExpected: 0 to {most}\nReceived: {value!r}")


def require_index(text: str | None) -> None:
    """Check that a text names an index; None is left to the default."""
    if text is not None and not isinstance(text, str):
        raise UsageError(f"an index is a text.\nExpected: such as auto or hnsw:M=32\nReceived: {text!r}")
    if text is not None:
        IndexSpec.parse(text)


def index_within(index: str | None, memory: str | int | None) -> IndexSpec | None:
    """Return the index that a text names, with a budget of memory such as ``8GiB``; None where neither is given.

    Raises
    ------
    UsageError
        If the budget is no size, or another index than ``auto`` is asked for with it.
    IndexSpecError
        If the text names no index.
    """
    if index is None and memory is None:
        return None
    budget = None if memory is None else read_size(str(memory), what="a budget of memory")
    return IndexSpec.parse(index or "auto").within(budget)


def as_texts(what: str, values: Sequence[str]) -> tuple[str, ...]:
    """Return the texts that a caller names: a sequence of them, and not one text."""
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise UsageError(f"{what} are several texts.\nExpected: such as ('a', 'b')\nReceived: {values!r}")
    return tuple(values)


def as_name(what: str, value: str | Path) -> str:
    """Return the name of something, or the path of its file, as a text."""
    return value if isinstance(value, str) else str(as_path(what, value))


def as_path(what: str, value: str | Path) -> Path:
    """Return the path that a caller names."""
    if not isinstance(value, str | os.PathLike):
        raise UsageError(f"{what} is a path.\nExpected: a text or a Path\nReceived: {value!r}")
    return Path(value)


def as_optional_path(what: str, value: str | Path | None) -> Path | None:
    """Return the path that a caller names, None where there is none."""
    return None if value is None else as_path(what, value)
