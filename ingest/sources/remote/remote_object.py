"""A picture that is an object of a store, or a page of a web server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import IO

from milvise.errors import ImageError
from milvise.ingest.sources.content import ContentState
from milvise.ingest.sources.remote import stores
from milvise.ingest.sources.remote.failures import RemoteError
from milvise.ingest.sources.spooled import spooled


@dataclass(frozen=True, slots=True)
class RemoteObject:
    """An object; `str` of it is its URL.

    Parameters
    ----------
    url : str
    size, version : int, optional
        As a listing has them. With both, a picture that has not changed is not read again.
    """

    url: str
    size: int | None = None
    version: int | None = None

    def __str__(self) -> str:
        return self.url

    @property
    def path(self) -> None:
        """None: it is no file on this machine."""
        return

    @contextmanager
    def opened(self) -> Iterator[tuple[IO[bytes], int]]:
        """Read it; yields a file that can be sought in, and its length in bytes.

        Raises
        ------
        ImageError
            If it is not there, may not be read, is empty or too large, changed since it was listed, or the store cannot be reached.
        """
        try:
            with spooled(partial(stores.read, self.url, whole=False), self.size) as (file, length):
                yield file, length
        except RemoteError as error:
            raise ImageError(str(error)) from error

    def state(self) -> ContentState | None:
        """Return its URL, size and version, None where no listing told them."""
        if self.size is None or self.version is None:
            return None
        return ContentState(self.url, self.size, self.version)
