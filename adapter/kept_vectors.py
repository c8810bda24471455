"""Vectors of a Milvus Lite collection that never changes, kept in the user's cache beside it.

Milvus Lite reads a whole collection from disk before it gives out its first row, which for a vocabulary takes a second or
more: too long for a command that needs the vector of one word.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import numpy as np

from milvise import config

Vector = np.ndarray[Any, np.dtype[np.float32]]


class KeptVectors:
    """Vectors by primary key, and None for keys that are known not to be there.

    Parameters
    ----------
    collection : str
        Name of the real collection, which holds a hash of what made its vectors.
    """

    def __init__(self, collection: str) -> None:
        self._path = config.cache() / "vectors" / f"{collection}.sqlite"

    def get(self, keys: Sequence[str]) -> dict[str, Vector | None]:
        """Return those that are kept."""
        if not self._path.is_file():
            return {}
        found: dict[str, Vector | None] = {}
        with self._opened() as database:
            for key in keys:
                for (data,) in database.execute("SELECT vector FROM vectors WHERE id = ?", (key,)):
                    found[key] = np.frombuffer(data, dtype="<f4").astype(np.float32) if data else None
        return found

    def put(self, vectors: Iterable[tuple[str, Vector | None]]) -> None:
        """Keep vectors; where the disk or the folder does not allow it, nothing is kept."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            return
        with self._opened() as database:
            database.execute("CREATE TABLE IF NOT EXISTS vectors (id TEXT PRIMARY KEY, vector BLOB) WITHOUT ROWID")
            rows = ((key, b"" if vector is None else vector.astype("<f4").tobytes()) for key, vector in vectors)
            database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            database.commit()

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=1.0)) as database:
                yield database
        except sqlite3.Error:
            # What is kept only saves time; Milvus has it all.
            return
