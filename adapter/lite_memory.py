"""How much memory Milvus Lite takes: it holds all rows of a collection in the process that opened it, and copies their vectors for a search."""

from __future__ import annotations

import os
from pathlib import Path

from milvise.core.spaces import JOINT, VISUAL

_PICTURE_BYTES = 6_000
_OTHER_BYTES = 300
_COPIES = 8
"""What a row takes beside its vector, and how often its vector is held, at most, while the first search is made. `benchmarks/lite_memory.py` compares them
with what is measured: for 20,000 pictures of width 50 to 1280 and for 400,000 words they say 0.84 to 1.04 times as much."""

_CONTAINER = Path("/sys/fs/cgroup/memory.max")

SHARE = 0.25
"""If a gallery needs more than this share of the memory, a server is better: other programs need some, too."""


def lite_bytes(rows: int, dim: int, room: str) -> int:
    """Return about how many bytes a collection of a room takes while it is searched."""
    return rows * ((_PICTURE_BYTES if room in (VISUAL, JOINT) else _OTHER_BYTES) + _COPIES * 4 * dim)


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
