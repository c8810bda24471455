"""A set of keys, and what was said of each, on disk: memory does not grow with their number."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from milvise.core.chunks import chunks

_AT_ONCE = 500


class DiskKeys:
    """Keys with a few bytes each, in a private SQLite file that goes away when it is closed, or with the process."""

    def __init__(self) -> None:
        # An empty name is SQLite's way to ask for a file that nobody else sees.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("CREATE TABLE keys (key TEXT PRIMARY KEY, said BLOB) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def add(self, keys: Iterable[tuple[str, bytes]]) -> None:
        """Add keys with what is said of them, in place of what was."""
        self._db.executemany("INSERT OR REPLACE INTO keys VALUES (?, ?)", keys)

    def among(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return what was said of those of these keys that were added."""
        found: dict[str, bytes] = {}
        for some in chunks(keys, _AT_ONCE):
            marks = ",".join("?" * len(some))
            found.update(self._db.execute(f"SELECT key, said FROM keys WHERE key IN ({marks})", some))  # noqa: S608 - only question marks
        return found

    def __iter__(self) -> Iterator[str]:
        """Yield the keys in their order."""
        return (key for (key,) in self._db.execute("SELECT key FROM keys ORDER BY key"))

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM keys").fetchone()[0])

    def close(self) -> None:
        """Forget everything."""
        self._db.close()

    def __del__(self) -> None:
        self._db.close()
