"""The version of a Milvus server, as two numbers that can be compared."""

from __future__ import annotations

import re

Version = tuple[int, int]


def version_of(text: str) -> Version | None:
    """Return the first two numbers of a version such as ``v2.3.5-dev``, None where there are none."""
    numbers = re.search(r"(\d+)\.(\d+)", text)
    return None if numbers is None else (int(numbers[1]), int(numbers[2]))
