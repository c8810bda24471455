"""Sizes and counts as people write them: ``8GiB``, ``512 MB``, ``100M``."""

from __future__ import annotations

import re

from milvise.errors import UsageError

_BINARY = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_DECIMAL = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_BYTES = {unit.lower(): size for unit, size in {"B": 1, **_DECIMAL, **_BINARY}.items()}
_COUNTS = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9}
_NUMBER = re.compile(r"(\d[\d_,]*(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)


def read_size(text: str, *, what: str = "a size") -> int:
    """Return the bytes that a text such as ``8GiB``, ``512MB`` or ``1048576`` means.

    Raises
    ------
    UsageError
        If it means none, or less than one byte.
    """
    return _read(text, _BYTES, what, "such as 8GiB, 512MB or a number of bytes", bare=1)


def read_count(text: str, *, what: str = "a number") -> int:
    """Return the whole number that a text such as ``100k``, ``2.5M``, ``1B`` or ``20,000`` means.

    Raises
    ------
    UsageError
        If it means none, or less than one.
    """
    return _read(text, _COUNTS, what, "such as 20000, 100k, 2.5M or 1B", bare=1)


def exact_size(size: int) -> str:
    """Return bytes in the largest binary unit that says them exactly, which `read_size` reads back."""
    units = [(unit, number) for unit, number in _BINARY.items() if size and size % number == 0]
    unit, number = units[-1] if units else ("", 1)
    return f"{size // number}{unit}"


def shown_size(size: float) -> str:
    """Return bytes as people read them: three digits and a decimal unit."""
    for unit, number in reversed(_DECIMAL.items()):
        if size >= number:
            return f"{size / number:.3g} {unit}" if size < 1_000 * number else f"{size / number:,.0f} {unit}"
    return f"{size:.0f} B"


def _read(text: str, units: dict[str, int], what: str, expected: str, *, bare: int) -> int:
    found = _NUMBER.fullmatch(text.strip()) if isinstance(text, str) else None
    factor = None if found is None else units.get(found[2].lower(), bare if not found[2] else None)
    value = 0 if found is None or factor is None else round(float(re.sub("[_,]", "", found[1])) * factor)
    if value < 1:
        raise UsageError(f"{what} cannot be read.\nExpected: {expected}\nReceived: {text!r}")
    return value
