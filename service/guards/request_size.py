"""How large a request may be, and how long it may take to arrive."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from milvise.service.bodies.problems import RETRY_AFTER_S, problem
from milvise.service.settings import MEBIBYTE

MOST_HEADER_BYTES = 32 * 1024
MOST_TEXT_BYTES = MEBIBYTE
"""Of a body that holds no picture."""

BODY_S = 60.0
"""A body that has not arrived after so many seconds is given up: 10 MiB at 1.4 Mbit/s."""
SILENCE_S = 10.0
"""So is one of which nothing came for so long."""

WITH_PICTURES = frozenset(("similar", "mixed", "complete", "rank", "owners", "refine", "explain", "tags", "tags-of"))
"""Ends of the paths that take pictures."""


class _RefusedError(Exception):
    """The request is answered already; what reads its body ends here."""


class RequestSize:
    """Middleware: answers 413 to what is too large, 408 to what is too slow, 431 to too many headers, and 503 beyond what all may hold.

    Bodies are counted while they arrive, whatever their ``Content-Length`` says.

    Parameters
    ----------
    app : ASGI application
    upload_bytes : int
        The largest picture, or pictures of one request together.
    most_uploads : int
        The bodies of all requests together hold at most so many times `upload_bytes`.

    Attributes
    ----------
    body_s, silence_s : float
        See `BODY_S` and `SILENCE_S`.
    """

    body_s: ClassVar[float] = BODY_S
    silence_s: ClassVar[float] = SILENCE_S

    def __init__(self, app: ASGIApp, upload_bytes: int, most_uploads: int) -> None:
        self._app = app
        self._upload_bytes = upload_bytes
        self._most_held = max(upload_bytes * most_uploads, 16 * MOST_TEXT_BYTES)
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most(scope)
        if refusal := _refused_by_headers(scope, most):
            await refusal(scope, receive, send)
            return
        size, is_whole, is_answered, is_started = 0, False, False, False
        deadline = time.monotonic() + self.body_s

        async def refuse(answer: Response) -> None:
            nonlocal is_answered
            if not is_started:
                is_answered = True
                await answer(scope, receive, send)
            raise _RefusedError

        async def receiving() -> Message:
            nonlocal size, is_whole
            if is_whole:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), min(self.silence_s, deadline - time.monotonic()))
            except TimeoutError:
                await refuse(
                    problem(408, "too_slow", "The body of the request did not arrive in time.", headers=_CLOSE)
                )
            if message["type"] == "http.request":
                arrived = len(message.get("body", b""))
                size, self._held = size + arrived, self._held + arrived
                is_whole = not message.get("more_body", False)
                if size > most:
                    await refuse(_too_large(most))
                if self._held > self._most_held:
                    await refuse(_too_full())
            return message

        async def sending(message: Message) -> None:
            nonlocal is_started
            # Frameworks turn any error while a body is read into an answer of their own.
            if not is_answered:
                is_started = True
                await send(message)

        try:
            await self._app(scope, receiving, sending)
        except _RefusedError:
            if not is_answered:
                raise
        finally:
            self._held -= size

    def _most(self, scope: Scope) -> int:
        if scope["method"] != "POST" or scope["path"].rpartition("/")[2] not in WITH_PICTURES:
            return MOST_TEXT_BYTES
        if Headers(scope=scope).get("Content-Type", "").startswith("image/"):
            return self._upload_bytes
        # Base64 writes three bytes as four.
        return self._upload_bytes * 4 // 3 + 64 * 1024


_CLOSE = {"Connection": "close"}


def _refused_by_headers(scope: Scope, most: int) -> Response | None:
    headers = scope["headers"]
    if sum(len(name) + len(value) for name, value in headers) + len(scope.get("raw_path") or b"") > MOST_HEADER_BYTES:
        return problem(431, "headers_too_large", "The headers of the request are too large.", headers=_CLOSE)
    if sum(name in (b"content-length", b"transfer-encoding") for name, _ in headers) > 1:
        # A proxy may believe the other one, and take what follows for a request of somebody else (RFC 9112, section 6.1).
        return problem(400, "bad_http", "The length of the body is given twice.", headers=_CLOSE)
    length = Headers(scope=scope).get("Content-Length", "0")
    return _too_large(most) if length.isascii() and length.isdigit() and int(length[:20]) > most else None


def _too_large(most: int) -> Response:
    told = f"The body of the request is too large: at most {most:,} bytes are taken here."
    return problem(413, "too_large", told, headers=_CLOSE, most_bytes=most)


def _too_full() -> Response:
    told = "Too many uploads arrive at once. Try again in a moment."
    return problem(503, "busy", told, headers={**_CLOSE, "Retry-After": str(RETRY_AFTER_S)})
