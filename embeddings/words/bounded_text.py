"""Text files of strangers, plain, gzipped or in a ``.zip``, with limits on what they unfold to."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

from milvise.embeddings.words.skipped import shown
from milvise.errors import InputError

_BUFFER = 2**18
_FREE_BYTES = 2**24
"""Ratios are looked at once so much came out of a file: what is small may repeat itself."""

_MOST_LISTING = 2**22
"""Bytes of a ``.zip`` file's list of members that are read: some 50,000 names."""


def is_file(path: Path) -> bool:
    """Return whether a path is that of a regular file: pipes and devices, which may never end, are none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


@contextmanager
def open_text(source: str, path: Path, *, ratio: int) -> Iterator[IO[bytes]]:
    """Open a text file, which may be gzipped or stand in a ``.zip``, as bytes.

    Parameters
    ----------
    source : str
        The path, behind which ``:member`` may name a member of a ``.zip`` file.
    ratio : int
        Times the size of the file that it may unfold to, once that is more than 16 MiB.

    Raises
    ------
    InputError
        If no member is named where there are several, and on reading, where the file unfolds to more.
    """
    with path.open("rb") as raw:
        size = os.fstat(raw.fileno()).st_size
        if path.suffix == ".zip":
            with zipfile.ZipFile(_Listing(raw)) as archive, archive.open(_member(source, path, archive)) as file:
                yield io.BufferedReader(_Measured(file, path, ratio * size), _BUFFER)
        elif path.suffix == ".gz":
            with gzip.open(raw, "rb") as file:
                yield io.BufferedReader(_Measured(file, path, ratio * size), _BUFFER)
        else:
            yield raw


class _Measured(io.RawIOBase):
    """What comes out of a compressed file, until it is more than any sound file holds."""

    def __init__(self, file: IO[bytes] | gzip.GzipFile, path: Path, most: int) -> None:
        self._file = file
        self._path = path
        self._left = max(most, _FREE_BYTES)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise InputError(
                f"{self._path} unfolds to far more than its size, which no file of words or tags does.\nIf it is sound,"
                " unpack it, and load the file that comes out."
            )
        buffer[: len(data)] = data
        return len(data)


class _Listing:
    """A ``.zip`` file whose list of members is no longer than it may be; `zipfile` reads it in one piece."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.close = file.seek, file.tell, file.close
        self.name = getattr(file, "name", None)

    def read(self, size: int = -1) -> bytes:
        if size > _MOST_LISTING:
            raise InputError(f"the archive's list of members is {size} bytes long.\nExpected: {_MOST_LISTING} at most")
        return self._file.read(size)

    def seekable(self) -> bool:
        return True


def _member(source: str, path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    wanted = source.partition(".zip:")[2]
    members = [info for info in archive.infolist() if info.filename.endswith((".txt", ".vec"))]
    found = [info for info in members if info.filename == wanted] if wanted else members
    if len(found) != 1:
        listed = "\n".join(f"  {path}:{shown(info.filename)}" for info in islice(members, 20))
        raise InputError(f"say which member of the archive to read:\n{listed}\nReceived: {source}")
    # Other methods of compression give all that a piece unfolds to at once.
    if found[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(
            f"{path} is compressed in a way that is not read.\nExpected: deflate, as most programs write\nReceived: method"
            f" {found[0].compress_type}"
        )
    return found[0]
