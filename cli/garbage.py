"""Python's search for garbage is put off while modules are imported: they make 300,000 objects that stay, and a command that searches spends a tenth of its time in it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_is_process = False


def put_off() -> None:
    """Put the search off, in a process that runs one command."""
    global _is_process
    _is_process = True
    gc.disable()


def take_up() -> None:
    """Take it up again, in such a process, among what is made from now on."""
    if _is_process:
        gc.freeze()
        gc.enable()


@contextmanager
def put_off_in() -> Iterator[None]:
    """Put it off within a ``with`` block, in such a process."""
    if _is_process:
        gc.disable()
    try:
        yield
    finally:
        take_up()
