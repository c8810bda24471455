"""One connection to Milvus: Milvus Lite in a folder, or a server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from pymilvus import MilvusClient

from milvise.adapter.address import Address, is_server, read_address, without_password
from milvise.adapter.dense_queries import spare_scipy
from milvise.adapter.errors import MilvusBusyError, translated
from milvise.adapter.lite import open_lite
from milvise.adapter.probe import explain_failure
from milvise.adapter.retry import IN_PROCESS, READING, SCANNING, WRITING, Patience, retrying
from milvise.adapter.versions import version_of
from milvise.core.stages import stage
from milvise.errors import MilviseError, UnavailableError, UnsupportedError, UsageError

CONNECT_TIMEOUT_S = 4.0
"""For a new connection, at first and after one broke; pymilvus does the latter inside a call, beyond the call's timeout."""

OLDEST_SERVER = (2, 3)


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
    patience : Patience
        How long a call goes on trying.
    """

    def __init__(
        self, client: MilvusClient, *, uri: str, is_lite: bool, version: str, patience: Patience = READING
    ) -> None:
        self.client = client
        self.uri = uri
        self.is_lite = is_lite
        self.version = version
        self.patience = IN_PROCESS if is_lite else patience
        self._opened: set[str] = set()
        self._opening = Lock()

    def patient(self) -> Connection:
        """Return this connection as a writer uses it: it goes on trying while a server is started again."""
        return self._with(WRITING)

    def in_the_middle(self) -> Connection:
        """Return this connection as it is used once much was read, which would have to be read again: it waits as long as a writer."""
        return self if self.patience.seconds >= SCANNING.seconds else self._with(SCANNING)

    def _with(self, patience: Patience) -> Connection:
        made = Connection(self.client, uri=self.uri, is_lite=self.is_lite, version=self.version, patience=patience)
        made._opened, made._opening = self._opened, self._opening
        return made

    @contextmanager
    def opening(self, name: str) -> Iterator[None]:
        """Let no other thread call Milvus Lite in the block if it is the first one about a collection.

        Milvus Lite opens a collection when it is first called. Two threads that call it then open it twice: one of them finds it released, and who loads
        the other one waits for ever (`MilvusLite.get_collection`, milvus-lite 3.2).
        """
        if not self.is_lite or name in self._opened:
            yield
            return
        with self._opening:
            yield
            self._opened.add(name)

    def call(
        self,
        method: Callable[..., Any],
        *args: Any,
        timeout: float | None = None,
        passing: tuple[type[MilviseError], ...] = (),
        **kwargs: Any,
    ) -> Any:
        """Call a method of the client, mapping its errors and retrying transient ones.

        Parameters
        ----------
        timeout : float, optional
            Seconds that one try may take; less where less of the patience is left, and not needed in Milvus Lite.

        passing : tuple of type
            Further errors that are tried again, as `retrying`.

        Raises
        ------
        UnavailableError
            If no try succeeded while the patience lasted.
        """

        def once(left: float) -> Any:
            if timeout is not None:
                kwargs["timeout"] = left if self.is_lite else min(timeout, left)
            with translated():
                return method(*args, **kwargs)

        with stage("milvus"):
            return retrying(once, patience=self.patience, place=without_password(self.uri)[1:-1], passing=passing)

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
        Whether a Milvus Lite database that is not there yet may be created.

    Raises
    ------
    UsageError
        If `uri` is neither of the two, or cannot be read.
    NotFoundError
        If the database is not there and `create` is false.
    LockedError
        If another process holds the database.
    DeniedError
        If the server refuses the token.
    UnavailableError
        If no server answers; the message says why. It comes within 15 s.
    """
    _quieten()
    spare_scipy()
    if is_server(uri):
        return _open_server(read_address(uri, token))
    if uri.endswith(".db"):
        client = open_lite(uri, create=create)
        return Connection(client, uri=uri, is_lite=True, version=_version(client))
    raise UsageError(
        "the address of Milvus is either a path that ends in .db (Milvus Lite) or http(s)://host:port (a server).\n"
        f"Received: {without_password(uri)}"
    )


def _open_server(address: Address) -> Connection:
    try:
        client = _client(address)
    except (UnavailableError, MilvusBusyError):
        why = explain_failure(address)
        if why is not None:
            raise why from None
        client = _client(address)
    try:
        version = _version(client)
    except MilvusBusyError as error:
        raise UnavailableError(f"Milvus at {address} is starting: {error}. Try again in a minute.") from error
    _require_version(version)
    return Connection(client, uri=address.uri, is_lite=False, version=version)


def _client(address: Address) -> MilvusClient:
    with translated():
        # pymilvus' shared connections do not tell https from http, and are never closed.
        return MilvusClient(address.uri, token=address.token, timeout=CONNECT_TIMEOUT_S, dedicated=True)


def _version(client: MilvusClient) -> str:
    with translated():
        return str(client.get_server_version(timeout=CONNECT_TIMEOUT_S))


def _quieten() -> None:
    """Keep pymilvus and Milvus Lite from printing a traceback for every error that is mapped and raised anyway."""
    logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
    lite = logging.getLogger("milvus_lite")
    if not lite.handlers:
        lite.addHandler(logging.NullHandler())


def _require_version(version: str) -> None:
    numbers = version_of(version)
    if numbers is not None and numbers < OLDEST_SERVER:
        raise UnsupportedError(
            f"milvise needs Milvus {'.'.join(map(str, OLDEST_SERVER))} or newer.\nReceived: {version}"
        )
