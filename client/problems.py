"""From an answer that says what went wrong (RFC 9457) to the same error that a `milvise.Database` raises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import httpx

from milvise import errors

NO_ROUTE = "no_such_page"

_BY_STATUS: Mapping[int, type[errors.MilviseError]] = {
    HTTPStatus.BAD_REQUEST: errors.UsageError,
    HTTPStatus.UNAUTHORIZED: errors.DeniedError,
    HTTPStatus.FORBIDDEN: errors.DeniedError,
    HTTPStatus.NOT_FOUND: errors.NotFoundError,
    HTTPStatus.REQUEST_TIMEOUT: errors.UnavailableError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: errors.InputError,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: errors.InputError,
    HTTPStatus.UNPROCESSABLE_ENTITY: errors.UsageError,
    HTTPStatus.TOO_MANY_REQUESTS: errors.BusyError,
    HTTPStatus.BAD_GATEWAY: errors.UnavailableError,
    HTTPStatus.SERVICE_UNAVAILABLE: errors.UnavailableError,
    HTTPStatus.GATEWAY_TIMEOUT: errors.UnavailableError,
}
"""For codes that are about HTTP alone, and for answers of proxies, which have none."""


def error_of(answer: httpx.Response) -> errors.MilviseError:
    """Return the error that an answer stands for.

    The class is that of the document's ``code``, else of the status. The id of the request, under which the service's log says more, is a
    note of the error.
    """
    document = _document(answer)
    if document.get("code") == NO_ROUTE:
        return errors.UnsupportedError(
            f"the service at {origin(answer)} has no {answer.request.url.path}: it is of another version than this client."
        )
    kind = _by_code(str(document.get("code", ""))) or _BY_STATUS.get(answer.status_code, errors.StoreError)
    detail = (
        document.get("detail")
        or f"the service at {origin(answer)} answered {answer.status_code} {answer.reason_phrase}."
    )
    # Constructors of these classes make the message from parts; here it is made already.
    error = kind.__new__(kind, str(detail))
    for name, value in _carried(kind, document):
        setattr(error, name, value)
    request_id = answer.headers.get("X-Request-Id")
    if request_id:
        error.add_note(f"request id: {request_id}")
    return error


def origin(answer: httpx.Response) -> str:
    """Return the address of a service, without path and query."""
    url = answer.request.url
    return f"{url.scheme}://{url.netloc.decode()}"


def _document(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _by_code(code: str) -> type[errors.MilviseError] | None:
    return next(
        (kind for kind in vars(errors).values() if isinstance(kind, type) and getattr(kind, "code", None) == code), None
    )


def _carried(kind: type[errors.MilviseError], document: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    if issubclass(kind, errors.UnknownWordError):
        yield "word", str(document.get("word", ""))
        yield "suggestions", tuple(document.get("suggestions", ()))
    if issubclass(kind, errors.MissingEncoderError):
        yield "encoder", str(document.get("encoder", ""))
