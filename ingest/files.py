"""Reading picture files: only regular files, and whole."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

from milvise.errors import ImageError

MOST_BYTES = 2**30


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal.

    Raises
    ------
    ImageError
        If it is not a regular file, is empty, larger than `MOST_BYTES`, or cannot be read.
    """
    try:
        _check(path)
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError) as error:
        raise ImageError(_reason(error)) from error


def read_file(path: Path) -> bytes:
    """Return a file's bytes; errors as `hash_file`."""
    try:
        _check(path)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise ImageError(_reason(error)) from error


def _check(path: Path) -> None:
    """Refuse what a read would hang on or not end with: pipes, sockets, devices, and absurdly large files."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("not a regular file")
    if status.st_size == 0:
        raise ImageError("the file is empty")
    if status.st_size > MOST_BYTES:
        raise ImageError(f"the file is larger than {MOST_BYTES:,} bytes")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "the file is not there (any more)"
    return f"the file cannot be read: {getattr(error, 'strerror', None) or error}"
