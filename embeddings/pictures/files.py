"""Opening picture files: regular ones only, and never a pipe that a read would wait for."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from milvise.errors import ImageError

MOST_BYTES = 2**30

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOCTTY", 0)


@contextmanager
def opened(path: Path | str) -> Iterator[tuple[io.BufferedReader, int]]:
    """Open a picture file; yields it, and its length in bytes.

    Raises
    ------
    ImageError
        If it is not a regular file, is empty, larger than `MOST_BYTES`, cannot be read, or is written to meanwhile.
    """
    with opened_by(lambda flags: os.open(path, flags)) as (file, length):
        yield file, length


@contextmanager
def opened_by(opening: Callable[[int], int]) -> Iterator[tuple[io.BufferedReader, int]]:
    """Open a picture file as `opened`, where something else finds it.

    Parameters
    ----------
    opening : callable
        From the flags of `os.open` to the descriptor of the open file.
    """
    try:
        # A pipe that nobody writes to is opened at once with this flag, and then refused.
        with _file(opening(_FLAGS)) as file:
            before = os.fstat(file.fileno())
            _check(before)
            yield file, before.st_size
            after = os.fstat(file.fileno())
    except (OSError, ValueError) as error:
        raise ImageError(_reason(error)) from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ImageError("the file was written to while it was read; run the command again")


def _file(descriptor: int) -> io.BufferedReader:
    try:
        return open(descriptor, "rb")
    except OSError:  # such as a folder, whose descriptor then stays open
        os.close(descriptor)
        raise


def hash_file(path: Path | str) -> str:
    """Return the SHA-256 of a picture file's bytes in hexadecimal; errors as `opened`."""
    with opened(path) as (file, _):
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("not a regular file")
    if status.st_size == 0:
        raise ImageError("the file is empty")
    if status.st_size > MOST_BYTES:
        raise ImageError(f"the file is larger than {MOST_BYTES:,} bytes")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is not there (any more)"
    if isinstance(error, OSError) and error.errno == errno.ENXIO:
        return "not a regular file"
    return f"the file cannot be read: {getattr(error, 'strerror', None) or error}"
