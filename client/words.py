"""The words of a service."""

from __future__ import annotations

import operator

from milvise.client import records
from milvise.client.connection import Connection
from milvise.core.arrays import Floats
from milvise.core.config import DEFAULT_LIMIT
from milvise.core.records import WordHit
from milvise.queries.limits import check_limit
from milvise.queries.vocabulary.typed import TypedSearch


class RemoteVocabulary:
    """The words of a service; ``db.words`` of a `milvise.RemoteDatabase`. Requests are those of `milvise.Vocabulary`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def similar(
        self, expression: str, *, limit: int = DEFAULT_LIMIT, filter: str = "", fix: bool = False
    ) -> list[WordHit]:
        """Return the words closest to a word or expression, closest first; as `milvise.Vocabulary.similar`."""
        check_limit(limit)
        return self._connection.get(
            records.word_hits, "words", "similar", words=expression, limit=operator.index(limit), filter=filter, fix=fix
        )

    def read(self, expression: str, *, fix: bool = False) -> TypedSearch:
        """Return what `similar` takes an expression for; as `milvise.Vocabulary.read`."""
        return self._connection.get(records.typed_search, "words", "read", words=expression, fix=fix)

    def vector(self, expression: str) -> Floats:
        """Return the unit vector, float32 of shape (dim,), of an expression; as `milvise.Vocabulary.vector`."""
        return self._connection.get(records.vector, "words", "vector", words=expression)
