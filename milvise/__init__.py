"""Search collections of pictures by meaning in Milvus.

>>> import milvise
>>> db = milvise.connect("photos.db")                      # doctest: +SKIP
>>> db.gallery("holiday").search("cat sofa", limit=9)      # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from milvise import errors
from milvise.errors import MilviseError
from milvise.records import DuplicateGroup, Hit, Owner, WordHit

if TYPE_CHECKING:
    __version__: str
    from milvise.queries.database import Database, connect
    from milvise.queries.explain import Explanation
    from milvise.queries.refine import Rocchio
    from milvise.queries.search import Gallery
    from milvise.queries.verification.record import Verification
    from milvise.queries.vocabulary import Vocabulary

__all__ = [
    "Database",
    "DuplicateGroup",
    "Explanation",
    "Gallery",
    "Hit",
    "MilviseError",
    "Owner",
    "Rocchio",
    "Verification",
    "Vocabulary",
    "WordHit",
    "connect",
    "errors",
]

_LAZY = {
    "Database": "milvise.queries.database",
    "Explanation": "milvise.queries.explain",
    "Gallery": "milvise.queries.search",
    "Rocchio": "milvise.queries.refine",
    "Verification": "milvise.queries.verification.record",
    "Vocabulary": "milvise.queries.vocabulary",
    "connect": "milvise.queries.database",
}


def __getattr__(name: str) -> Any:
    """Import what needs pymilvus when it is first used, and look up the version: importing milvise stays quick."""
    if name == "__version__":
        from importlib.metadata import version

        return version("milvise")
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
