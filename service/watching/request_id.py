"""An id for each request: in every answer, every problem document and every line of the access log."""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from contextvars import ContextVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from milvise.service.watching.measured import STAGES_KEY
from milvise.service.watching.route_pattern import route_pattern

HEADER = "X-Request-Id"

access_log = logging.getLogger("milvise.service.access")

_request_id: ContextVar[str] = ContextVar("request_id", default="")
_TAKEN = re.compile(r"[A-Za-z0-9._-]{8,64}")


def current_request_id() -> str:
    """Return the id of the request that is answered now, empty outside one."""
    return _request_id.get()


class RequestIds:
    """Middleware: gives an id to each request and writes one line of JSON for it.

    A proxy's ``X-Request-Id`` is taken over if it is 8 to 64 letters, digits, dots, dashes and underscores. The line holds no
    query: words and filters are the people's who ask.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _TAKEN.fullmatch(given) else uuid.uuid4().hex
        token = _request_id.set(request_id)
        status, size, started = 500, 0, time.perf_counter()

        async def sending(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            elif message["type"] == "http.response.body":
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            if access_log.isEnabledFor(logging.INFO):
                _log(request_id, scope, status, size, 1000 * (time.perf_counter() - started))
            _request_id.reset(token)


def _log(request_id: str, scope: Scope, status: int, size: int, took_ms: float) -> None:
    line = {
        "request_id": request_id, "method": scope["method"], "route": route_pattern(scope), "status": status, "bytes": size,
        "ms": round(took_ms, 2),
        "stages_ms": {stage: round(1000 * took, 2) for stage, took in scope.get(STAGES_KEY, {}).items()},
    }  # fmt: skip
    access_log.info("%s", json.dumps(line), extra=line)
