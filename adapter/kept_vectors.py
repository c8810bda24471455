"""Vectors of a Milvus Lite collection that never changes, kept in the user's cache beside it.

Milvus Lite reads a whole collection from disk before it gives out its first row, which for a vocabulary takes a second or
more: too long for a command that needs the vector of one word.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress

import numpy as np

from milvise.core import config
from milvise.core.arrays import Floats

_TABLE = "CREATE TABLE vectors (id TEXT PRIMARY KEY, vector BLOB) WITHOUT ROWID"
_WHAT = "SELECT type, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
_FLOAT_BYTES = 4
_MOST_BYTES = 2**20
"""Of one value: a vector is at most 32,768 numbers wide."""


class KeptVectors:
    """Vectors by primary key, and None for keys that are known not to be there.

    Parameters
    ----------
    collection : str
        Name of the real collection, which holds a hash of what made its vectors.
    """

    def __init__(self, collection: str) -> None:
        self._path = config.cache() / "vectors" / f"{collection}.sqlite"

    def get(self, keys: Sequence[str], *, dim: int) -> dict[str, Floats | None]:
        """Return those that are kept.

        Parameters
        ----------
        dim : int
            Width of the collection's vectors. What is kept and is of another width is damaged, and counts as not kept.
        """
        found: dict[str, Floats | None] = {}
        if self._path.is_symlink() or not self._path.is_file():
            return found
        with suppress(sqlite3.Error), self._opened() as database:
            if database.execute(_WHAT).fetchall() != [("table", _TABLE)]:
                return found
            for key in keys:
                for (data,) in database.execute("SELECT vector FROM vectors WHERE id = ?", (key,)):
                    if data == b"":
                        found[key] = None
                    elif isinstance(data, bytes) and len(data) == dim * _FLOAT_BYTES:
                        found[key] = np.frombuffer(data, dtype="<f4").astype(np.float32)
        return found

    def put(self, vectors: Iterable[tuple[str, Floats | None]]) -> None:
        """Keep vectors; where the disk or the folder does not allow it, nothing is kept."""
        rows = [(key, b"" if vector is None else vector.astype("<f4").tobytes()) for key, vector in vectors]
        try:
            config.cache_folder(self._path.parent.name)
            if self._path.is_symlink():
                # Another file would be written.
                self._path.unlink()
            if not self._written(rows):
                self._path.unlink()
                self._written(rows)
        except (OSError, sqlite3.Error):
            # What is kept only saves time; Milvus has it all.
            return

    def _written(self, rows: Sequence[tuple[str, bytes]]) -> bool:
        """Write rows; return False where the file is not the database that this class makes.

        Raises
        ------
        sqlite3.OperationalError
            If it cannot be written now: it is locked, or the disk is full.
        """
        try:
            with self._opened() as database:
                database.execute(_TABLE.replace("TABLE", "TABLE IF NOT EXISTS", 1))
                if database.execute(_WHAT).fetchall() != [("table", _TABLE)]:
                    return False
                database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
                database.commit()
                return True
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return False

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=1.0)) as database:
            # A database can bring views and triggers of its own, which then count for a table.
            database.execute("PRAGMA trusted_schema = OFF")
            database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
            yield database
