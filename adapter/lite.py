"""Opening Milvus Lite: a database in a folder whose name ends in .db."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from pathlib import Path

from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from milvise.adapter.address import without_password
from milvise.adapter.errors import translate
from milvise.errors import LockedError, NotFoundError, StoreError, UsageError

LITE_BUFFER_BYTES = 32 * 2**20
LARGE_BLOCK_BYTES = 256 * 2**10
ARENAS = 2
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # <malloc.h>
_PARTS = {"LOCK", "collections", "databases"}
"""What a database holds, one of them at least."""


def open_lite(uri: str, *, create: bool) -> MilvusClient:
    """Return a client of the database in this folder.

    Raises
    ------
    UsageError
        If it is no path.
    NotFoundError
        If it is not there and `create` is false, or its parent folder is not.
    LockedError
        If another process holds it.
    StoreError
        If something else has that name, or it cannot be opened.
    """
    path = Path(uri)
    try:
        _check(path, create=create)
    except (OSError, ValueError) as error:
        # Too long, or with a NUL character.
        raise UsageError(
            f"this is no path of a Milvus Lite database: {getattr(error, 'strerror', None) or error}.\nReceived:"
            f" {_shown(uri)}"
        ) from error
    # By default Milvus Lite keeps 128 MiB of rows before it writes them out. With 8 MiB a load takes 3 % more of the processor: files are rewritten more often.
    os.environ.setdefault("MILVUS_LITE_MEMTABLE_MEMORY_LIMIT_BYTES", str(LITE_BUFFER_BYTES))
    _give_back_memory()
    cause = _LastError()
    logger = logging.getLogger("milvus_lite.server_manager")
    logger.addHandler(cause)
    logger.propagate, propagate = False, logger.propagate
    try:
        return MilvusClient(str(path))
    except MilvusException as error:
        if cause.error is None:
            raise translate(error) from error
        if type(cause.error).__name__ == "DataDirLockedError":
            raise LockedError(
                f"another process has {path} open, and Milvus Lite serves one process at a time. Wait for it to end, or"
                " share the collection through a Milvus server (see docker-compose.yml)."
            ) from error
        raise StoreError(f"Milvus Lite cannot open {path}: {cause.error}") from error
    finally:
        logger.removeHandler(cause)
        logger.propagate = propagate


def _check(path: Path, *, create: bool) -> None:
    """Refuse what Milvus Lite would fail at without a reason, or would fill with files of its own."""
    if not _is_there(path):
        if not create:
            raise NotFoundError(
                f"there is no Milvus Lite database at {path}. Load something first (milvise ingest …), or say where Milvus"
                " is with --uri or MILVISE_URI."
            )
        if not path.parent.is_dir():
            raise NotFoundError(
                f"the folder {path.parent} for the database {path.name} does not exist. Create it first."
            )
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise StoreError(
                f"the database {path} cannot be made: writing to the folder {path.parent} is not permitted."
            )
        return
    if not _leads_somewhere(path):
        raise NotFoundError(f"{path} is a link that leads nowhere, or in a circle. Remove it, or create what it names.")
    if not path.is_dir():
        raise StoreError(
            f"{path} is no Milvus Lite database, which is a folder: it is a file. (Milvus Lite 2 kept databases in single"
            " files, which cannot be read any more.) Choose another name, or move it away and load again."
        )
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise StoreError(f"the database {path} cannot be opened: reading and writing it is not permitted.")
    found = {entry.name for entry in path.iterdir()}
    if found and not found & _PARTS:
        raise StoreError(f"the folder {path} is no Milvus Lite database: other files lie in it. Choose another name.")


def _is_there(path: Path) -> bool:
    """Whether something has this name, which `Path.exists` and `os.path.lexists` deny of names that are too long."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _leads_somewhere(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, RuntimeError):
        return False


def _shown(uri: str) -> str:
    text = without_password(uri)
    return text if len(text) <= 200 else f"{text[:120]}… ({len(uri)} characters)"


def _give_back_memory() -> None:
    """Have glibc give large blocks back when they are freed.

    Milvus Lite copies all vectors for each search, in several threads. Freed copies would stay with each thread's arena.
    """
    libc = ctypes.CDLL(None)
    if sys.platform == "linux" and hasattr(libc, "mallopt"):
        libc.mallopt(_M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
        libc.mallopt(_M_ARENA_MAX, ARENAS)


class _LastError(logging.Handler):
    """Keeps the exception that Milvus Lite logs: pymilvus raises another one, without the cause."""

    error: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.error = record.exc_info[1]
