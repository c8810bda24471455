"""Search collections of pictures by meaning in Milvus.

>>> import milvise
>>> db = milvise.connect("photos.db", create=True)            # doctest: +SKIP
>>> db.ingest_words("glove-6b-50d")                           # doctest: +SKIP
>>> db.ingest_images("photos", gallery="holiday")             # doctest: +SKIP
>>> db.gallery("holiday").search("cat sofa", limit=9)         # doctest: +SKIP
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from milvise import errors
from milvise.errors import MilviseError

if TYPE_CHECKING:
    __version__: str
    from milvise.client.database import RemoteDatabase
    from milvise.client.gallery import RemoteGallery
    from milvise.core.picture_types import PictureBytes, PictureFile, StoredPicture
    from milvise.core.records import DuplicateGroup, Hit, Owner, WordHit
    from milvise.embeddings.words.tag_vectors import TagTraining
    from milvise.gallery.verification.record import Verification
    from milvise.operations.database import Database, connect
    from milvise.operations.evaluate import Accuracy, Bias, IndexRecall, Limits
    from milvise.operations.gallery import Gallery
    from milvise.operations.offline import plan, read_ratings, train_backbone
    from milvise.queries.requests.explain import Explanation
    from milvise.queries.requests.refine import Rocchio
    from milvise.queries.vocabulary.word_vectors import Vocabulary

# Who uses the library says what becomes of its log.
logging.getLogger("milvise").addHandler(logging.NullHandler())

__all__ = [
    "Accuracy",
    "Bias",
    "Database",
    "DuplicateGroup",
    "Explanation",
    "Gallery",
    "Hit",
    "IndexRecall",
    "Limits",
    "MilviseError",
    "Owner",
    "PictureBytes",
    "PictureFile",
    "RemoteDatabase",
    "RemoteGallery",
    "Rocchio",
    "StoredPicture",
    "TagTraining",
    "Verification",
    "Vocabulary",
    "WordHit",
    "connect",
    "errors",
    "plan",
    "read_ratings",
    "train_backbone",
]

_LAZY = {
    "Accuracy": "milvise.operations.evaluate",
    "Bias": "milvise.operations.evaluate",
    "Database": "milvise.operations.database",
    "DuplicateGroup": "milvise.core.records",
    "Explanation": "milvise.queries.requests.explain",
    "Gallery": "milvise.operations.gallery",
    "Hit": "milvise.core.records",
    "IndexRecall": "milvise.operations.evaluate",
    "Limits": "milvise.operations.evaluate",
    "Owner": "milvise.core.records",
    "PictureBytes": "milvise.core.picture_types",
    "PictureFile": "milvise.core.picture_types",
    "RemoteDatabase": "milvise.client.database",
    "RemoteGallery": "milvise.client.gallery",
    "Rocchio": "milvise.queries.requests.refine",
    "StoredPicture": "milvise.core.picture_types",
    "TagTraining": "milvise.embeddings.words.tag_vectors",
    "Verification": "milvise.gallery.verification.record",
    "Vocabulary": "milvise.queries.vocabulary.word_vectors",
    "WordHit": "milvise.core.records",
    "connect": "milvise.operations.database",
    "plan": "milvise.operations.offline",
    "read_ratings": "milvise.operations.offline",
    "train_backbone": "milvise.operations.offline",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, and look up the version: importing milvise stays quick."""
    if name == "__version__":
        from importlib.metadata import version

        return version("milvise")
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
