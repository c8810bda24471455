"""One file that others are read out of, such as a tar or a table: on this machine, or anywhere that a URL leads to."""

from __future__ import annotations

import io
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from milvise.ingest.sources.content import SETTLED_S
from milvise.ingest.sources.remote import stores
from milvise.ingest.sources.remote.failures import RemoteError
from milvise.ingest.sources.remote.url import folder_of, is_remote, name_of

BLOCK = 4 * 2**20


@dataclass(frozen=True, slots=True)
class FileAnywhere:
    """A file; `str` of it is its place.

    Parameters
    ----------
    place : str
        A path or a URL.
    """

    place: str

    def __str__(self) -> str:
        return self.place

    @property
    def is_remote(self) -> bool:
        """Whether it is reached by a URL."""
        return is_remote(self.place)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return name_of(self.place) if self.is_remote else Path(self.place).name

    @property
    def folder(self) -> str:
        """The absolute path, or the URL, of the folder in which it lies."""
        return folder_of(self.place) if self.is_remote else str(Path(self.place).parent.resolve())

    def look(self) -> stores.Entry:
        """Return its size, and a number that is new whenever its content is; raises `OSError`."""
        if self.is_remote:
            return stores.look(self.place)
        status = os.stat(self.place)  # noqa: PTH116 - as in content.py
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{self.place}: not a regular file")
        fresh = time.time() - status.st_mtime < SETTLED_S
        return stores.Entry(self.place, status.st_size, None if fresh else status.st_mtime_ns)

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`, fewer if it ends before; raises `OSError`."""
        if self.is_remote:
            return stores.read(self.place, start, end, whole=False)
        with self.opened() as file:
            file.seek(start)
            return file.read(end - start)

    @contextmanager
    def opened(self, size: int | None = None, *, block: int = BLOCK) -> Iterator[IO[bytes]]:
        """Yield it as a file that can be sought in.

        Parameters
        ----------
        size : int, optional
            In bytes, where a `look` told it already.
        block : int
            Bytes of one request; as many are kept.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        if not self.is_remote:
            with Path(self.place).open("rb") as file:
                yield file
            return
        size = self.look().size if size is None else size
        if size is None:
            raise RemoteError(f"{self.place}: the server does not say how long it is, which reading parts of it needs")
        yield _InBlocks(self.place, size, block)  # type: ignore[misc]


class _InBlocks(io.RawIOBase):
    """An object that is read in blocks, one request for each; one block is kept."""

    def __init__(self, url: str, size: int, block: int) -> None:
        self._url = url
        self._size = size
        self._block = block
        self._at = 0
        self._kept_from = 0
        self._kept = b""

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be sought in."""
        return True

    def tell(self) -> int:
        """Return where it is read next."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another place, and return it."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """Return so many bytes, fewer only at the end."""
        rest = max(0, self._size - self._at)
        size = rest if size is None or size < 0 else min(size, rest)
        found = bytearray()
        while len(found) < size:
            found += self._piece(size - len(found))
        return bytes(found)

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill a buffer, and return how many bytes came."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _piece(self, wanted: int) -> bytes:
        """Return up to so many bytes from where it is read, at least one."""
        inside = self._at - self._kept_from
        if not 0 <= inside < len(self._kept):
            end = min(self._size, self._at + max(self._block, min(wanted, 8 * self._block)))
            self._kept, self._kept_from, inside = stores.read(self._url, self._at, end), self._at, 0
        piece = self._kept[inside : inside + wanted]
        self._at += len(piece)
        return piece
