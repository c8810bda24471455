"""The members of a tar, one after the other, whatever is in it: tars may come from strangers.

Only the headers are read here. Nothing is unpacked, no link is followed, and no name becomes a path.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from milvise.embeddings.pictures.files import MOST_BYTES

MOST_HEADER = 2**20
"""Bytes that a name, or what a header says of a member beside it, may take."""

MOST_HEADERS = 4 * MOST_HEADER
"""Bytes of all headers before one member."""

_BLOCK = 512


class TarError(OSError):
    """A tar that cannot be read on; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Member:
    """A member; one that has a `problem` is not read.

    Attributes
    ----------
    name : str
        As the tar has it, without ``./`` before it.
    start, length : int
        Where its bytes are in the tar.
    problem : str
        Why it cannot be used, empty if it can.
    """

    name: str
    start: int
    length: int
    problem: str = ""


def members(file: IO[bytes], size: int) -> Iterator[Member]:
    """Yield the members of a tar that are no folders.

    Parameters
    ----------
    file : file
        That can be sought in. Who reads on may move it.
    size : int
        Of the tar, in bytes.

    Raises
    ------
    TarError
        At the place where it is damaged, cut off, or no tar.
    OSError
        If it cannot be read.
    """
    before = -1
    try:
        headers = _Headers(file)
        archive = tarfile.open(fileobj=headers, mode="r:")  # noqa: SIM115 - the file is not its own
        while (info := archive.next()) is not None:
            headers.left = MOST_HEADERS
            # All that were read are kept there otherwise.
            archive.members.clear()  # type: ignore[attr-defined]
            if info.offset_data <= before or info.size < 0:
                raise TarError(f"it is damaged at byte {max(before, 0):,}")
            before = info.offset_data
            if not info.isdir():
                yield _member(info, size)
        _require_end(file, archive.offset, size)
    except tarfile.TarError as error:
        raise TarError(f"it is no tar, damaged or cut off: {error}") from error
    except (ValueError, RecursionError, OverflowError, MemoryError) as error:  # of headers that nobody would write
        raise TarError(f"it is damaged: {error}") from error


def _member(info: tarfile.TarInfo, size: int) -> Member:
    name = info.name.removeprefix("./")
    problem = ""
    if info.issym() or info.islnk():
        problem = "it is a link in the tar, which is not followed"
    elif not info.isreg() or info.issparse():
        problem = "it is no regular file in the tar"
    elif name.startswith("/") or any(part in ("", ".", "..") for part in name.split("/")):
        problem = "its name in the tar leads elsewhere"
    elif info.size > MOST_BYTES:
        problem = f"the file is larger than {MOST_BYTES:,} bytes"
    elif info.offset_data + info.size > size:
        problem = "the tar is cut off in it"
    return Member(name, info.offset_data, info.size, problem)


def _require_end(file: IO[bytes], at: int, size: int) -> None:
    """Check that a tar ends where its reading ended: a header that cannot be read ends it without an error."""
    file.seek(at)
    if file.read(_BLOCK) != bytes(_BLOCK):
        raise TarError(f"it is damaged or cut off at byte {min(at, size):,}: the mark of its end is not there")


class _Headers(io.RawIOBase):
    """A file of which no piece is read that is longer than a header may be, and not too many for one member."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._at = 0
        self.left = MOST_HEADERS

    def read(self, size: int | None = -1) -> bytes:
        """Return so many bytes."""
        if size is None or not 0 <= size <= MOST_HEADER:
            raise ValueError("a header that is too long, or of no length")
        self.left -= size
        if self.left < 0:
            raise ValueError(f"headers of more than {MOST_HEADERS:,} bytes before one member")
        # Who reads the members moves the file meanwhile.
        self._file.seek(self._at)
        data = self._file.read(size)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place, and return it."""
        assert whence == io.SEEK_SET
        if offset < 0:
            raise ValueError("a place before the beginning")
        self._at = offset
        return offset

    def tell(self) -> int:
        """Return where it is read next."""
        return self._at
