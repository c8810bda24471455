"""The folder that the subjects of events are relative to. Strangers write events: nothing outside the folder is ever read for one."""

from __future__ import annotations

import errno
import io
import os
import stat
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from milvise.embeddings.pictures.files import opened_by
from milvise.errors import UnavailableError
from milvise.gallery.files import open_below
from milvise.ingest.follow.event import EventError
from milvise.ingest.sources.content import SETTLED_S, Content, ContentState
from milvise.ingest.sources.folder import is_read

Seen = tuple[int, int, int]
"""Size, time of modification in nanoseconds, and number of a file on its disk: another file, or other content, differs in one of them."""

UNREADABLE: Seen = (-1, 0, 0)
_NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EINVAL)
"""The last one where a file stands in the place of a folder."""


@dataclass(frozen=True, slots=True)
class FileBelow:
    """A file below a folder, reached without a link that leads out of it.

    Parameters
    ----------
    root : str
        An absolute path.
    uri : str
        Relative to it.
    """

    root: str
    uri: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self.root, self.uri)

    def __str__(self) -> str:
        return str(self.path)

    def opened(self) -> AbstractContextManager[tuple[io.BufferedReader, int]]:
        """Open it; see `milvise.embeddings.pictures.files.opened_by`."""
        return opened_by(partial(open_below, self.root, self.uri))

    def state(self) -> ContentState | None:
        """Return its path, size and time; None where they cannot be told, or it is too fresh to rely on them."""
        seen = self.seen()
        if seen is None or time.time() - seen[1] / 1e9 < SETTLED_S:
            return None
        return ContentState(str(self.path), seen[0], seen[1])

    def seen(self) -> Seen | None:
        """Return what the file looks like now, None where there is none; whether it can be read is not looked at."""
        try:
            descriptor = open_below(self.root, self.uri, os.O_RDONLY | os.O_NONBLOCK)
        except ValueError:
            return UNREADABLE
        except OSError as error:
            return None if error.errno in _NOT_THERE else UNREADABLE
        try:
            status = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        return (status.st_size, status.st_mtime_ns, status.st_ino) if stat.S_ISREG(status.st_mode) else UNREADABLE


class Looked(Content, Protocol):
    """A picture that can be looked at without reading it."""

    @property
    def uri(self) -> str:
        """Relative to where it is looked for."""

    def seen(self) -> Seen | None:
        """Return what it looks like now, None where there is none; whether it can be read is not looked at."""


class Place(Protocol):
    """Where the pictures are that a follower looks at: a `Root`, or the folders of a gallery."""

    def file(self, uri: str) -> Looked:
        """Return the file of a picture, there or not; raises `EventError` where there can be none."""

    def require_there(self) -> None:
        """Raise `UnavailableError` if it cannot be seen what is there."""

    def require_mounted(self) -> None:
        """Raise `UnavailableError` if nothing is there at all."""

    def label(self, uri: str) -> str:
        """Return the label of a picture of which nothing else says one."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder of pictures.

    Parameters
    ----------
    path : str
        An absolute path, without links.
    labels : bool
        Whether the folder in which a picture lies is its label, where nothing else says one.
    """

    path: str
    labels: bool = True

    def file(self, uri: str) -> FileBelow:
        """Return the file of a picture, there or not.

        Raises
        ------
        EventError
            If loading the folder would never read such a file: it is hidden, of another kind, or lies outside.
        """
        if uri.startswith("/") or "\0" in uri or any(part in ("", ".", "..") for part in uri.split("/")):
            raise EventError("subject is no path relative to the root, such as beach/1.jpg")
        if not is_read(uri):
            raise EventError("subject is hidden, or in no format that is read")
        return FileBelow(self.path, uri)

    def require_there(self) -> None:
        """Check that the folder is there.

        Raises
        ------
        UnavailableError
            If not.
        """
        if not os.path.isdir(self.path):  # noqa: PTH112 - once for each event
            raise UnavailableError(f"the folder {self.path} is not there. Is the disk mounted?")

    def require_mounted(self) -> None:
        """Check that the folder is there and holds something: the place of a disk that is not mounted is an empty folder.

        Raises
        ------
        UnavailableError
            If not.
        """
        self.require_there()
        with os.scandir(self.path) as entries:
            if next(entries, None) is None:
                raise UnavailableError(f"the folder {self.path} is empty. Is the disk mounted?")

    def label(self, uri: str) -> str:
        """Return the label that loading the folder gives a picture."""
        parts = uri.split("/")
        return parts[-2] if self.labels and len(parts) > 1 else ""
