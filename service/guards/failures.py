"""What nobody expected: answered under the request's id, and logged."""

from __future__ import annotations

import asyncio
import logging

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from milvise.service.bodies.problems import RETRY_AFTER_S, problem
from milvise.service.watching.request_id import current_request_id

logger = logging.getLogger("milvise.service")


class Failures:
    """Middleware: answers 500 where an error passed all that knows errors.

    Starlette's own place for this is outside all middleware, where a request has no id and answers get no headers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_started = False

        async def sending(message: Message) -> None:
            nonlocal is_started
            is_started = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except ClientDisconnect:
            # Who asked has gone away; there is nobody to answer.
            pass
        except asyncio.CancelledError:
            # The service is told to stop, and the time for requests that run is over.
            if is_started or scope["type"] != "http":
                raise
            headers = {"Retry-After": str(RETRY_AFTER_S), "Connection": "close"}
            await problem(503, "busy", "The service is stopping.", headers=headers)(scope, receive, send)
        except Exception as error:
            logger.exception("an unexpected error", exc_info=error, extra={"request_id": current_request_id()})
            if is_started or scope["type"] != "http":
                raise
            told = "The service failed; its log says why, under this request id."
            await problem(500, "internal_error", told)(scope, receive, send)
