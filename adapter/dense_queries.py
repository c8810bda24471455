"""Searches by ordinary vectors, without the import of SciPy that pymilvus makes for sparse ones."""

from __future__ import annotations

import sys
from functools import cache


@cache
def spare_scipy() -> None:
    """Have pymilvus not import SciPy before it is needed.

    Before its first search pymilvus imports ``scipy.sparse``, to see whether the query is one of its matrices. That loads some 80 modules,
    for a process that may answer a single word. Where nobody has imported it, no query is one; as soon as somebody has, pymilvus looks as before.
    """
    try:
        from pymilvus.client.utils import SciPyHelper
    except ImportError:
        # Another version of pymilvus: it looks for sparse matrices in another way, or not at all.
        return
    look = getattr(SciPyHelper, "_init", None)
    if look is None:
        return

    def look_where_imported() -> None:
        if "scipy.sparse" in sys.modules:
            look()

    SciPyHelper._init = staticmethod(look_where_imported)
