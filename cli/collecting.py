"""Python's garbage collection, which a process of one command does without while it imports modules.

These make 300,000 objects that stay. A command that searches would spend a tenth of its time on looking through them.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_is_process, _is_frozen = False, False


def disable_gc() -> None:
    """Disable it, in a process that runs one command."""
    global _is_process
    _is_process = True
    gc.disable()


def enable_gc() -> None:
    """Enable it in such a process, before a command does anything."""
    if _is_process:
        gc.enable()


@contextmanager
def without_gc() -> Iterator[None]:
    """Do without it within a ``with`` block, in such a process; what stands at the end of the first one is never looked through."""
    global _is_frozen
    if not _is_process:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not _is_frozen:
            gc.freeze()
            _is_frozen = True
        gc.enable()
