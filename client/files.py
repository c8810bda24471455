"""The files of a service's pictures."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from milvise.client.connection import Connection
from milvise.core.records import Picture


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """The file of a picture that a service has, as it was loaded; made by ``gallery.files``.

    Attributes
    ----------
    picture : Picture
    """

    picture: Picture
    _gallery: str = field(repr=False)
    _connection: Connection = field(repr=False)

    @contextmanager
    def opened(self) -> Iterator[tuple[io.BytesIO, int]]:
        """Get it; yields a file in memory that can be sought in, and its length in bytes.

        Raises
        ------
        NoFileError
            If the service does not have it any more as it was loaded.
        DeniedError
            If the service gives out thumbnails alone.
        """
        data = self._connection.content(*self._path, "original")
        yield io.BytesIO(data), len(data)

    def thumbnail(self, size: int = 256) -> bytes:
        """Return it small, as a WebP file.

        Parameters
        ----------
        size : {256, 512}
            Pixels of the longer side; a smaller picture stays as it is.
        """
        return self._connection.content(*self._path, "thumbnail", size=size)

    def path(self) -> None:
        """Return None: it is not on this machine."""

    @property
    def _path(self) -> tuple[str, ...]:
        return "galleries", self._gallery, "pictures", self.picture.id
