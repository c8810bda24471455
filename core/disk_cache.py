"""A folder of small files that can be made again, of bounded size: what was not used for longest goes first.

Several processes may share it. Each file is written under another name and then renamed, so that nobody reads half of one.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from threading import Lock

from milvise.core import config

_KEY = re.compile("[0-9a-z-]{4,100}")
_USED_S = 3_600.0
"""A file that was used is marked so at most so often."""

_KEPT = 0.9
_BETWEEN = 20
_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class DiskCache:
    """Bytes by key, in a folder of the user's cache folder; without that folder it keeps nothing.

    Parameters
    ----------
    name : str
        Of the folder.
    most_bytes : int
        How much it holds. Each process looks at the size of the whole when it has written a twentieth of this, and then removes files
        until nine tenths are left.

    Attributes
    ----------
    hits, misses : int
        How often this process found what it asked for, and how often not.
    """

    def __init__(self, name: str, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.hits = self.misses = 0
        self._lock = Lock()
        self._left_until_trimmed = 0
        self._held: int | None = None
        self._folder: Path | None = None
        with suppress(OSError):
            self._folder = config.cache_folder(name)

    @property
    def held_bytes(self) -> int:
        """How much it holds, as far as this process knows: it counts what others write when it trims."""
        with self._lock:
            if self._held is None:
                self._held = sum(size for _, size, _ in self._files())
            return self._held

    def get(self, key: str) -> bytes | None:
        """Return what is kept under a key, None if nothing is."""
        path = self._path(key)
        data = None if path is None else _read(path)
        with self._lock:
            self.hits += data is not None
            self.misses += data is None
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep bytes under a key; where the disk or the folder does not allow it, nothing is kept."""
        path = self._path(key)
        if path is None or not data:
            return
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _write(path, data)
        except OSError:
            return
        with self._lock:
            self._left_until_trimmed -= len(data)
            if self._held is not None:
                self._held += len(data)
            if self._left_until_trimmed <= 0:
                self._trim()
                self._left_until_trimmed = self.most_bytes // _BETWEEN

    def _trim(self) -> None:
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        if total > self.most_bytes:
            for _, size, path in files:
                if total <= _KEPT * self.most_bytes:
                    break
                # Another process may have removed it.
                with suppress(OSError):
                    path.unlink()
                total -= size
        self._held = total

    def _files(self) -> list[tuple[float, int, Path]]:
        """Return the time of the last use, the size and the path of each file, those of writers that were killed included."""
        found: list[tuple[float, int, Path]] = []
        for folder in [] if self._folder is None else _entries(self._folder):
            for entry in _entries(Path(folder)) if folder.is_dir(follow_symlinks=False) else []:
                with suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_mtime, status.st_size, Path(entry)))
        return found

    def _path(self, key: str) -> Path | None:
        if not _KEY.fullmatch(key):
            raise ValueError(f"no key of a cache: {key!r}")
        return None if self._folder is None else self._folder / key[:2] / key


def _read(path: Path) -> bytes | None:
    try:
        with open(os.open(path, os.O_RDONLY | _NO_LINK), "rb") as file:  # noqa: PTH123 - takes descriptors
            data = file.read()
            if time.time() - os.fstat(file.fileno()).st_mtime > _USED_S:
                with suppress(OSError):
                    os.utime(path)
    except OSError:
        return None
    # A file without content is what a power failure may leave.
    return data or None


def _write(path: Path, data: bytes) -> None:
    number, name = tempfile.mkstemp(dir=path.parent)
    try:
        with open(number, "wb") as file:  # noqa: PTH123 - takes descriptors
            file.write(data)
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        raise


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
