"""Which files a gallery was loaded from, as they were then: what has not changed since need not be read again.

Milvus stays the record of what is done. What this machine remembers is used in two ways. A file whose size and time of
modification are as they were has the hash that it had. And where the gallery carries the stamp that the last complete run on
this machine left, nobody has loaded anything since, and Milvus need not be asked about such a file at all.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from milvise.adapter.catalog import short_hash
from milvise.core import config

_SETTLED_S = 2.0
"""A file that changed a moment ago may change again within the tick of the clock that its time is told by."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    id TEXT PRIMARY KEY, path TEXT, size INTEGER, modified INTEGER, sha256 TEXT, entry TEXT, run TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS stamp (one INTEGER PRIMARY KEY, stamp TEXT, rows INTEGER);
"""


@dataclass(frozen=True, slots=True)
class State:
    """A file as it stands: its path, size in bytes, and time of modification in nanoseconds."""

    path: str
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Known:
    """A file as it was when it was loaded; `entry` are its label and metadata as JSON."""

    state: State
    sha256: str
    entry: str


def state_of(path: Path | str) -> State | None:
    """Return a file's state, None where it cannot be told, or is too fresh to be relied on."""
    try:
        status = os.stat(path)  # noqa: PTH116 - twice as fast, and there may be millions
    except (OSError, ValueError):
        return None
    if time.time() - status.st_mtime < _SETTLED_S:
        return None
    return State(os.path.abspath(path), status.st_size, status.st_mtime_ns)  # noqa: PTH100


def entry_of(label: str, meta: Mapping[str, Any]) -> str:
    """Return label and metadata as text that differs where they do."""
    return json.dumps([label, dict(meta)], sort_keys=True, ensure_ascii=False)


class KnownFiles:
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

    def stamped(self, stamp: str, rows: int) -> bool:
        """Return whether the gallery is as the last complete run on this machine left it."""
        return bool(stamp) and self._rows("SELECT stamp, rows FROM stamp") == [(stamp, rows)]

    def find(self, keys: Sequence[str]) -> dict[str, Known]:
        """Return what is known of these primary keys."""
        marks = ",".join("?" * len(keys))
        rows = self._rows(f"SELECT * FROM files WHERE id IN ({marks})", keys)  # noqa: S608 - only question marks
        return {row[0]: Known(State(*row[1:4]), *row[4:6]) for row in rows}

    def remember(self, files: Iterable[tuple[str, Known]]) -> None:
        """Note files that stand in the gallery now."""
        rows = [
            (key, known.state.path, known.state.size, known.state.modified, known.sha256, known.entry, self._run)
            for key, known in files
        ]
        self._write("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def forget(self, keys: Iterable[str]) -> None:
        """Note pictures that are gone from the gallery."""
        self._write("DELETE FROM files WHERE id = ?", [(key,) for key in keys])

    def stamp(self, stamp: str, rows: int, *, only_this_run: bool) -> None:
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
