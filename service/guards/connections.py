"""Connections that take their time: given up, so that a few slow ones do not keep everybody out.

uvicorn waits for the first byte of a request, for the end of its headers and for a reader that stopped reading as long as they like.

References
----------
RFC 9112, section 9.5 (a server may close connections that idle). CERT VU#402580 (Slowloris).
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any, ClassVar, cast
from uuid import uuid4

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from milvise.service.bodies.problems import MEDIA_TYPE, RETRY_AFTER_S
from milvise.service.guards.buckets import sender_of
from milvise.service.watching.request_id import HEADER

HEAD_S = 10.0
"""The headers of a request must have arrived so many seconds after its first byte, the first ones after the connection."""
READING_S = 30.0
"""Who takes nothing of an answer for so long is gone."""
MOST_CONNECTIONS = 600
MOST_OF_ONE = 300
"""One address takes at most half of them."""


class Connection(H11Protocol):
    """One connection, with limits of time and number.

    Attributes
    ----------
    head_s, reading_s : float
        See `HEAD_S` and `READING_S`.
    most, most_of_one : int
        See `MOST_CONNECTIONS` and `MOST_OF_ONE`.
    """

    head_s: ClassVar[float] = HEAD_S
    reading_s: ClassVar[float] = READING_S
    most: ClassVar[int] = MOST_CONNECTIONS
    most_of_one: ClassVar[int] = MOST_OF_ONE

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or refuse it if there are too many."""
        super().connection_made(transport)
        self._head = self.loop.call_later(self.head_s, self._too_slow)
        others = cast("set[Connection]", self.connections)
        mine = Counter(_sender(one) for one in others)[_sender(self)] if len(others) > self.most_of_one else 0
        if len(others) > self.most or mine > self.most_of_one:
            transport.write(_refusal(503, "Service Unavailable", "busy", "Too many connections.", RETRY_AFTER_S))
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        _cancel(self._head)
        _cancel(self._reading)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what arrived, and watch the time for as long as it is no whole request."""
        super().data_received(data)
        if self._is_answering():
            _cancel(self._head)
            self._head = None
        elif self._head is None and not self.transport.is_closing():
            self._head = self.loop.call_later(self.head_s, self._too_slow)

    def pause_writing(self) -> None:
        """Note that the other side does not keep up."""
        super().pause_writing()
        self._reading = self.loop.call_later(self.reading_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that the other side takes more."""
        _cancel(self._reading)
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, or has headers without an end, with a problem document."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and not self._is_answering():
            self.transport.write(_refusal(400, "Bad Request", "bad_http", msg))
        self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _too_slow(self) -> None:
        self._head = None
        if not self._is_answering() and not self.transport.is_closing():
            self.transport.write(_refusal(408, "Request Timeout", "too_slow", "The request did not arrive in time."))
            self.transport.close()


def _sender(connection: H11Protocol) -> str:
    return sender_of(connection.client[0] if connection.client else "")


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def _refusal(status: int, title: str, code: str, detail: str, retry_after: int | None = None) -> bytes:
    """Return an answer to what is no request yet, and so passes none of the guards."""
    request_id = uuid4().hex
    document = {
        "type": "about:blank", "title": title, "status": status, "code": code, "detail": detail, "request_id": request_id,
    }  # fmt: skip
    body = json.dumps(document).encode()
    lines = [
        f"HTTP/1.1 {status} {title}", f"Content-Type: {MEDIA_TYPE}", f"Content-Length: {len(body)}", "Connection: close",
        f"{HEADER}: {request_id}", "X-Content-Type-Options: nosniff",
    ]  # fmt: skip
    if retry_after is not None:
        lines.append(f"Retry-After: {retry_after}")
    return "\r\n".join([*lines, "", ""]).encode() + body
