"""One connection to Milvus: Milvus Lite in a file, or a server."""

from __future__ import annotations

import ctypes
import logging
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pymilvus import MilvusClient
from pymilvus.exceptions import MilvusException

from milvise.adapter.errors import translate, translated
from milvise.adapter.retry import retrying
from milvise.errors import LockedError, NotFoundError, StoreError, UnsupportedError, UsageError

CONNECT_TIMEOUT_S = 10.0
OLDEST_SERVER = (2, 3)
LITE_BUFFER_BYTES = 8 * 2**20
LARGE_BLOCK_BYTES = 256 * 2**10
ARENAS = 2
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # <malloc.h>


class Connection:
    """A `MilvusClient` whose calls raise errors of milvise and are tried again after transient failures.

    Attributes
    ----------
    uri : str
        What it was opened with.
    is_lite : bool
        Whether it is Milvus Lite.
    version : str
        What Milvus says of itself.
    client : MilvusClient
        The client, to be used through `call`.
    """

    def __init__(self, client: MilvusClient, *, uri: str, is_lite: bool) -> None:
        self.client = client
        self.uri = uri
        self.is_lite = is_lite
        with translated():
            self.version = str(client.get_server_version(timeout=CONNECT_TIMEOUT_S))
        _require_version(self.version, is_lite=is_lite)

    def call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a method of the client, mapping its errors and retrying transient ones."""

        def once() -> Any:
            with translated():
                return method(*args, **kwargs)

        return retrying(once)

    def close(self) -> None:
        """Close the client, and release the lock of a Milvus Lite file."""
        self.client.close()
        if self.is_lite:
            from milvus_lite.server_manager import server_manager_instance

            server_manager_instance.release_server(self.uri)


def connect(uri: str, *, token: str = "", create: bool = False) -> Connection:
    """Open Milvus.

    Parameters
    ----------
    uri : str
        A path that ends in ``.db`` is Milvus Lite; ``http(s)://host:port`` is a server.
    token : str
        ``user:password`` or an API key; Milvus Lite has no users and ignores it.
    create : bool
        Whether a Milvus Lite file that is not there yet may be created.

    Raises
    ------
    UsageError
        If `uri` is neither of the two.
    NotFoundError
        If the file is not there and `create` is false.
    LockedError
        If another process holds the file.
    UnavailableError
        If no server answers, or the token is wrong (Milvus gives both the same answer).
    """
    _quieten()
    if re.match(r"https?://", uri):
        with translated():
            return Connection(MilvusClient(uri, token=token, timeout=CONNECT_TIMEOUT_S), uri=uri, is_lite=False)
    if uri.endswith(".db"):
        return Connection(_open_lite(Path(uri), create=create), uri=uri, is_lite=True)
    raise UsageError(
        "the address of Milvus is either a path that ends in .db (Milvus Lite) or http(s)://host:port (a server).\n"
        f"Received: {uri}"
    )


def _open_lite(path: Path, *, create: bool) -> MilvusClient:
    if not path.exists() and not create:
        raise NotFoundError(
            f"there is no Milvus Lite database at {path}. Load something first (milvise ingest …), or say where Milvus"
            " is with --uri or MILVISE_URI."
        )
    if not path.parent.is_dir():
        raise NotFoundError(f"the folder {path.parent} for the database {path.name} does not exist. Create it first.")
    # Milvus Lite keeps up to 128 MiB of rows as Python objects before it writes them out; sooner costs nothing.
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


def _quieten() -> None:
    """Keep pymilvus and Milvus Lite from printing a traceback for every error that is mapped and raised anyway."""
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    lite = logging.getLogger("milvus_lite")
    if not lite.handlers:
        lite.addHandler(logging.NullHandler())


def _require_version(version: str, *, is_lite: bool) -> None:
    numbers = re.search(r"(\d+)\.(\d+)", version)
    if is_lite or numbers is None:
        return
    if (int(numbers[1]), int(numbers[2])) < OLDEST_SERVER:
        raise UnsupportedError(
            f"milvise needs Milvus {'.'.join(map(str, OLDEST_SERVER))} or newer.\nReceived: {version}"
        )
