"""Which pictures a run has met, kept on disk so that memory does not grow with the collection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence


class Seen:
    """A set of primary keys in a temporary SQLite database, which goes away when it is closed."""

    def __init__(self) -> None:
        # An empty name is SQLite's way to ask for a private file that spills to disk and is removed by itself.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def add(self, key: str) -> bool:
        """Add a key; return whether it is new."""
        return self._db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (key,)).rowcount == 1

    def unknown(self, keys: Sequence[str]) -> list[str]:
        """Return those of `keys` that were never added."""
        return [key for key in keys if self._db.execute("SELECT 1 FROM seen WHERE id = ?", (key,)).fetchone() is None]

    def close(self) -> None:
        """Forget everything."""
        self._db.close()
