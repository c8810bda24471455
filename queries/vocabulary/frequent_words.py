"""The most frequent words, to be looked through by how they begin."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

from milvise.adapter import Collection
from milvise.adapter.collection import MOST_HITS
from milvise.queries.text.words import folded


class FrequentWords:
    """The 16,384 most frequent words of one collection, fetched once; of another collection as soon as that one is asked for.

    It is shared by threads, and takes about 3 MB.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._name = ""
        self._words: tuple[tuple[str, str], ...] = ()

    def starting(self, collection: Collection, start: str) -> Iterator[str]:
        """Yield the words that begin with some letters, however they are capitalised, the most frequent first."""
        wanted = folded(start)
        return (word for spelling, word in self._of(collection) if spelling.startswith(wanted))

    def _of(self, collection: Collection) -> tuple[tuple[str, str], ...]:
        # One thread asks Milvus; those that come meanwhile wait for its answer.
        with self._lock:
            if self._name != collection.name:
                rows = collection.query(f"rank < {MOST_HITS}", fields=["word", "rank"])
                words = [str(row["word"]) for row in sorted(rows, key=lambda row: int(row["rank"]))]
                self._name, self._words = collection.name, tuple((folded(word), word) for word in words)
            return self._words
