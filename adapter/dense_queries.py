"""Searches by ordinary vectors, without the import of SciPy that pymilvus makes for sparse ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def _scipy_helper() -> Any:
    try:
        from pymilvus.client.utils import SciPyHelper
    except ImportError:
        # Another version of pymilvus: it looks for sparse matrices in another way, or not at all.
        return None
    return SciPyHelper if hasattr(SciPyHelper, "_checked") else None


@contextmanager
def without_scipy() -> Iterator[None]:
    """Keep pymilvus from importing SciPy in the block.

    Before its first search pymilvus imports ``scipy.sparse``, to see whether the query is one of its matrices. That takes a
    tenth of the time in which a process answers a word. Where nobody has imported it, no query is one.
    """
    helper = None if "scipy.sparse" in sys.modules else _scipy_helper()
    if helper is None or helper._checked:
        yield
        return
    helper._checked = True
    try:
        yield
    finally:
        helper._checked = False
