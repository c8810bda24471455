"""How much memory Milvus Lite takes: it holds all rows of a collection in the process that opened it, and copies their vectors for a search."""

from __future__ import annotations

import os
from pathlib import Path

_ROW_BYTES = 2_000
_COPIES = 4
"""Chosen by what `benchmarks/lite_memory.py` prints."""

_CONTAINER = Path("/sys/fs/cgroup/memory.max")

SHARE = 0.25
"""If a gallery needs more than this share of the memory, a server is better: other programs need some, too."""


def lite_bytes(rows: int, dim: int) -> int:
    """Return about how many bytes a collection takes while it is searched."""
    return rows * (_ROW_BYTES + _COPIES * 4 * dim)


def machine_bytes() -> int | None:
    """Return the memory of this machine, or what its container may take of it; None where the system does not tell."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
    try:
        return min(whole, int(_CONTAINER.read_text()))
    except (OSError, ValueError):
        # No container, or one without a limit, whose text is ``max``.
        return whole
