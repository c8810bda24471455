"""Which pictures a run has met, kept on disk so that memory does not grow with the collection, and which it cannot see."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from milvise.ingest.sources.skipped import Skipped


class SeenIds:
    """A set of primary keys in a temporary SQLite database, which goes away when it is closed.

    Attributes
    ----------
    skipped : Skipped
        What the sources skipped, and where pictures may stand that could not be seen.
    """

    def __init__(self) -> None:
        self.skipped = Skipped()
        # An empty name is SQLite's way to ask for a private file that spills to disk and is removed by itself.
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def add(self, key: str) -> bool:
        """Add a key; return whether it is new."""
        return self._db.execute("INSERT OR IGNORE INTO seen VALUES (?)", (key,)).rowcount == 1

    def is_gone(self, row: Mapping[str, Any]) -> bool:
        """Return whether a stored picture, with its id and URI, is in none of the sources as far as these can be seen."""
        return not self.has(row["id"]) and not self.skipped.hides(row["uri"])

    def has(self, key: str) -> bool:
        """Return whether a key was added."""
        return self._db.execute("SELECT 1 FROM seen WHERE id = ?", (key,)).fetchone() is not None

    def close(self) -> None:
        """Forget everything."""
        self._db.close()
