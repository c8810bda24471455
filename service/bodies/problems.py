"""Errors as problem documents (RFC 9457): one place that says which error has which status.

References
----------
Nottingham, Wilde and Dalal 2023, "Problem Details for HTTP APIs", RFC 9457, section 3.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from milvise import errors
from milvise.service.bodies.wording import detail_of
from milvise.service.watching.request_id import current_request_id

logger = logging.getLogger("milvise.service")

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[type[errors.MilviseError], int] = {
    errors.UsageError: 422,
    errors.NotFoundError: 404,
    errors.ReplacedError: 503,
    errors.StoreAwayError: 503,
    errors.FingerprintError: 409,
    errors.InputError: 422,
    errors.VectorError: 422,
    errors.ModelError: 501,
    errors.BusyError: 503,
    errors.StoreError: 502,
    errors.UnavailableError: 503,
    errors.LockedError: 503,
    errors.UnsupportedError: 501,
    errors.MilviseError: 500,
}
"""The status of an error is that of the closest class above it."""

RETRY_AFTER_S = 2


def status_of(error: errors.MilviseError) -> int:
    """Return the HTTP status of an error; what is busy is unavailable, be it the service or Milvus."""
    if error.code == errors.BusyError.code:
        return STATUS[errors.BusyError]
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def problem(
    status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **further: Any
) -> JSONResponse:
    """Return a problem document."""
    document = {
        "type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "code": code, "detail": detail,
        "request_id": current_request_id(), **further,
    }  # fmt: skip
    return JSONResponse(document, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def add_problems(app: FastAPI) -> None:
    """Answer errors with problem documents."""

    @app.exception_handler(errors.MilviseError)
    def _known(_: Request, error: errors.MilviseError) -> JSONResponse:
        status = status_of(error)
        further = {}
        if isinstance(error, errors.UnknownWordError):
            further = {"word": error.word, "suggestions": list(error.suggestions)}
        headers = {"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
        detail = detail_of(error)
        if isinstance(error, errors.StoreError | errors.ModelError):
            # Who runs the service wants to know all of it, who asks is told nothing of this machine.
            logger.warning("%s: %s", type(error).__name__, error, extra={"request_id": current_request_id()})
        return problem(status, error.code, detail, headers=headers, **further)

    @app.exception_handler(RequestValidationError)
    def _wrong(_: Request, error: RequestValidationError) -> JSONResponse:
        wrong = [
            {"at": _utf8(".".join(map(str, one["loc"]))), "message": _utf8(one["msg"])}
            for one in error.errors()[:_MOST_TOLD]
        ]
        told = "; ".join(f"{one['at']}: {one['message']}" for one in wrong)
        return problem(422, "invalid_request", f"The request is not as described. {told}", errors=wrong)

    @app.exception_handler(HTTPException)
    def _refused(_: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code, "http_error")
        return problem(error.status_code, code, str(error.detail), headers=error.headers)


def _utf8(text: str) -> str:
    """Return a text without what no answer can hold, such as half of a surrogate pair from a document's key."""
    return text.encode("utf-8", "replace").decode()


_MOST_TOLD = 20
"""Errors of one request."""

_CODES = {
    401: "denied",
    403: "denied",
    404: "no_such_page",
    405: "method_not_allowed",
    413: "too_large",
    415: "wrong_type",
}
