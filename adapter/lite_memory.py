"""How much memory Milvus Lite takes: it holds all rows of a collection in the process that opened it, and copies their vectors for a search."""

from __future__ import annotations

import os

_ROW_BYTES = 2_000
_COPIES = 4
"""`benchmarks/lite_memory.py` prints what they are chosen by."""

SHARE = 0.25
"""From this part of the machine's memory on, a server is better: it keeps what it needs, and other processes go on."""


def lite_bytes(rows: int, dim: int) -> int:
    """Return about how many bytes a collection takes while it is searched."""
    return rows * (_ROW_BYTES + _COPIES * 4 * dim)


def machine_bytes() -> int | None:
    """Return the memory of this machine, None where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
