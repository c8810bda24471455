"""What a gallery was loaded from, as it was then: what has not changed since need not be read again.

Milvus stays the record of what is done. What this machine remembers is used in two ways. A file whose size and time of
modification are as they were has the hash that it had. And where the gallery carries the stamp that the last complete run on
this machine left, nobody has loaded anything since, and Milvus need not be asked about such a file at all.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from milvise.adapter.catalog import short_hash
from milvise.core import config
from milvise.ingest.sources.content import ContentState

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, path TEXT, size INTEGER, modified INTEGER, sha256 TEXT, entry TEXT, run TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stamp (one INTEGER PRIMARY KEY, stamp TEXT, rows INTEGER);
"""


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A picture as it was when it was loaded; `entry` are its label and metadata as JSON."""

    state: ContentState
    sha256: str
    entry: str


def entry_text(label: str, meta: Mapping[str, Any]) -> str:
    """Return label and metadata as text that differs where they do."""
    return json.dumps([label, dict(meta)], sort_keys=True, ensure_ascii=False)


class LoadedFiles:
    """What this machine remembers of one gallery, in the user's cache folder; without that folder it remembers nothing.

    Attributes
    ----------
    path : Path, optional
        The SQLite database.
    """

    def __init__(self, uri: str, collection: str) -> None:
        self._run = secrets.token_hex(8)
        self._lock = Lock()
        self._db: sqlite3.Connection | None = None
        self.path: Path | None = None
        try:
            folder = config.cache_folder("files")
            place = uri if "://" in uri else str(Path(uri).resolve())
            self.path = folder / f"{short_hash({'uri': place, 'collection': collection})}.sqlite"
            self._db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=1.0)
            self._db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" + _SCHEMA)
        except (OSError, sqlite3.Error):
            self._db = None

    def has_stamp(self, stamp: str, rows: int) -> bool:
        """Return whether the gallery is as the last complete run on this machine left it."""
        return bool(stamp) and self._rows("SELECT stamp, rows FROM stamp") == [(stamp, rows)]

    def find(self, keys: Sequence[str]) -> dict[str, LoadedFile]:
        """Return what is remembered of these primary keys."""
        marks = ",".join("?" * len(keys))
        rows = self._rows(f"SELECT * FROM files WHERE id IN ({marks})", keys)  # noqa: S608 - only question marks
        return {row[0]: LoadedFile(ContentState(*row[1:4]), *row[4:6]) for row in rows}

    def remember(self, files: Iterable[tuple[str, LoadedFile]]) -> None:
        """Note files that stand in the gallery now."""
        rows = [
            (key, file.state.place, file.state.size, file.state.modified, file.sha256, file.entry, self._run)
            for key, file in files
        ]
        self._write("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def forget(self, keys: Iterable[str]) -> None:
        """Note pictures that are gone from the gallery."""
        self._write("DELETE FROM files WHERE id = ?", [(key,) for key in keys])

    def note_stamp(self, stamp: str, rows: int, *, only_this_run: bool) -> None:
        """Note that the gallery, of so many rows, has this stamp now.

        Parameters
        ----------
        only_this_run : bool
            Whether what earlier runs noted is dropped: others have loaded something since.
        """
        if only_this_run:
            self._write("DELETE FROM files WHERE run != ?", [(self._run,)])
        self._write("INSERT OR REPLACE INTO stamp VALUES (1, ?, ?)", [(stamp, rows)])

    def close(self) -> None:
        """Close the file."""
        if self._db is not None:
            self._db.close()

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            try:
                return [] if self._db is None else self._db.execute(statement, values).fetchall()
            except sqlite3.Error:
                return []

    def _write(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        with self._lock:
            try:
                if self._db is not None and rows:
                    self._db.execute("BEGIN IMMEDIATE")
                    self._db.executemany(statement, rows)
                    self._db.execute("COMMIT")
            except (sqlite3.Error, UnicodeEncodeError):  # such as a path that is not UTF-8
                # A memory that cannot be relied on is worse than none: the next run asks Milvus.
                self._db = None
