"""A picture that is a part of a larger file, such as a member of a tar."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

from milvise.errors import ImageError
from milvise.ingest.sources.anywhere import FileAnywhere
from milvise.ingest.sources.content import ContentState
from milvise.ingest.sources.held_bytes import HeldBytes
from milvise.ingest.sources.remote.stores import number_of
from milvise.ingest.sources.spooled import spooled

_PLACE = re.compile(r"bytes:(\d{1,18})\+(\d{1,18}):(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """The bytes of a file from `start` on; `str` of it is ``bytes:START+LENGTH:PLACE``.

    Parameters
    ----------
    file : FileAnywhere
    start, length : int
    version : int, optional
        Of the whole file: a number that is new whenever its content is.
    held : HeldBytes, optional
        The bytes, where they came along while the file was read.
    """

    file: FileAnywhere
    start: int
    length: int
    version: int | None = None
    held: HeldBytes | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"bytes:{self.start}+{self.length}:{self.file.place}"

    @property
    def path(self) -> None:
        """None: it is no file by itself."""
        return

    @contextmanager
    def opened(self) -> Iterator[tuple[IO[bytes], int]]:
        """Read it; yields a file that can be sought in, and its length in bytes.

        Raises
        ------
        ImageError
            If it cannot be read, is empty or too large, or the larger file ends before.
        """
        try:
            with spooled(self._read, self.length) as (file, length):
                yield file, length
        except OSError as error:
            raise ImageError(f"it cannot be read: {error.strerror or error}") from error

    def _read(self, start: int, end: int) -> bytes:
        if self.held is not None:
            return self.held.data[start:end]
        return self.file.read(self.start + start, self.start + min(end, self.length))

    def state(self) -> ContentState | None:
        """Return where it is, its length, and a number for the version of the file; None where that has none."""
        if self.version is None:
            return None
        return ContentState(str(self), self.length, number_of(f"{self.version}:{self.start}"))


def range_at(place: str) -> tuple[int, int, str] | None:
    """Return start, length and file of a place that is the `str` of a `ByteRange`; None for another place."""
    found = _PLACE.fullmatch(place)
    return None if found is None else (int(found[1]), int(found[2]), found[3])
