"""Start here: a service, with the requests of a `milvise.Database`."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version
from types import TracebackType
from typing import Any

import httpx

from milvise.adapter.store import check_name
from milvise.client import records
from milvise.client.connection import Connection
from milvise.client.gallery import RemoteGallery
from milvise.client.words import RemoteVocabulary
from milvise.core import config
from milvise.errors import UsageError
from milvise.queries.galleries import GallerySummary

TIMEOUT_S = 60.0


class RemoteDatabase:
    """A service; made by `milvise.connect` with an `api_key`, and closed by `close` or the end of a ``with`` block.

    Threads may share it: each request takes one of the connections that are kept open. What loads, trains and changes galleries is done where
    Milvus is.

    Parameters
    ----------
    http : httpx.Client
        With the address of the service, the key, and limits on time; `connect_to_service` makes it.

    Attributes
    ----------
    words : RemoteVocabulary

    Examples
    --------
    >>> with milvise.connect("https://pictures.example", api_key="…") as db:    # doctest: +SKIP
    ...     db.gallery("holiday").search("dog on the beach")
    """

    def __init__(self, http: httpx.Client) -> None:
        self._connection = Connection(http)
        self.words = RemoteVocabulary(self._connection)

    def gallery(self, name: str = config.DEFAULT_GALLERY) -> RemoteGallery:
        """Return the gallery of this name; whether it is there shows when it is asked something.

        Raises
        ------
        UsageError
            If no gallery can be called so.
        """
        return RemoteGallery(self._connection, check_name(name))

    def galleries(self, only: str | None = None) -> list[GallerySummary]:
        """Return the galleries that there are, by name, with what each of them can be asked; as `milvise.Database.galleries`."""
        if only is None:
            return self._connection.get(records.galleries, "galleries")
        return [self._connection.get(records.gallery, "galleries", check_name(only))]

    def status(self, gallery: str | None = None) -> list[dict[str, Any]]:
        """Return `galleries` as plain values. The collections behind them are told where Milvus is, by `milvise.Database.status`.

        Returns
        -------
        list of dict
            ``name``, ``pictures`` (how many), ``encoder``, ``has_words`` and ``has_classes`` of each.

        Raises
        ------
        NotFoundError
            If a gallery is named and is not there.
        """
        return [asdict(one) for one in self.galleries(gallery)]

    def close(self) -> None:
        """Close the connections to the service."""
        self._connection.close()

    def __enter__(self) -> RemoteDatabase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


def connect_to_service(uri: str, *, api_key: str, timeout: float = TIMEOUT_S) -> RemoteDatabase:
    """Return a service; whether it is there shows when it is asked something.

    Parameters
    ----------
    uri : str
        Its address, such as ``https://pictures.example`` or ``http://127.0.0.1:8000``. A key is sent as it is: over a network that others can
        read, only ``https`` hides it.
    api_key : str
        A key of the service; ``""`` where it asks for none.
    timeout : float
        Seconds to wait for a connection, and between two parts of an answer.

    Raises
    ------
    UsageError
        If the address, the key or the time cannot be.
    """
    if not timeout > 0:
        raise UsageError(f"the timeout must be more than 0 seconds.\nReceived: {timeout}")
    if not (api_key.isascii() and api_key.isprintable()) or " " in api_key:
        raise UsageError("the API key cannot be sent.\nExpected: letters, digits and signs of ASCII, without blanks")
    key = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    http = httpx.Client(
        base_url=_address(uri), headers={"User-Agent": f"milvise/{version('milvise')}", **key}, timeout=timeout
    )
    return RemoteDatabase(http)


def _address(uri: str) -> httpx.URL:
    try:
        address = httpx.URL(uri)
    except (httpx.InvalidURL, TypeError):
        address = httpx.URL("")
    if (
        address.scheme not in ("http", "https")
        or not address.host
        or address.userinfo
        or address.query
        or address.fragment
    ):
        raise UsageError(
            "a service is reached by its address.\nExpected: https://host, http://host:port, or one of these with a path, and without user,"
            f" password and query\nReceived: {address.copy_with(userinfo=b'', query=None) if address.host else uri!r}"
        )
    return address
