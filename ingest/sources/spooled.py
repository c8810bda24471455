"""Bytes that are read elsewhere become a file that can be sought in: in memory if they are few, else on the disk."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from milvise.embeddings.pictures.files import MOST_BYTES
from milvise.errors import ImageError

IN_MEMORY = 8 * 2**20
"""Larger pictures are read in pieces of so many bytes."""


@contextmanager
def spooled(read: Callable[[int, int], bytes], length: int | None) -> Iterator[tuple[IO[bytes], int]]:
    """Yield a file with the bytes of a picture, and their number.

    Parameters
    ----------
    read : callable
        From start and end to the bytes between them; fewer, if the picture ends before.
    length : int, optional
        How many bytes there are, None if that is not known.

    Raises
    ------
    ImageError
        If there are none, more than `MOST_BYTES`, or another number than `length`.
    """
    _check(length)
    first = read(0, IN_MEMORY + 1 if length is None else min(length, IN_MEMORY + 1))
    _check(len(first))
    if len(first) <= IN_MEMORY:
        _require(len(first), length)
        yield io.BytesIO(first), len(first)
        return
    with tempfile.TemporaryFile() as file:
        piece, done = first, 0
        while piece:
            file.write(piece)
            done += len(piece)
            _check(done)
            is_last = len(piece) < IN_MEMORY or done == length
            piece = b"" if is_last else read(done, done + IN_MEMORY)
        _require(done, length)
        file.seek(0)
        yield file, done


def _check(length: int | None) -> None:
    if length == 0:
        raise ImageError("the file is empty")
    if length is not None and length > MOST_BYTES:
        raise ImageError(f"the file is larger than {MOST_BYTES:,} bytes")


def _require(found: int, length: int | None) -> None:
    if length is not None and found != length:
        raise ImageError("the file was written to while it was read; run the command again")
