"""Lines of a file of unknown origin, with a limit on their length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

MOST_LINE_BYTES = 2**20
"""A word with a vector of the greatest width, in numbers of 30 characters, fits."""


def bounded_lines(file: IO[bytes], most: int = MOST_LINE_BYTES) -> Iterator[bytes | None]:
    """Yield the lines of a file, and None for each that is longer than `most` bytes, which is not kept in memory."""
    while line := file.readline(most + 1):
        if len(line) <= most:
            yield line
            continue
        yield None
        while line and not line.endswith(b"\n"):
            line = file.readline(most)
