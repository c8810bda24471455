"""Finding a line in sorted text that is kept as bytes: nothing is parsed but the lines that a bisection looks at."""

from __future__ import annotations


def line_of(text: bytes, key: bytes, start: int, end: int) -> bytes | None:
    """Return the line whose first field, up to a blank, is `key`, without its line end; None where there is none.

    Parameters
    ----------
    text : bytes
        Lines between `start` and `end`, sorted by their first fields.
    """
    low, high = start, end
    while low < high:
        middle = (low + high) // 2
        first = max(text.rfind(b"\n", low, middle) + 1, low)
        last = text.find(b"\n", middle, high)
        last = high if last < 0 else last
        line = text[first:last]
        found = line.partition(b" ")[0]
        if found == key:
            return line
        low, high = (last + 1, high) if found < key else (low, first)
    return None
