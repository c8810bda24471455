"""The bytes of one picture, wherever they are: in a local file, or anywhere else that can be read when it is needed."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from milvise.embeddings.pictures.files import MOST_BYTES, opened
from milvise.errors import ImageError

SETTLED_S = 2.0
"""A file that changed a moment ago may change again within the tick of the clock that its time is told by."""


@dataclass(frozen=True, slots=True)
class ContentState:
    """What shows that content is as it was, without reading it.

    Attributes
    ----------
    place : str
        Where the bytes are: an absolute path, or another text that names no other picture on this machine.
    size : int
        In bytes.
    modified : int
        Time of modification in nanoseconds, or another number that is new whenever the content is.
    """

    place: str
    size: int
    modified: int


class Content(Protocol):
    """The bytes of one picture; `str` of it says where they are."""

    @property
    def path(self) -> Path | None:
        """The file on this machine, None if it is no such file."""

    def opened(self) -> AbstractContextManager[tuple[IO[bytes], int]]:
        """Open it; yields a file that can be sought in, and its length in bytes.

        Raises
        ------
        ImageError
            If it cannot be read; the message is the reason that the quarantine gives.
        """

    def state(self) -> ContentState | None:
        """Return what it looks like now, None where that cannot be told without reading it."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file on this machine.

    Parameters
    ----------
    path : Path
        Where it is.
    """

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def opened(self) -> AbstractContextManager[tuple[IO[bytes], int]]:
        """Open it; see `milvise.embeddings.pictures.files.opened`."""
        return opened(self.path)

    def state(self) -> ContentState | None:
        """Return its path, size and time; None where they cannot be told, or it is too fresh to rely on them."""
        try:
            status = os.stat(self.path)  # noqa: PTH116 - twice as fast, and there may be millions
        except (OSError, ValueError):
            return None
        if time.time() - status.st_mtime < SETTLED_S:
            return None
        return ContentState(os.path.abspath(self.path), status.st_size, status.st_mtime_ns)  # noqa: PTH100


@dataclass(frozen=True, slots=True)
class BytesContent:
    """A picture that is no file on this machine: a function reads it.

    Parameters
    ----------
    place : str
        Where it is, such as ``zip:/data/a.zip!beach/1.jpg``.
    read : callable
        Returns its bytes. It is called in several threads, each time that the bytes are needed. An `OSError` that it raises
        puts the picture into the quarantine.
    version : tuple of (int, int), optional
        Its size in bytes, and a number that is new whenever the content is. With it an unchanged picture is not read again.
    """

    place: str
    read: Callable[[], bytes]
    version: tuple[int, int] | None = None

    @property
    def path(self) -> None:
        """None: it is no file on this machine."""
        return

    def __str__(self) -> str:
        return self.place

    @contextmanager
    def opened(self) -> Iterator[tuple[IO[bytes], int]]:
        """Read it; yields the bytes as a file, and their number."""
        try:
            data = self.read()
        except OSError as error:
            raise ImageError(f"it cannot be read: {error.strerror or error}") from error
        if not data:
            raise ImageError("the file is empty")
        if len(data) > MOST_BYTES:
            raise ImageError(f"the file is larger than {MOST_BYTES:,} bytes")
        yield io.BytesIO(data), len(data)

    def state(self) -> ContentState | None:
        """Return its version, None if it has none."""
        return None if self.version is None else ContentState(self.place, *self.version)
